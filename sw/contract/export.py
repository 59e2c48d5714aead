"""The contract in other forms: a C header for the kernel side, tables for the reference pages.

``python -m hybridmesh.contract.export FOLDER`` writes ``verdict.h``, ``tunnel.h`` and
``contract.md`` there.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .geometry import Geometry
from .grammar import TOUCHING
from .inband import ADDRESSES, HEADER, LIMIT, OPERATION, Code, Kind, Outcome
from .inband import ETHERTYPE as CONTROL_ETHERTYPE
from .record import Record
from .registers import BOARD_REGISTERS, REGISTERS, Register
from .tunnel import SOCKET_LEVEL, Counter
from .verdict import ETHERTYPE, NO_ROW, SHIM, VERSION, Flag, Method, Reason, Verdict

__all__ = ["c_header", "reference_page", "tunnel_header", "write"]

_PREFIX = "HYBRIDMESH"


def c_header() -> str:
    """``verdict.h``: the shim as a packed C struct in network byte order, and its constants."""
    constants = {
        "ETHERTYPE": f"{ETHERTYPE:#06x}",
        "SHIM_VERSION": VERSION,
        "SHIM_SIZE": SHIM.size,
        "NO_ROW": f"{NO_ROW:#06x}",
        **{f"FLAG_{flag.name}": f"{flag.value:#04x}" for flag in Flag},
        **{f"REASON_{reason.name}": reason.value for reason in Reason},
        "REASONS": len(Reason),
        **{f"METHOD_{method.name}": method.value for method in Method},
    }
    return _header("VERDICT", constants, *_struct(SHIM))


def tunnel_header() -> str:
    """``tunnel.h``: how the kernel's programs are asked, and the numbers of what they count."""
    constants = {
        "SOCKET_LEVEL": f"{SOCKET_LEVEL:#06x}",
        **{f"COUNTER_{counter.name}": counter.value for counter in Counter},
        "COUNTERS": len(Counter),
    }
    return _header("TUNNEL", constants)


def _header(name: str, constants: Mapping[str, object], *body: str) -> str:
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Made by hybridmesh.contract.export; change the contract, not this file. */",
        f"#ifndef {_PREFIX}_{name}_H",
        f"#define {_PREFIX}_{name}_H",
        "",
        "#include <linux/types.h>",
        "",
        *(f"#define {_PREFIX}_{constant} {value}" for constant, value in constants.items()),
        "",
        *(*body, "") * bool(body),
        f"#endif /* {_PREFIX}_{name}_H */",
    ]
    return "\n".join(lines) + "\n"


def _struct(record: Record[Verdict]) -> Iterable[str]:
    yield f"/* {record.doc.splitlines()[0]} */"
    yield f"struct hybridmesh_{record.name.lower()} {{"
    for field in record.fields:
        kind = "__u8" if field.bits == 8 else f"__be{field.bits}"
        yield f"\t{kind} {field.name}; /* {field.doc} */"
    yield "} __attribute__((packed));"


def reference_page() -> str:
    """``contract.md``: tables of the shim, reasons, registers, table spaces, fields of note."""
    geometry = Geometry()
    parts = [
        "# The contract between hardware and software",
        "Made by `python -m hybridmesh.contract.export docs/reference`; change the contract in "
        "`sw/contract`, not this page.",
        "## Verdict shim",
        f"{SHIM.size} bytes in network byte order, between the MAC addresses and the frame's own "
        "EtherType.",
        _fields(SHIM),
        "### Flags",
        _table(("bit", "flag"), ((f"{f.value:#04x}", f"`{f.name}`") for f in Flag)),
        "### Reasons",
        "Behind a head that is not decided the NIC knows all the same where the next begins, or "
        "has lost the connection. Behind a body in chunks it has lost it, whatever the reason.",
        _table(
            ("number", "reason", "state", "next head", "meaning"),
            (
                (r.value, f"`{r.word}`", r.state.word, "known" if r.framed else "lost", r.meaning)
                for r in Reason
            ),
        ),
        "## Registers",
        "32-bit words behind AXI4-Lite.",
        _registers(REGISTERS),
        "### On boards",
        "Behind control frames there are these as well.",
        _registers(BOARD_REGISTERS),
        "## Table spaces",
        "At the default geometry; addresses as `table_address` takes them.",
        _table(
            ("base", "space", "positions", "columns", "words", "contents"),
            (
                (f"{s.base:#010x}", f"`{s.name}`", s.positions, s.columns, s.words, s.doc)
                for s in geometry.spaces
            ),
        ),
        *_inband(),
        "## Fields that a proxy must interpret",
        "A line that begins so raises `touch`, and so does a `connection:` line of anything but "
        "`keep-alive`; letters of either case.",
        "\n".join(f"- `{text}`" for text in TOUCHING),
        "## Counters of the tunnel",
        f"The kernel's programs answer `getsockopt` at level {SOCKET_LEVEL:#06x}, and count.",
        _table(
            ("number", "counter", "meaning"), ((c.value, f"`{c.word}`", c.meaning) for c in Counter)
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _inband() -> Iterable[str]:
    """Control frames: header, kinds, operations, what becomes of them."""
    yield "## In-band control"
    yield (
        f"Frames of EtherType {CONTROL_ETHERTYPE:#06x} between host and NIC, never on the wire. "
        f"Behind the {ADDRESSES} bytes of MAC addresses: the header, in network byte order; "
        f"`length` bytes of body, {LIMIT} at most; a CRC-32 (IEEE 802.3, lowest byte first) over "
        "both; padding."
    )
    yield _fields(HEADER)
    kinds = ((f"{kind.value:#04x}", f"`{kind.word}`", kind.meaning) for kind in Kind)
    yield _table(("kind", "name", "meaning"), kinds)
    yield "### Operations"
    yield (
        "The body of a request: operations, each with a head, and behind that of a write its "
        "words. The body of an answer: the words read."
    )
    yield _fields(OPERATION)
    yield _table(
        ("code", "operation", "meaning"), ((c.value, f"`{c.word}`", c.meaning) for c in Code)
    )
    yield "### What becomes of a control frame"
    yield "Of each from the host, the NIC says one of these."
    yield _table(("outcome", "meaning"), ((f"`{o.word}`", o.value) for o in Outcome))


def _fields(record: Record[Any]) -> str:
    rows = ((f.offset, f.bits, f"`{f.name}`", f.doc) for f in record.fields)
    return _table(("byte", "bits", "field", "meaning"), rows)


def _registers(registers: Iterable[Register]) -> str:
    rows = []
    for r in registers:
        rows.append((f"{r.address:#05x}", f"`{r.name}`", r.access.value, r.doc))
        rows += [("", f"`{b.name}` [{b.lsb + b.width - 1}:{b.lsb}]", "", b.doc) for b in r.bits]
    return _table(("address", "register", "access", "meaning"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write(folder: Path) -> None:
    """Write all of them into *folder*."""
    (folder / "verdict.h").write_text(c_header())
    (folder / "tunnel.h").write_text(tunnel_header())
    (folder / "contract.md").write_text(reference_page())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
