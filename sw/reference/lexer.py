"""Golden model of the NIC's head lexer: runs :mod:`hybridmesh.contract.grammar` over one payload.

Slow and plain on purpose: the machines step byte by byte, every condition is looked at for every
byte.  The RTL must find the same marks and the same reasons at any width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hybridmesh.contract import grammar
from hybridmesh.contract.grammar import Condition, Machine, Mark, Pattern, Role
from hybridmesh.contract.verdict import Method, Reason

__all__ = ["Lexed", "Span", "lex", "lex_all"]

Bits = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int16]

_NOWHERE = grammar.START
"""State before a payload's first byte: in no set of states."""


@dataclass(frozen=True)
class Span:
    """Bytes ``start`` to ``end`` (exclusive) of the payload."""

    start: int
    end: int


@dataclass(frozen=True)
class Lexed:
    """What the lexer says of a payload.

    Attributes
    ----------
    reasons : frozenset of Reason
        Why the head is not to be decided, by its bytes alone; the rules of the grammar, and
        METHOD, HOST_REPEATED, HOST_MISSING, FRAMING, FIELD_COUNT, INCOMPLETE.
    head_length : int
        0 where the head does not end.
    path, host, length : Span or None
        The path without its query, the host without its port, the digits of Content-Length;
        meaningful where ``reasons`` is empty.
    params : tuple of Span
        Each query parameter, ``name=value`` or ``name``.
    lines : tuple of Span
        Each ``name: value``, without CRLF.
    param_starts, line_starts : tuple of int
        The same, one that the segment's end cuts too.
    chunked, touch, http_1_0 : bool
        The body is chunked; a proxy must interpret a field; the version is HTTP/1.0.
    """

    reasons: frozenset[Reason]
    head_length: int
    method: Method
    path: Span | None
    host: Span | None
    length: Span | None
    params: tuple[Span, ...]
    lines: tuple[Span, ...]
    param_starts: tuple[int, ...]
    line_starts: tuple[int, ...]
    chunked: bool
    touch: bool
    http_1_0: bool


def lex(payload: bytes) -> Lexed:
    """Lex the head that begins at the first byte of *payload*."""
    return lex_all([payload])[0]


def lex_all(payloads: Sequence[bytes]) -> list[Lexed]:
    """Lex each of *payloads* by itself; together they take less time."""
    text = _Text(payloads)
    roles = _run(grammar.ROLE, text)
    lines = _run(grammar.LINE, text)
    inside = (text.codes != grammar.START) & (roles.codes != Role.DONE)

    def where(*conditions: Condition) -> list[list[int]]:
        holds = np.logical_or.reduce([_holds(c, text, roles, lines) for c in conditions])
        return text.split(holds & inside)

    marks = {mark: where(*conditions) for mark, conditions in grammar.MARKS.items()}
    methods = {method: where(condition) for method, condition in grammar.METHODS.items()}
    broken = {reason: where(*conditions) for reason, conditions in _RULES.items()}
    return [
        _lexed(
            {mark: found[n] for mark, found in marks.items()},
            [method for method, found in methods.items() if found[n]],
            {reason for reason, found in broken.items() if found[n]},
        )
        for n in range(len(payloads))
    ]


_RULES = {
    reason: [rule.condition for rule in grammar.RULES if rule.reason is reason]
    for reason in sorted({rule.reason for rule in grammar.RULES})
}


