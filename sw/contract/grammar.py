"""The grammar of an HTTP/1 request head as the NIC reads it (RFC 9112, sections 2 to 6).

Two small machines give every byte a *role* (which part of the head it belongs to) and a *line*
(which field line of special interest it belongs to): the state before the byte is consumed.  All
else is conditions over a fixed look-back window: marks, where fields begin and end, and rules, why
a head is not decided.  The golden model (:mod:`hybridmesh.reference.lexer`) and the RTL
(:mod:`hybridmesh.rtl.http`) both run this very description; neither knows any grammar of its own.

The machines need to be right only for heads that break no rule before their end: whatever breaks a
rule is never decided, so a state that such a head leads to does not matter.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from .verdict import Method, Reason

__all__ = [
    "ANY",
    "LINE",
    "LOOK_BACK",
    "MARKS",
    "MAX_FIELDS",
    "MAX_LENGTH_DIGITS",
    "METHODS",
    "QUERY_BYTE",
    "ROLE",
    "RULES",
    "START",
    "TCHAR",
    "TOUCHING",
    "Condition",
    "Line",
    "Machine",
    "Mark",
    "Pattern",
    "Role",
    "Rule",
    "Symbol",
]

START = 256
"""What stands before the first byte of a segment's payload, in byte sets."""

MAX_FIELDS = 100
"""Field lines of a decided head; Envoy's default limit (max_headers_count)."""

MAX_LENGTH_DIGITS = 9
"""Digits of a decided Content-Length, so that it fits 30 bits."""

ByteSet = frozenset[int]
Pattern = tuple[ByteSet, ...]
"""Byte sets, oldest first; the last one is the current byte."""


def _of(text: str | bytes) -> ByteSet:
    return frozenset(text.encode("latin-1") if isinstance(text, str) else text)


def _but(*sets: ByteSet) -> ByteSet:
    return ANY - frozenset().union(*sets)


ANY = frozenset(range(257))
CR, LF, SP, HTAB = _of("\r"), _of("\n"), _of(" "), _of("\t")
COLON, SLASH, DOT, ZERO = _of(":"), _of("/"), _of("."), _of("0")
QUESTION, AMPERSAND = _of("?"), _of("&")
DIGIT = _of("0123456789")
ALPHA = _of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
TCHAR = ALPHA | DIGIT | _of("!#$%&'*+-.^_`|~")  # RFC 9110, 5.6.2
UNRESERVED = ALPHA | DIGIT | _of("-._~")  # RFC 3986, 2.3
PCHAR = UNRESERVED | _of("!$&'()*+,;=:@")  # RFC 3986, 3.3, but for percent-encodings
QUERY_BYTE = PCHAR | SLASH | QUESTION | _of("%")  # RFC 3986, 3.4
CONTROL = frozenset(range(32)) - HTAB | {127}
OBS_TEXT = frozenset(range(128, 256))
HOST_BYTE = ALPHA | DIGIT | _of(".-_")


def _either(text: str) -> Pattern:
    """A pattern of *text*, letters of either case."""
    return tuple(_of(c.lower() + c.upper()) for c in text)


class Role(enum.IntEnum):
    """Part of the head that a byte belongs to; a delimiter belongs to the part it ends."""

    METHOD = 0
    PATH = 1
    QUERY = 2
    VERSION = 3
    NAME = 4
    """A field name up to its colon, or the empty line."""
    VALUE = 5
    """All after the colon, CR and LF included."""
    DONE = 6
    """Beyond the head."""


class Line(enum.IntEnum):
    """Field line of special interest that a byte belongs to, from the value's first byte on."""

    OTHER = 0
    HOST = 1
    """The host, its colon or CR included."""
    PORT = 2
    LENGTH = 3
    CONNECTION = 4
    CODING = 5
    """Transfer-Encoding."""


@dataclass(frozen=True)
class Symbol:
    """A class of bytes that a machine moves on; of several that match, the first one counts."""

    name: str
    pattern: Pattern


@dataclass(frozen=True)
class Machine:
    """A finite-state machine over symbols; where no transition is given, the state stays.

    The first state is the one before the first byte.
    """

    states: type[enum.IntEnum]
    symbols: tuple[Symbol, ...]
    transitions: tuple[tuple[int, str, int], ...]

    def function(self, symbol: str | None) -> tuple[int, ...]:
        """Next state by state, for a byte of *symbol* (None: a byte of no symbol)."""
        moves = {(state, name): target for state, name, target in self.transitions}
        return tuple(int(moves.get((s, symbol or ""), s)) for s in self.states)


