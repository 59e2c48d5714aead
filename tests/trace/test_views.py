"""Views for GTKWave and Surfer: they name the waves' file, and signals that are in it alone."""

import re
from pathlib import Path

import pytest
from vcd.reader import TokenKind, tokenize

from hybridmesh.contract.geometry import Geometry
from hybridmesh.nic import SimulatedNic
from hybridmesh.nic.frames import Connection, split
from hybridmesh.nic.probes import probe_groups
from hybridmesh.trace import write_gtkwave_view, write_surfer_view

from .conftest import GEOMETRY, HEAD

SMALL = Geometry(width=1, rows=32, hosts=16, predicates=16, flows=16, max_frame=1024)


def dumped(waves: Path) -> set[str]:
    """The signals in a VCD file, as GTKWave names them."""
    scope, names = [], set()
    with waves.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scope.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scope.pop()
            elif token.kind is TokenKind.VAR:
                names.add(".".join([*scope, token.var.ref_str]))
            elif token.kind is TokenKind.ENDDEFINITIONS:
                return names
    raise AssertionError("no end")


@pytest.fixture(scope="session")
def waves(record):
    return record(HEAD)


def test_gtkwave_shows_signals_of_the_waves_alone_with_all_their_bits(waves, tmp_path):
    view = tmp_path / "view.gtkw"
    write_gtkwave_view(view, waves, probe_groups(GEOMETRY))
    lines = view.read_text().splitlines()
    assert f'[dumpfile] "{waves}"' in lines
    named = {line for line in lines if line.startswith("TOP.")}
    assert len(named) > 100
    assert named <= dumped(waves)


def test_surfer_shows_signals_of_the_waves_alone(waves, tmp_path):
    view = tmp_path / "view.sucl"
    write_surfer_view(view, waves, probe_groups(GEOMETRY))
    commands = view.read_text().splitlines()
    assert commands[0] == f"load_file {waves}"
    named = {line.split()[1] for line in commands if line.startswith("variable_add ")}
    assert len(named) > 50
    assert named <= {name.partition("[")[0] for name in dumped(waves)}


def test_surfer_formats_the_signal_that_it_has_just_added(waves, tmp_path):
    """It numbers what it shows from 0 on, in sixteen letters from a to p."""
    view = tmp_path / "view.sucl"
    write_surfer_view(view, waves, probe_groups(GEOMETRY))
    shown, told = [], {}
    for line in view.read_text().splitlines():
        command, _, word = line.partition(" ")
        if command in ("variable_add", "divider_add"):
            shown.append(word)
        elif command == "item_focus":
            number = 0
            for letter in word:
                number = 16 * number + "abcdefghijklmnop".index(letter)
            assert number == len(shown) - 1
        elif command == "item_set_format":
            told[shown[-1].rpartition(".")[2]] = word
    assert len(shown) > 16
    assert told["wire_text"] == "ASCII"
    assert told["wire_keep"] == "Binary"
    assert told["verdict_row"] == "Unsigned"


def test_what_is_deep_inside_and_what_has_no_name_is_left_out(waves):
    names = {name.partition("[")[0] for name in dumped(waves)}
    assert "TOP.hybridmesh_nic.core.engine.lexer.o__payload" in names
    assert not [name for name in names if "$" in name.rpartition(".")[2]]
    assert not [name for name in names if ".lane0_low." in name or ".U$" in name]


@pytest.mark.skipif(
    not all(Path("/usr/include", header).exists() for header in ("lz4.h", "zlib.h")),
    reason="waves in FST need liblz4-dev and zlib1g-dev",
)
def test_waves_in_fst_hold_the_same_signals(tmp_path):
    """At the narrowest width, where many vectors are single bits."""
    waves, view = tmp_path / "head.fst", tmp_path / "view.gtkw"
    wire = Connection(("192.0.2.1", 1), ("192.0.2.2", 80))
    with SimulatedNic(SMALL, "fst") as nic:
        nic.listen(80)
        nic.exchange([wire.opening(0)])
        with nic.recording(waves):
            (frame,) = nic.exchange([wire.frame(0, HEAD)])
    assert split(frame)[0].reason == 1  # no table is loaded
    write_gtkwave_view(view, waves, probe_groups(SMALL))
    names = fst_names(waves.read_bytes())
    shown = [line for line in view.read_text().splitlines() if line.startswith("TOP.")]
    named = {line.rpartition(".")[2].encode() for line in shown}
    assert len(named) > 100
    assert {name.replace(b" ", b"") for name in names} >= named


def fst_names(data: bytes) -> set[bytes]:
    """The names in the hierarchy of an FST file, a block that is compressed as LZ4."""
    at = 0
    while data[at] != 6:
        at += 1 + int.from_bytes(data[at + 1 : at + 9], "big")
    end = at + 1 + int.from_bytes(data[at + 1 : at + 9], "big")
    return set(re.findall(rb"[\w.]+(?: \[\d+:0\])?(?=\0)", unpacked(data[at + 17 : end])))


def unpacked(data: bytes) -> bytes:
    """An LZ4 block, unpacked: literals and copies of what came before, by turns."""
    out, at = bytearray(), 0

    def length(nibble: int) -> int:
        nonlocal at
        total = nibble
        while nibble == 15:
            byte, at = data[at], at + 1
            total += byte
            if byte != 255:
                break
        return total

    while at < len(data):
        token, at = data[at], at + 1
        literals = length(token >> 4)
        out += data[at : at + literals]
        at += literals
        if at < len(data):
            back, at = int.from_bytes(data[at : at + 2], "little"), at + 2
            for _ in range(4 + length(token & 15)):
                out.append(out[-back])
    return bytes(out)
