"""The verdict: what the NIC says of one request head, and the shim that carries it on the wire.

The shim stands between the two MAC addresses and the original EtherType of a frame.  40 bytes are
five 8-byte words, so that at width 8 the insertion shifts whole beats.
"""

import enum
from typing import Annotated, NamedTuple

from .record import Record, field

__all__ = [
    "ETHERTYPE",
    "NO_ROW",
    "SHIM",
    "VERSION",
    "Flag",
    "Method",
    "Reason",
    "State",
    "Verdict",
]

ETHERTYPE = 0x88B5
"""EtherType of the shim: IEEE 802 Local Experimental EtherType 1."""

VERSION = 1
"""Version of the shim's layout."""

NO_ROW = 0xFFFF
"""Row of a decided verdict when no row matched: the answer is 404."""


class Flag(enum.IntFlag):
    """Flags of a verdict; exactly one of the first four is set."""

    DECIDED = 0x01
    PROVISIONAL = 0x02
    UNDECIDED = 0x04
    MALFORMED = 0x08
    BODY_CHUNKED = 0x10
    BODY_LENGTH = 0x20
    MORE_DATA = 0x40
    TOUCH = 0x80


class State(enum.Enum):
    """The four answers, and none: the frame came without a shim."""

    DECIDED = Flag.DECIDED
    PROVISIONAL = Flag.PROVISIONAL
    UNDECIDED = Flag.UNDECIDED
    MALFORMED = Flag.MALFORMED
    NONE = 0

    @property
    def word(self) -> str:
        return self.name.lower()


class Reason(enum.IntEnum):
    """Why a head was not decided.  Of several that hold, the lowest number is reported."""

    NONE = 0
    TABLE_OFF = 1
    UNKNOWN_START = 2
    METHOD_BYTE = 3
    METHOD = 4
    LINE_ENDING = 5
    TARGET_FORM = 6
    TARGET_BYTE = 7
    PATH_ENCODED = 8
    PATH_SEGMENTS = 9
    VERSION = 10
    OBS_FOLD = 11
    FIELD_NAME = 12
    FIELD_VALUE = 13
    OBS_TEXT = 14
    ODD_SPACE = 15
    CROWDED = 16
    HOST = 17
    HOST_REPEATED = 18
    HOST_MISSING = 19
    LENGTH = 20
    FRAMING = 21
    REPEATED = 22
    FIELD_COUNT = 23
    INCOMPLETE = 24

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")

    @property
    def meaning(self) -> str:
        return _REASONS[self][1]

    @property
    def state(self) -> State:
        """The state of a verdict given for this reason."""
        return _REASONS[self][0]

    @property
    def framed(self) -> bool:
        """Whether the NIC knows the length of head and body all the same.

        It does where whoever takes the head for a request must find the same end of it and the
        same body framing: a path, a host or a predicate that cannot be decided does not hide them.
        """
        return self in _FRAMED


_REASONS = {
    Reason.NONE: (State.DECIDED, "decided or provisional"),
    Reason.TABLE_OFF: (State.UNDECIDED, "no table is loaded, or matching is switched off"),
    Reason.UNKNOWN_START: (
        State.UNDECIDED,
        "the NIC does not know that a head begins here: it has not followed the connection so far",
    ),
    Reason.METHOD_BYTE: (State.MALFORMED, "the method is not a token (RFC 9110, 9.1)"),
    Reason.METHOD: (State.UNDECIDED, "not one of the known methods (RFC 9110, 9.3)"),
    Reason.LINE_ENDING: (State.UNDECIDED, "a CR without LF or an LF without CR (RFC 9112, 2.2)"),
    Reason.TARGET_FORM: (State.UNDECIDED, "the target is not in origin-form (RFC 9112, 3.2.1)"),
    Reason.TARGET_BYTE: (State.UNDECIDED, "a byte that no path or query may hold (RFC 3986, 3.3)"),
    Reason.PATH_ENCODED: (State.UNDECIDED, "a percent-encoding or backslash in the path"),
    Reason.PATH_SEGMENTS: (
        State.UNDECIDED,
        "a dot segment or an empty segment in the path (RFC 3986, 5.2.4)",
    ),
    Reason.VERSION: (State.UNDECIDED, "the version is neither HTTP/1.0 nor HTTP/1.1"),
    Reason.OBS_FOLD: (State.UNDECIDED, "a field line is folded (RFC 9112, 5.2)"),
    Reason.FIELD_NAME: (State.MALFORMED, "a field name is not a token (RFC 9112, 5.1)"),
    Reason.FIELD_VALUE: (State.MALFORMED, "a control byte in a field value (RFC 9110, 5.5)"),
    Reason.OBS_TEXT: (State.UNDECIDED, "a byte above 0x7f in a field value (RFC 9110, 5.5)"),
    Reason.ODD_SPACE: (
        State.UNDECIDED,
        "other than one space after the colon, or an empty value, "
        "or white space at the end of the line",
    ),
    Reason.CROWDED: (
        State.UNDECIDED,
        "more short field lines, or query parameters that a route asks for, than can be looked up "
        "at a time",
    ),
    Reason.HOST: (State.UNDECIDED, "the host is not letters, digits, '.', '-', '_' and a port"),
    Reason.HOST_REPEATED: (State.MALFORMED, "more than one Host field (RFC 9112, 3.2)"),
    Reason.HOST_MISSING: (State.UNDECIDED, "no Host field (RFC 9112, 3.2)"),
    Reason.LENGTH: (State.UNDECIDED, "Content-Length is not one to nine digits"),
    Reason.FRAMING: (
        State.MALFORMED,
        "Content-Length or Transfer-Encoding repeated, both at once, "
        "or a coding other than chunked (RFC 9112, 6.3)",
    ),
    Reason.REPEATED: (State.UNDECIDED, "a field that a route asks for came more than once"),
    Reason.FIELD_COUNT: (State.UNDECIDED, "more than 100 field lines"),
    Reason.INCOMPLETE: (State.UNDECIDED, "the head does not end within the segment"),
}