ROLE = Machine(
    Role,
    (
        Symbol("empty-line", (LF, CR, LF)),
        Symbol("line-end", (LF,)),
        Symbol("space", (SP,)),
        Symbol("question", (QUESTION,)),
        Symbol("colon", (COLON,)),
    ),
    (
        (Role.METHOD, "space", Role.PATH),
        (Role.PATH, "space", Role.VERSION),
        (Role.PATH, "question", Role.QUERY),
        (Role.QUERY, "space", Role.VERSION),
        (Role.VERSION, "line-end", Role.NAME),
        (Role.NAME, "colon", Role.VALUE),
        (Role.NAME, "empty-line", Role.DONE),
        (Role.VALUE, "line-end", Role.NAME),
    ),
)

LINE = Machine(
    Line,
    (
        Symbol("host", _either("\nhost: ")),
        Symbol("length", _either("\ncontent-length: ")),
        Symbol("connection", _either("\nconnection: ")),
        Symbol("coding", _either("\ntransfer-encoding: ")),
        Symbol("line-end", (LF,)),
        Symbol("colon", (COLON,)),
    ),
    (
        # From everywhere, though a line's name is met in OTHER alone: that takes less logic.
        *((line, "host", Line.HOST) for line in Line),
        *((line, "length", Line.LENGTH) for line in Line),
        *((line, "connection", Line.CONNECTION) for line in Line),
        *((line, "coding", Line.CODING) for line in Line),
        *((line, "line-end", Line.OTHER) for line in Line),
        (Line.HOST, "colon", Line.PORT),
    ),
)


@dataclass(frozen=True)
class Condition:
    """Holds at a byte whose window matches ``pattern``, none of ``unless``, and whose recent roles
    and lines are among those given.

    ``roles`` and ``lines`` are aligned like the pattern: the last set is that of the current byte,
    the one before it that of the previous byte.  Before the first byte there is no role, and a
    condition that asks for one does not hold.
    """

    pattern: Pattern = (ANY,)
    roles: tuple[frozenset[Role], ...] = ()
    lines: tuple[frozenset[Line], ...] = ()
    unless: tuple[Pattern, ...] = ()


def _roles(*roles: Role) -> tuple[frozenset[Role], ...]:
    return tuple(frozenset({r}) for r in roles)


def _lines(*lines: Line) -> tuple[frozenset[Line], ...]:
    return tuple(frozenset({x}) for x in lines)


class Mark(enum.IntEnum):
    """Where something begins (its first byte), goes on, or ends (the byte after its last)."""

    PATH_START = 0
    PATH = 1
    """All bytes of the path, and the one after it."""
    PATH_END = 2
    PARAM_START = 3
    """First byte of a query parameter."""
    QUERY = 4
    """All bytes of the query, and the one after it."""
    PARAM_END = 5
    """The ampersand or space after a query parameter."""
    LINE_START = 6
    """First byte of a field line."""
    LINE = 7
    """All bytes of a field line, and its CR."""
    LINE_END = 8
    """CR of a field line."""
    HOST_START = 9
    HOST_END = 10
    LENGTH_START = 11
    LENGTH_END = 12
    CODING_START = 13
    """First byte of a Transfer-Encoding."""
    CHUNKED = 14
    """CR of a Transfer-Encoding that is just "chunked"."""
    CONNECTION_END = 15
    """CR of a Connection line."""
    KEEP_ALIVE = 16
    """CR of a Connection line that says just "keep-alive"."""
    TOUCHING = 17
    """The name of a field that a proxy must interpret is known."""
    HTTP_1_0 = 18
    """LF of a request line whose version is HTTP/1.0."""
    HEAD_END = 19
    """Last byte of the head, the LF of the empty line."""


_HTTP_1_0 = tuple(_of(c) for c in " HTTP/1.0\r\n")
_HTTP_1_1 = tuple(_of(c) for c in " HTTP/1.1\r\n")

TOUCHING = (
    "keep-alive:",
    "proxy-",
    "te:",
    "trailer:",
    "upgrade:",
    "expect:",
    "x-forwarded-",
    "x-envoy-",
    "x-request-id:",
    "http2-settings:",
    "via:",
)
"""How a field line begins that a proxy must interpret, letters of either case; a Connection line
that says anything but keep-alive is one too."""


def _enters(line: Line) -> tuple[Condition, ...]:
    """The first byte of a value in *line*."""
    elsewhere = frozenset(Line) - {line}
    return (Condition(roles=_roles(Role.VALUE), lines=(elsewhere, frozenset({line}))),)


