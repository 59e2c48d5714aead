"""Geometry: the sizes a NIC is built with, and the table memories that follow from them.

Every space of the table is a TCAM whose key arrives byte by byte: the entry at (position, half,
nibble) holds one *mismatch* bit per column, set where that column refuses that nibble value there.
A key matches the columns for which the OR over all its nibbles is zero.  After the key's last byte
one terminator byte (:data:`TERMINATOR`, which no key holds) is looked up too: an exact pattern ends
in it, and a pattern longer than the key fails on it by itself.  Bytes beyond ``positions`` are not
looked up.
"""

from dataclasses import dataclass
from functools import cached_property

__all__ = [
    "OPTION_QUERY",
    "QUERY_BIT",
    "QUERY_TERMINATOR",
    "ROW_PROVISIONAL",
    "ROW_TOUCH",
    "TERMINATOR",
    "Geometry",
    "Space",
]

TERMINATOR = 0x00
"""Byte looked up after a key's last byte; no path, host or field line that is decided holds it."""

QUERY_BIT = 0x80
"""Set in every byte of a query parameter that is looked up, so that none is ever taken for a field
line; no byte of a decided head has it."""

QUERY_TERMINATOR = QUERY_BIT | ord(">")
"""Byte looked up after a query parameter's last byte; no decided query holds it.  It differs from
the equals sign in the low nibble alone, so that one column finds a name with or without a value.
"""


@dataclass(frozen=True)
class Space:
    """One memory of the table.

    Attributes
    ----------
    number : int
        Bits 31:24 of its addresses.
    positions : int
        Key bytes of a TCAM space; entries of a plain one.
    columns : int
        Bits per entry.
    plain : bool
        True for a memory that is addressed directly (one entry per position, no nibbles).
    """

    name: str
    number: int
    positions: int
    columns: int
    doc: str
    plain: bool = False

    @property
    def entries(self) -> int:
        return self.positions if self.plain else self.positions * 32

    @property
    def slices(self) -> int:
        """32-bit words per entry, a power of two; bits beyond ``columns`` are zero."""
        words = -(-self.columns // 32)
        return 1 << (words - 1).bit_length()

    @property
    def words(self) -> int:
        return self.entries * self.slices

    @property
    def base(self) -> int:
        """Address of the space's first word, as ``TABLE_ADDRESS`` takes it."""
        return self.number << 24

    def entry(self, position: int, half: int, nibble: int) -> int:
        """Number of a TCAM entry: ``half`` 0 is the low nibble, 1 the high one."""
        return (position * 2 + half) * 16 + nibble


@dataclass(frozen=True)
class Geometry:
    """Sizes of one NIC; the defaults are those of the simulated NIC.

    Parameters
    ----------
    width : int
        Bytes per beat of the datapath: 1, 2, 4, 8, 16, 32 or 64.
    rows : int
        Rows of the matcher, a power of two from 32 to 1024.
    path_bytes, host_bytes, header_bytes : int
        Key bytes looked up of a path, a host, a ``name: value`` line; powers of two, 16 to 256,
        and at least ``width``.
    hosts : int
        Host patterns, a power of two from 16 to 128.
    predicates : int
        Header predicates, 16, 32 or 64.
    flows : int
        Connections that are followed at a time, a power of two from 16 to 65536.
    max_frame : int
        Longest frame (without FCS) that can get a verdict; longer ones pass untouched.

    Raises
    ------
    ValueError
        Where a size is none of the above.
    """

    width: int = 8
    rows: int = 256
    path_bytes: int = 64
    host_bytes: int = 64
    header_bytes: int = 64
    hosts: int = 64
    predicates: int = 32
    flows: int = 1024
    max_frame: int = 2048

    def __post_init__(self) -> None:
        def check(name: str, allowed: tuple[int, ...]) -> None:
            value = getattr(self, name)
            if value not in allowed:
                words = ", ".join(map(str, allowed))
                raise ValueError(f"Geometry {name} must be one of {words}, not {value!r}")

        check("width", (1, 2, 4, 8, 16, 32, 64))
        check("rows", (32, 64, 128, 256, 512, 1024))
        for name in ("path_bytes", "host_bytes", "header_bytes"):
            check(name, tuple(n for n in (16, 32, 64, 128, 256) if n >= self.width))
        check("hosts", (16, 32, 64, 128))
        check("predicates", (16, 32, 64))
        check("flows", tuple(1 << n for n in range(4, 17)))
        if not 128 <= self.max_frame <= 16384 or self.max_frame % self.width:
            raise ValueError(
                f"Geometry max_frame must be a multiple of the width from 128 to 16384, "
                f"not {self.max_frame!r}"
            )

    @property
    def key_engines(self) -> int:
        """Field lines and query parameters that can be under way at a time.

        They take turns between so many engines, and one that starts less than ``width`` bytes
        after the end of the one before it in its engine leaves the head undecided (``CROWDED``).
        Up to width 8 field lines are never that short: none has less than six bytes.
        """
        return 1 if self.width <= 2 else 2 if self.width <= 8 else 4

    @cached_property
    def path(self) -> Space:
        return Space("path", 0, self.path_bytes, self.rows, "rows by path byte")

    @cached_property
    def host(self) -> Space:
        return Space(
            "host",
            1,
            self.host_bytes,
            self.hosts,
            "host patterns by byte, last byte first, lower case and upper case alike",
        )

    @cached_property
    def header(self) -> Space:
        return Space(
            "header",
            2,
            self.header_bytes,
            self.predicates,
            "predicates by byte of 'name: value', or of a query parameter with bit 7 set",
        )

    @cached_property
    def word(self) -> Space:
        return Space(
            "word",
            3,
            2 + self.predicates // 8,
            self.rows,
            "rows by class byte, byte of method and (high nibble) listener, then predicate bytes, "
            "lowest first",
        )

    @cached_property
    def host_class(self) -> Space:
        return Space(
            "host_class",
            4,
            self.hosts,
            8,
            "class of each host pattern; 0 stands for no pattern",
            plain=True,
        )

    @cached_property
    def row_flags(self) -> Space:
        return Space(
            "row_flags",
            5,
            self.rows,
            2,
            "bit 0: the row is provisional; bit 1: the route rewrites",
            plain=True,
        )

    @cached_property
    def options(self) -> Space:
        return Space(
            "options",
            6,
            1,
            1,
            "bit 0: query parameters are looked up",
            plain=True,
        )

    @property
    def spaces(self) -> tuple[Space, ...]:
        return (
            self.path,
            self.host,
            self.header,
            self.word,
            self.host_class,
            self.row_flags,
            self.options,
        )


ROW_PROVISIONAL = 1
ROW_TOUCH = 2
OPTION_QUERY = 1
