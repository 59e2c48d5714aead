"""The NIC's registers: 32-bit words behind AXI4-Lite, described once for RTL, driver and docs."""

import enum
from dataclasses import dataclass

from .inband import Outcome

__all__ = [
    "ADDRESS_BITS",
    "BOARD_COUNTERS",
    "BOARD_REGISTERS",
    "COUNTERS",
    "LEASE",
    "LINKS",
    "LISTENERS",
    "MAC_EVENTS",
    "MAGIC",
    "MILLISECOND",
    "PORTS",
    "REGISTERS",
    "VERSION",
    "Access",
    "Bits",
    "Register",
    "register",
]

MAGIC = 0x48594D53
"""Contents of ``ID``: the letters HYMS."""

VERSION = 2
"""Version of this register map."""

LISTENERS = 8
"""TCP ports that a NIC can give verdicts for at a time."""

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
        "a 32-bit word for the spare bank; the words of an entry come in rising order; refused "
        "where the table has no such word, and while status.pending is 1",
    ),
    Register(
        "table_commit",
        0x028,
        _WO,
        "swap the banks and give the new table this epoch; frames that have begun keep the table "
        "that they began with",
        (Bits("epoch", 0, 16, "1 to 65535"),),
    ),
    Register(
        "status",
        0x02C,
        _RO,
        "state of the tables",
        (
            Bits("epoch", 0, 16, "epoch of the table in use; 0: none"),
            Bits("pending", 16, 1, "a frame that began before the last commit is under way"),
            Bits("reading", 17, 1, "a word is being read and not yet in read_data"),
            Bits("telling", 18, 1, "what flow_syn was told is not yet in the table of connections"),
        ),
    ),
    Register(
        "table_begin",
        0x030,
        _WO,
        "any word: a load begins, whatever was written since the last commit",
    ),
    Register(
        "table_checksum",
        0x034,
        _RO,
        "CRC-32 (IEEE 802.3, lowest byte first) of the load of the bank in use: all words written "
        "to table_address and table_data since table_begin, or the commit before it",
    ),
    Register("spare_checksum", 0x038, _RO, "the same of the spare bank"),
    Register(
        "read_address",
        0x03C,
        _RW,
        "reads a word of the table into read_data, and counts up by one with each read of that; "
        "refused while status.reading is 1",
        (
            Bits("word", 0, 24, "word, as in table_address"),
            Bits("space", 24, 7, "space, as in table_address"),
            Bits("spare", 31, 1, "0: of the bank in use; 1: of the spare bank"),
        ),
    ),
    Register(
        "read_data",
        0x040,
        _RO,
        "the word read, after which the next is read; refused while status.reading is 1, and where "
        "the table has no such word",
    ),
    Register(
        "flow_hash",
        0x044,
        _RW,
        "hash of the connection that flow_syn is about; not to be written while status.telling "
        "is 1: it is refused",
    ),
    Register(
        "flow_syn",
        0x048,
        _WO,
        "follow the connection flow_hash as if a SYN of this sequence number had come: a head "
        "begins at the next one; refused while status.telling is 1, which frames to listeners can "
        "prolong that come without a gap",
    ),
)

_LISTEN = tuple(
    Register(
        f"listen_port_{n}",
        0x080 + 4 * n,
        _RW,
        f"TCP port of listener {n}, whose heads get verdicts; 0: none; of two listeners with one "
        "port the lower counts",
        (Bits("port", 0, 16, "TCP destination port"),),
    )
    for n in range(LISTENERS)
)

_COUNTERS = (
    ("frames_in", "frames received from the wire"),
    ("frames_out", "frames sent to the host"),
    ("decided", "verdicts decided"),
    ("provisional", "verdicts provisional"),
    ("undecided", "verdicts undecided"),
    ("malformed", "verdicts malformed"),
    ("passed", "frames that passed without a verdict"),
    (
        "spoofed",
        "frames dropped because they came with the EtherType of the shim or of control frames",
    ),
    ("oversize", "frames longer than max_frame, passed without a verdict"),
    ("errors", "frames dropped because the MAC marked them bad"),
    ("runts", "frames dropped because they are shorter than 60 bytes without FCS"),
    (
        "bad_checksum",
        "segments to a listener that passed without a verdict because their IPv4 header checksum "
        "or TCP checksum is wrong",
    ),
)

COUNTERS = tuple(
    Register(name, 0x100 + 4 * k, _RO, doc + "; wraps at 2**32")
    for k, (name, doc) in enumerate(_COUNTERS)
)
"""Counters, one 32-bit register each."""

REGISTERS = _CONTROL + _LISTEN + COUNTERS
"""The map of every NIC, by rising address."""

MAC_EVENTS = (
    ("rx_frames", "good frames received"),
    ("rx_bad_fcs", "frames received whose FCS is not their own, or not whole"),
    ("rx_unreadable", "frames that the PHY could not read (RX_ER)"),
    ("rx_oversize", "frames received that are too long"),
    ("rx_overrun", "frames received for which there was no room; each counts above as well"),
    ("rx_stopped", "frames within which the received clock stopped"),
    ("tx_frames", "frames taken to be sent"),
    ("tx_dropped", "frames not sent because they are marked bad"),
    ("tx_oversize", "frames not sent because they are too long"),
)
"""What can become of a frame in a MAC."""

PORTS = ("wire", "host")
"""The Ethernet ports of a board."""

LINKS = Register(
    "links",
    0x200,
    _RO,
    "the links, as their PHYs tell in-band; all zero where they do not",
    tuple(
        Bits(f"{port}_{name}", 8 * n + lsb, width, doc)
        for n, port in enumerate(PORTS)
        for name, lsb, width, doc in (
            ("link", 0, 1, "1: there is one"),
            ("speed", 1, 2, "0: 10 Mb/s, 1: 100 Mb/s, 2: 1000 Mb/s"),
            ("duplex", 3, 1, "1: full"),
        )
    ),
)

MILLISECOND = 125_000
"""Clocks in which a board counts a millisecond: it runs at 125 MHz."""

LEASE = Register(
    "lease",
    0x204,
    _RW,
    "time until control.match becomes 0, unless this is written again: a host that has gone must "
    "not get shims that nobody takes off",
    (
        Bits(
            "left",
            0,
            16,
            f"milliseconds, of {MILLISECOND:,} clocks each; counts down, and at 0 stands still: "
            "matching was switched off then, or, where nothing else was ever written, never will "
            "be",
        ),
    ),
)

_BOARD_COUNTERS = (
    *((f"{port}_{name}", f"{port} port: {doc}") for port in PORTS for name, doc in MAC_EVENTS),
    *((f"control_{what.word}", f"control frames: {what.value}") for what in Outcome),
)

BOARD_COUNTERS = tuple(
    Register(name, 0x240 + 4 * k, _RO, doc + "; wraps at 2**32")
    for k, (name, doc) in enumerate(_BOARD_COUNTERS)
)
"""Those that a board has besides, one 32-bit register each."""

BOARD_REGISTERS = (LINKS, LEASE, *BOARD_COUNTERS)
"""What a board has besides the map of every NIC, by rising address."""

_BY_NAME = {r.name: r for r in REGISTERS + BOARD_REGISTERS}


def register(name: str) -> Register:
    """The register called *name*; raises :exc:`KeyError` where there is none."""
    return _BY_NAME[name]