def _is_all(value: str, line: Line) -> tuple[Condition, ...]:
    """The CR of a *line* whose whole value is *value*, letters of either case."""
    roles = _roles(Role.NAME, *[Role.VALUE] * (len(value) + 2))  # of colon, space, value, CR
    return (Condition(_either(f": {value}\r"), roles, _lines(line)),)


MARKS: dict[Mark, tuple[Condition, ...]] = {
    Mark.PATH_START: (Condition(roles=_roles(Role.METHOD, Role.PATH)),),
    Mark.PATH: (Condition(roles=_roles(Role.PATH)),),
    Mark.PATH_END: (Condition((QUESTION | SP,), _roles(Role.PATH)),),
    Mark.PARAM_START: (
        Condition(roles=_roles(Role.PATH, Role.QUERY)),
        Condition((AMPERSAND, ANY), _roles(Role.QUERY, Role.QUERY)),
    ),
    Mark.QUERY: (Condition(roles=_roles(Role.QUERY)),),
    Mark.PARAM_END: (Condition((AMPERSAND | SP,), _roles(Role.QUERY)),),
    Mark.LINE_START: (Condition((LF, _but(CR)), _roles(Role.NAME)),),
    Mark.LINE: (
        Condition((_but(CR, LF),), (frozenset({Role.NAME, Role.VALUE}),)),
        Condition((CR,), _roles(Role.VALUE)),
    ),
    Mark.LINE_END: (Condition((CR,), _roles(Role.VALUE)),),
    Mark.HOST_START: _enters(Line.HOST),
    Mark.HOST_END: (Condition((COLON | CR,), _roles(Role.VALUE), _lines(Line.HOST)),),
    Mark.LENGTH_START: _enters(Line.LENGTH),
    Mark.LENGTH_END: (Condition((CR,), _roles(Role.VALUE), _lines(Line.LENGTH)),),
    Mark.CODING_START: _enters(Line.CODING),
    Mark.CHUNKED: _is_all("chunked", Line.CODING),
    Mark.CONNECTION_END: (Condition((CR,), _roles(Role.VALUE), _lines(Line.CONNECTION)),),
    Mark.KEEP_ALIVE: _is_all("keep-alive", Line.CONNECTION),
    Mark.TOUCHING: tuple(Condition(_either(f"\n{text}"), _roles(Role.NAME)) for text in TOUCHING),
    Mark.HTTP_1_0: (Condition(_HTTP_1_0, _roles(Role.VERSION)),),
    Mark.HEAD_END: (Condition((LF, CR, LF), _roles(Role.NAME)),),
}
"""A mark stands where one of its conditions holds."""

METHODS: dict[Method, Condition] = {
    method: Condition((frozenset({START}), *(_of(c) for c in method.name), SP), _roles(Role.METHOD))
    for method in Method
    if method is not Method.OTHER
}
"""Where a method is known, at the space after it."""


@dataclass(frozen=True)
class Rule:
    """A head in which ``condition`` holds at any byte before its end gets ``reason``."""

    reason: Reason
    condition: Condition


def _rule(
    reason: Reason,
    pattern: Iterable[ByteSet],
    roles: tuple[frozenset[Role], ...],
    lines: tuple[frozenset[Line], ...] = (),
    unless: tuple[Pattern, ...] = (),
) -> Rule:
    return Rule(reason, Condition(tuple(pattern), roles, lines, unless))


_HEAD = (frozenset(Role) - {Role.DONE},)
_SEGMENT_END = SLASH | QUESTION | SP | _of(";")
_HOST = (_roles(Role.VALUE), _lines(Line.HOST))
_PORT = (_roles(Role.VALUE), _lines(Line.PORT))
_LENGTH = (_roles(Role.VALUE), _lines(Line.LENGTH))

