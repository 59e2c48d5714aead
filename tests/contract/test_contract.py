"""The contract's own promises: layouts, codecs, addresses, exported forms that are fresh."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hybridmesh.contract import export, geometry, grammar
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import ADDRESS_BITS, REGISTERS, Access, register
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM, Flag, Reason, State, Verdict

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_shim_on_the_wire_byte_by_byte():
    verdict = Verdict(
        flags=Flag.DECIDED | Flag.TOUCH,
        epoch=0x0102,
        row=0x0304,
        reason=5,
        method=6,
        head_offset=0x0708,
        seq=0x090A0B0C,
        head_length=0x0D0E,
        path_offset=0x0F10,
        path_length=0x1112,
        host_offset=0x1314,
        host_length=0x15,
        latency=0x1617,
        body_length=0x18191A1B,
        authenticator=0x1C1D1E1F20212223,
    )
    wire = "88b5 01 81 0102 0304 05 06 0708 090a0b0c 0d0e 0f10 1112 1314 15 00 1617 18191a1b"
    assert SHIM.pack(verdict) == bytes.fromhex(wire + "1c1d1e1f20212223")
    assert SHIM.unpack(b"xx" + SHIM.pack(verdict), 2) == verdict
    assert verdict.state is State.DECIDED


def test_a_field_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"Verdict\.row is 65536, not a u16"):
        SHIM.pack(Verdict(row=65536))
    with pytest.raises(ValueError, match="needs 40 bytes, 39 are there"):
        SHIM.unpack(bytes(39))


def test_every_reason_has_a_state_and_a_meaning():
    assert {r.state for r in Reason} == {State.DECIDED, State.UNDECIDED, State.MALFORMED}
    assert all(r.meaning for r in Reason)
    assert max(Reason) < 32  # the RTL's vector of reasons


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ({"width": 3}, "width must be one of 1, 2, 4, 8, 16, 32, 64, not 3"),
        ({"rows": 100}, "rows must be one of"),
        ({"width": 64, "path_bytes": 32}, "path_bytes must be one of 64, 128, 256, not 32"),
        ({"max_frame": 2047}, "max_frame must be a multiple of the width"),
    ],
)
def test_a_geometry_that_cannot_be_built_is_refused(sizes, complaint):
    with pytest.raises(ValueError, match=complaint):
        Geometry(**sizes)


def test_table_words_stand_where_their_address_says():
    sizes = Geometry(rows=64, hosts=16, predicates=16)
    image = TableImage(sizes)
    image.path.mismatch[:] = False
    image.path.mismatch[5, 1, 0xA, 33] = True  # byte 5, high nibble 0xA, row 33
    image.row_flags[7] = 3
    image.options[0] = geometry.OPTION_QUERY
    words = {space.name: list(data) for space, data in image.words()}
    # two words an entry; entry = (position * 2 + half) * 16 + nibble
    assert np.flatnonzero(words["path"]).tolist() == [2 * ((5 * 2 + 1) * 16 + 0xA) + 1]
    assert words["path"][2 * ((5 * 2 + 1) * 16 + 0xA) + 1] == 1 << 1
    assert words["row_flags"][7] == 3
    assert words["options"] == [1]
    assert [len(words[s.name]) for s in sizes.spaces] == [s.words for s in sizes.spaces]


def test_registers_do_not_overlap_and_know_their_fields():
    addresses = [r.address for r in REGISTERS]
    assert sorted(set(addresses)) == addresses
    assert all(a % 4 == 0 and a < 1 << ADDRESS_BITS for a in addresses)
    for r in REGISTERS:
        bits = [n for b in r.bits for n in range(b.lsb, b.lsb + b.width)]
        assert len(set(bits)) == len(bits)
        assert all(n < 32 for n in bits)
    pending = register("status").field("pending")
    assert (pending.get(0x10007), pending.put(1)) == (1, 0x10000)
    assert register("table_data").access is Access.WRITE
    with pytest.raises(ValueError, match="does not fit"):
        pending.put(2)


@pytest.mark.parametrize(("width", "engines"), [(1, 1), (2, 1), (4, 2), (8, 2), (16, 4), (64, 4)])
def test_keys_take_turns_between_as_many_engines_as_a_beat_may_need(width, engines):
    assert Geometry(width=width).key_engines == engines


def test_the_byte_after_a_parameter_differs_from_its_equals_sign_in_the_low_nibble_alone():
    after_name = ord("=") | geometry.QUERY_BIT
    assert (after_name >> 4, geometry.QUERY_TERMINATOR >> 4) == (0xB, 0xB)
    assert after_name != geometry.QUERY_TERMINATOR
    assert geometry.QUERY_TERMINATOR & 0x7F not in grammar.QUERY_BYTE


def test_the_composed_machines_have_at_most_eight_states():
    for machine in (grammar.ROLE, grammar.LINE):
        assert len(machine.states) <= 8
        names = {s.name for s in machine.symbols}
        assert {name for _, name, _ in machine.transitions} <= names


def test_the_exported_files_are_those_of_the_contract(tmp_path):
    export.write(tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_text() == (REFERENCE / made.name).read_text(), (
            f"run python -m hybridmesh.contract.export docs/reference for {made.name}"
        )


def test_the_export_writes_its_files_into_the_folder_given(tmp_path):
    command = [sys.executable, "-m", "hybridmesh.contract.export", str(tmp_path)]
    subprocess.run(command, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "contract.md",
        "tunnel.h",
        "verdict.h",
    ]


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_the_c_header_lays_the_shim_out_as_python_does(tmp_path):
    offsets = ", ".join(f"offsetof(struct hybridmesh_verdict, {f.name})" for f in SHIM.fields)
    (tmp_path / "t.c").write_text(
        '#include <stddef.h>\n#include <stdio.h>\n#include "verdict.h"\n'
        f"int main(void) {{ size_t o[] = {{ {offsets}, sizeof(struct hybridmesh_verdict) }};\n"
        'for (unsigned i = 0; i < sizeof(o) / sizeof(*o); i++) printf("%zu ", o[i]); }\n'
    )
    (tmp_path / "verdict.h").write_text(export.c_header())
    subprocess.run(["gcc", "-Wall", "-Werror", "t.c", "-o", "t"], cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "t"], capture_output=True, text=True, check=True).stdout
    assert [int(n) for n in printed.split()] == [*(f.offset for f in SHIM.fields), 40]
