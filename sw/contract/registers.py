"""The NIC's registers: 32-bit words behind AXI4-Lite, described once for RTL, driver and docs."""

import enum
from dataclasses import dataclass

__all__ = [
    "ADDRESS_BITS",
    "COUNTERS",
    "MAGIC",
    "REGISTERS",
    "VERSION",
    "Access",
    "Bits",
    "Register",
    "register",
]

MAGIC = 0x48594D53
"""Contents of ``ID``: the letters HYMS."""

VERSION = 1
"""Version of this register map."""

ADDRESS_BITS = 12
"""Width of a byte address of the map."""


class Access(enum.Enum):
    """How the host may use a register."""

    READ = "ro"
    READ_WRITE = "rw"
    WRITE = "wo"


@dataclass(frozen=True)
class Bits:
    """A field of a register: ``width`` bits from bit ``lsb``."""

    name: str
    lsb: int
    width: int
    doc: str

    def get(self, word: int) -> int:
        return word >> self.lsb & (1 << self.width) - 1

    def put(self, value: int) -> int:
        if not 0 <= value < 1 << self.width:
            raise ValueError(f"{value!r} does not fit the {self.width}-bit field {self.name}")
        return value << self.lsb


@dataclass(frozen=True)
class Register:
    """One register: its byte address, access, meaning and fields (none: the whole word)."""

    name: str
    address: int
    access: Access
    doc: str
    bits: tuple[Bits, ...] = ()

    def field(self, name: str) -> Bits:
        for b in self.bits:
            if b.name == name:
                return b
        raise KeyError(f"Register {self.name} has no field {name}")


_RO, _RW, _WO = Access.READ, Access.READ_WRITE, Access.WRITE

_CONTROL = (
    Register("id", 0x000, _RO, "0x48594D53, the letters HYMS"),
    Register("version", 0x004, _RO, "version of this register map"),
    Register(
        "geometry_a",
        0x008,
        _RO,
        "sizes of this build",
        (
            Bits("width", 0, 8, "bytes per beat"),
            Bits("rows", 8, 12, "rows of the matcher"),
            Bits("predicates", 20, 8, "header predicates"),
        ),
    ),
    Register(
        "geometry_b",
        0x00C,
        _RO,
        "sizes of this build",
        (
            Bits("path_bytes", 0, 10, "key bytes of a path"),
            Bits("host_bytes", 10, 10, "key bytes of a host"),
            Bits("header_bytes", 20, 10, "key bytes of a field line"),
        ),
    ),
    Register(
        "geometry_c",
        0x010,
        _RO,
        "sizes of this build",
        (
            Bits("hosts", 0, 8, "host patterns"),
            Bits("max_frame", 8, 16, "longest frame that gets a verdict, bytes"),
        ),
    ),
    Register(
        "control",
        0x014,
        _RW,
        "switches",
        (Bits("match", 0, 1, "1: heads are matched; 0: every verdict is undecided, table off"),),
    ),
    Register(
        "listen_port",
        0x018,
        _RW,
        "TCP port whose heads get verdicts; 0: none",
        (Bits("port", 0, 16, "TCP destination port"),),
    ),
    Register(
        "table_address",
        0x020,
        _RW,
        "where table_data writes next in the spare bank: bits 31:24 the space, 23:0 the word; "
        "counts up by one with each write of table_data",
    ),
    Register(
        "table_data",
        0x024,
        _WO,
        "a 32-bit word for the spare bank; the words of an entry come in rising order",
    ),
    Register(
        "table_commit",
        0x028,
        _WO,
        "swap the banks at the next frame boundary and give the new table this epoch; "
        "the spare bank must not be written until status.pending is 0",
        (Bits("epoch", 0, 16, "1 to 65535"),),
    ),
    Register(
        "status",
        0x02C,
        _RO,
        "state of the table",
        (
            Bits("epoch", 0, 16, "epoch of the table in use; 0: none"),
            Bits("pending", 16, 1, "a commit, or a frame of the table before it, is under way"),
        ),
    ),
)

_COUNTERS = (
    ("frames_in", "frames received from the wire"),
    ("frames_out", "frames sent to the host"),
    ("decided", "verdicts decided"),
    ("provisional", "verdicts provisional"),
    ("undecided", "verdicts undecided"),
    ("malformed", "verdicts malformed"),
    ("passed", "frames that passed without a verdict"),
    ("spoofed", "frames dropped because they came with the shim's EtherType"),
    ("oversize", "frames longer than max_frame, passed without a verdict"),
)

COUNTERS = tuple(
    Register(name, 0x100 + 4 * k, _RO, doc + "; wraps at 2**32")
    for k, (name, doc) in enumerate(_COUNTERS)
)
"""Counters, one 32-bit register each."""

REGISTERS = _CONTROL + COUNTERS
"""The whole map, by rising address."""

_BY_NAME = {r.name: r for r in REGISTERS}


def register(name: str) -> Register:
    """The register called *name*; raises :exc:`KeyError` where there is none."""
    return _BY_NAME[name]