RULES: tuple[Rule, ...] = (
    # RFC 9110, 9.1: method = token
    _rule(Reason.METHOD_BYTE, (_but(TCHAR, SP),), _roles(Role.METHOD)),
    _rule(Reason.METHOD_BYTE, (frozenset({START}), SP), _roles(Role.METHOD)),
    # RFC 9112, 2.2: lines end in CRLF; a bare CR is invalid, a bare LF may be taken for CRLF
    _rule(Reason.LINE_ENDING, (CR, _but(LF)), _HEAD),
    _rule(Reason.LINE_ENDING, (_but(CR), LF), _HEAD),
    # RFC 9112, 3.2.1: origin-form = absolute-path [ "?" query ]
    _rule(Reason.TARGET_FORM, (_but(SLASH),), _roles(Role.METHOD, Role.PATH)),
    # RFC 9112, 3.2.3: CONNECT takes the authority-form alone, and no HTTP comes behind it
    _rule(Reason.TARGET_FORM, METHODS[Method.CONNECT].pattern, _roles(Role.METHOD)),
    # RFC 3986, 3.3 and 3.4
    _rule(Reason.TARGET_BYTE, (_but(PCHAR, SLASH, QUESTION, SP, _of("%\\")),), _roles(Role.PATH)),
    _rule(Reason.TARGET_BYTE, (_but(QUERY_BYTE, SP),), _roles(Role.QUERY)),
    _rule(Reason.PATH_ENCODED, (_of("%\\"),), _roles(Role.PATH)),
    # RFC 3986, 5.2.4, and what a pod may strip after ";" (path parameters)
    _rule(Reason.PATH_SEGMENTS, (SLASH, SLASH), _roles(Role.PATH)),
    _rule(Reason.PATH_SEGMENTS, (SLASH, DOT, _SEGMENT_END), _roles(Role.PATH)),
    _rule(Reason.PATH_SEGMENTS, (SLASH, DOT, DOT, _SEGMENT_END), _roles(Role.PATH)),
    # RFC 9112, 2.3: HTTP-version = "HTTP/" DIGIT "." DIGIT
    _rule(Reason.VERSION, (SP,), _roles(Role.VERSION)),
    # RFC 1945, 4.1: a request line without a version is all of a request of HTTP/0.9
    _rule(Reason.VERSION, (LF,), (frozenset({Role.METHOD, Role.PATH, Role.QUERY}),)),
    _rule(Reason.VERSION, (LF,), _roles(Role.VERSION), unless=(_HTTP_1_0, _HTTP_1_1)),
    # RFC 9112, 5: field-line = field-name ":" OWS field-value OWS; field-name = token
    _rule(Reason.FIELD_NAME, (_but(TCHAR, COLON, CR, LF, SP, HTAB),), _roles(Role.NAME)),
    _rule(Reason.FIELD_NAME, (_but(LF), SP | HTAB | CR), _roles(Role.NAME)),
    _rule(Reason.FIELD_NAME, (LF, COLON), _roles(Role.NAME)),
    # RFC 9112, 5.2: obs-fold = OWS CRLF RWS
    _rule(Reason.OBS_FOLD, (LF, SP | HTAB), _roles(Role.NAME)),
    # RFC 9110, 5.5: field-vchar = VCHAR / obs-text
    _rule(Reason.FIELD_VALUE, (CONTROL - CR - LF,), _roles(Role.VALUE)),
    _rule(Reason.OBS_TEXT, (OBS_TEXT,), _roles(Role.VALUE)),
    # The matcher's keys are "name: value": one space, then a value, then CR.
    _rule(Reason.ODD_SPACE, (_but(SP),), _roles(Role.NAME, Role.VALUE)),
    _rule(Reason.ODD_SPACE, (SP | HTAB | CR,), _roles(Role.NAME, Role.VALUE, Role.VALUE)),
    _rule(Reason.ODD_SPACE, (SP | HTAB, CR), _roles(Role.VALUE)),
    # RFC 9110, 7.2: Host = uri-host [ ":" port ]; a reg-name of unreserved bytes alone
    _rule(Reason.HOST, (_but(HOST_BYTE, COLON, CR, LF),), *_HOST),
    _rule(Reason.HOST, (SP, COLON), *_HOST),
    _rule(Reason.HOST, (DOT, COLON | CR), *_HOST),
    _rule(Reason.HOST, (_but(DIGIT, CR, LF),), *_PORT),
    _rule(Reason.HOST, (COLON, CR | ZERO), *_PORT),
    _rule(Reason.HOST, (COLON, _of("6789"), *([DIGIT] * 4)), *_PORT),
    _rule(Reason.HOST, [DIGIT] * 6, *_PORT),
    # RFC 9110, 8.6: Content-Length = 1*DIGIT
    _rule(Reason.LENGTH, (_but(DIGIT, CR, LF),), *_LENGTH),
    _rule(Reason.LENGTH, [DIGIT] * (MAX_LENGTH_DIGITS + 1), *_LENGTH),
)


def _depth() -> int:
    conditions = [c for alternatives in MARKS.values() for c in alternatives]
    conditions += [*METHODS.values(), *(r.condition for r in RULES)]
    patterns = [c.pattern for c in conditions] + [p for c in conditions for p in c.unless]
    patterns += [s.pattern for machine in (ROLE, LINE) for s in machine.symbols]
    return max(map(len, patterns)) - 1


LOOK_BACK = _depth()
"""Bytes before the current one that any pattern looks at."""