def _lexed(marks: dict[Mark, list[int]], methods: list[Method], reasons: set[Reason]) -> Lexed:
    """What one head's *marks*, known *methods* and broken rules (*reasons*) come to."""
    complete = bool(marks[Mark.HEAD_END])
    if complete and not methods:
        reasons.add(Reason.METHOD)
    if complete and not marks[Mark.HOST_START]:
        reasons.add(Reason.HOST_MISSING)
    if len(marks[Mark.HOST_START]) > 1:
        reasons.add(Reason.HOST_REPEATED)
    framings = len(marks[Mark.LENGTH_START]) + len(marks[Mark.CODING_START])
    codings, chunked = bool(marks[Mark.CODING_START]), bool(marks[Mark.CHUNKED])
    other = complete and codings != chunked  # before its line has ended, it may become "chunked"
    if framings > 1 or other or (codings and marks[Mark.HTTP_1_0]):
        reasons.add(Reason.FRAMING)
    if len(marks[Mark.LINE_START]) > grammar.MAX_FIELDS:
        reasons.add(Reason.FIELD_COUNT)
    if not complete:
        reasons.add(Reason.INCOMPLETE)

    def spans(start: Mark, end: Mark) -> tuple[Span, ...]:
        pairs = zip(marks[start], marks[end], strict=False)
        return tuple(Span(a, b) for a, b in pairs)

    def first(start: Mark, end: Mark) -> Span | None:
        return next(iter(spans(start, end)), None)

    return Lexed(
        reasons=frozenset(reasons),
        head_length=marks[Mark.HEAD_END][0] + 1 if complete else 0,
        method=methods[0] if methods else Method.OTHER,
        path=first(Mark.PATH_START, Mark.PATH_END),
        host=first(Mark.HOST_START, Mark.HOST_END),
        length=first(Mark.LENGTH_START, Mark.LENGTH_END),
        params=spans(Mark.PARAM_START, Mark.PARAM_END),
        lines=spans(Mark.LINE_START, Mark.LINE_END),
        param_starts=tuple(marks[Mark.PARAM_START]),
        line_starts=tuple(marks[Mark.LINE_START]),
        chunked=chunked,
        touch=bool(marks[Mark.TOUCHING])
        or bool(set(marks[Mark.CONNECTION_END]) - set(marks[Mark.KEEP_ALIVE])),
        http_1_0=bool(marks[Mark.HTTP_1_0]),
    )


class _Track:
    """A code for each byte: the byte itself, or the state that a machine is in before it."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self._among: dict[frozenset[int], Bits] = {}

    def narrow(self, hit: Bits, members: frozenset[int], age: int) -> None:
        """Leave of *hit* where the code *age* bytes before is one of *members*.

        Of the text's first bytes, before all payloads, nothing is said.
        """
        if members not in self._among:
            self._among[members] = _table(members)[self.codes]
        hit[age:] &= self._among[members][: len(hit) - age]


@cache
def _table(members: frozenset[int]) -> Bits:
    table = np.zeros(grammar.START + 1, np.bool_)
    table[list(members)] = True
    return table


class _Text(_Track):
    """Payloads, one behind the other, each after enough :data:`~grammar.START` to look back
    into."""

    def __init__(self, payloads: Sequence[bytes]) -> None:
        gap = np.full(grammar.LOOK_BACK, grammar.START, np.int16)
        parts = [part for p in payloads for part in (gap, np.frombuffer(p, np.uint8))]
        super().__init__(np.concatenate(parts).astype(np.int16))
        lengths = np.array([len(payload) for payload in payloads])
        self._ends = np.cumsum(lengths + grammar.LOOK_BACK)
        self._starts = self._ends - lengths
        self._matches: dict[Pattern, Bits] = {}

    def match(self, pattern: Pattern) -> Bits:
        """By byte: whether the window that ends there matches *pattern*."""
        if pattern not in self._matches:
            hit = np.ones(len(self.codes), np.bool_)
            for age, members in enumerate(reversed(pattern)):
                if members != grammar.ANY:
                    self.narrow(hit, members, age)
            self._matches[pattern] = hit
        return self._matches[pattern]

    def split(self, hit: Bits) -> list[list[int]]:
        """By payload: its bytes where *hit* is set."""
        found = np.flatnonzero(hit)
        cuts = np.searchsorted(found, self._ends)
        offsets = (found - self._starts[np.searchsorted(self._ends, found, "right")]).tolist()
        return [offsets[a:b] for a, b in pairwise([0, *cuts.tolist()])]


def _run(machine: Machine, text: _Text) -> _Track:
    """State before each byte; before a payload :data:`_NOWHERE`."""
    before = text.codes == grammar.START
    symbols = np.full(len(text.codes), len(machine.symbols), np.intp)
    for number, symbol in reversed(list(enumerate(machine.symbols))):
        symbols[text.match(symbol.pattern)] = number
    symbols[before] = len(machine.symbols) + 1
    functions = [machine.function(s.name) for s in machine.symbols] + [machine.function(None)]
    functions.append((0,) * len(machine.states))
    state = 0
    after = [state := functions[number][state] for number in symbols.tolist()]
    codes = np.array([0, *after[:-1]], np.int16)
    codes[before] = _NOWHERE
    return _Track(codes)


def _holds(condition: Condition, text: _Text, roles: _Track, lines: _Track) -> Bits:
    hit = text.match(condition.pattern)
    if not hit.any():
        return hit
    hit = hit.copy()
    for pattern in condition.unless:
        hit &= ~text.match(pattern)
    for track, wanted in ((roles, condition.roles), (lines, condition.lines)):
        for age, members in enumerate(reversed(wanted)):
            track.narrow(hit, members, age)
    return hit