_FRAMED = {
    Reason.NONE,
    Reason.TABLE_OFF,
    Reason.METHOD,
    Reason.TARGET_BYTE,
    Reason.PATH_ENCODED,
    Reason.PATH_SEGMENTS,
    Reason.OBS_TEXT,
    Reason.CROWDED,
    Reason.HOST,
    Reason.HOST_MISSING,
    Reason.REPEATED,
}


class Method(enum.IntEnum):
    """Request methods as the matcher sees them (RFC 9110, 9.3, and RFC 5789)."""

    OTHER = 0
    GET = 1
    HEAD = 2
    POST = 3
    PUT = 4
    DELETE = 5
    CONNECT = 6
    OPTIONS = 7
    TRACE = 8
    PATCH = 9


class Verdict(NamedTuple):
    """The NIC's verdict of one request head, as it stands in the shim.

    For an undecided or malformed head only ``flags`` (the state alone), ``epoch``, ``reason``,
    ``seq``, ``head_offset`` and ``latency`` mean something; every other field is 0 and ``row`` is
    :data:`NO_ROW`.
    """

    ethertype: Annotated[int, field(16, "EtherType of the shim, 0x88B5")] = ETHERTYPE
    version: Annotated[int, field(8, "version of this layout")] = VERSION
    flags: Annotated[int, field(8, "state, body framing, more data, touch")] = Flag.UNDECIDED
    epoch: Annotated[int, field(16, "generation of the table; 0: no table")] = 0
    row: Annotated[int, field(16, "row that hit; 0xFFFF: no row matched")] = NO_ROW
    reason: Annotated[int, field(8, "why not decided")] = 0
    method: Annotated[int, field(8, "request method; 0: none of the known")] = 0
    head_offset: Annotated[int, field(16, "bytes of TCP payload before the head")] = 0
    seq: Annotated[int, field(32, "TCP sequence number of the head's first byte")] = 0
    head_length: Annotated[int, field(16, "bytes of the head, empty line included")] = 0
    path_offset: Annotated[int, field(16, "bytes from the head's start to the path")] = 0
    path_length: Annotated[int, field(16, "bytes of the path, without the query")] = 0
    host_offset: Annotated[int, field(16, "bytes from the head's start to the host")] = 0
    host_length: Annotated[int, field(8, "bytes of the host, without the port; 255: or more")] = 0
    reserved: Annotated[int, field(8, "zero")] = 0
    latency: Annotated[int, field(16, "clocks from the frame's first beat to the verdict")] = 0
    body_length: Annotated[int, field(32, "bytes of the body where BODY_LENGTH is set")] = 0
    authenticator: Annotated[int, field(64, "zero; kept for binding the verdict to its bytes")] = 0

    @property
    def state(self) -> State:
        return State(Flag(self.flags & 0x0F))

    @property
    def usable(self) -> bool:
        """Whether the row means something: decided or provisional."""
        return bool(self.flags & (Flag.DECIDED | Flag.PROVISIONAL))

    @property
    def framed(self) -> bool:
        """Whether the NIC knows where the next head begins, unless the body is in chunks."""
        return self.reason in _FRAMED


SHIM = Record(Verdict)
assert SHIM.size == 40
