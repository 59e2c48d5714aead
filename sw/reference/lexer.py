"""Golden model of the NIC's head lexer: runs :mod:`hybridmesh.contract.grammar` over one payload.

Slow and plain on purpose: the machines step byte by byte, every condition is looked at for every
byte.  The RTL must find the same marks and the same reasons at any width.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from hybridmesh.contract import grammar
from hybridmesh.contract.grammar import Condition, Machine, Mark, Pattern, Role
from hybridmesh.contract.verdict import Method, Reason

__all__ = ["Lexed", "Span", "lex"]

Bits = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int16]


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
    window = _Window(payload)
    roles = _run(grammar.ROLE, window)
    lines = _run(grammar.LINE, window)
    head = int(np.argmax(roles == Role.DONE)) if Role.DONE in roles else len(payload)
    window, roles, lines = _Window(payload[:head]), roles[:head], lines[:head]

    def where(*conditions: Condition) -> list[int]:
        holds = np.logical_or.reduce([_holds(c, window, roles, lines) for c in conditions])
        return [int(i) for i in np.flatnonzero(holds)]

    marks = {mark: where(*conditions) for mark, conditions in grammar.MARKS.items()}
    methods = [m for m, condition in grammar.METHODS.items() if where(condition)]
    reasons = {
        rule.reason for rule in grammar.RULES if _holds(rule.condition, window, roles, lines).any()
    }
    complete = bool(marks[Mark.HEAD_END])
    if complete and not methods:
        reasons.add(Reason.METHOD)
    if complete and not marks[Mark.HOST_START]:
        reasons.add(Reason.HOST_MISSING)
    if len(marks[Mark.HOST_START]) > 1:
        reasons.add(Reason.HOST_REPEATED)
    framings = len(marks[Mark.LENGTH_START]) + len(marks[Mark.CODING_START])
    codings, chunked = bool(marks[Mark.CODING_START]), bool(marks[Mark.CHUNKED])
    if framings > 1 or codings != chunked or (codings and marks[Mark.HTTP_1_0]):
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
        head_length=head if complete else 0,
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


class _Window:
    """The payload as codes, with enough :data:`~grammar.START` before it to look back."""

    def __init__(self, payload: bytes) -> None:
        self.length = len(payload)
        self.codes: Codes = np.full(grammar.LOOK_BACK + len(payload), grammar.START, np.int16)
        self.codes[grammar.LOOK_BACK :] = np.frombuffer(payload, np.uint8)
        self.matches: dict[Pattern, Bits] = {}

    def match(self, pattern: Pattern) -> Bits:
        """By byte of the payload: whether the window that ends there matches *pattern*."""
        if pattern not in self.matches:
            hit = np.ones(self.length, np.bool_)
            for age, members in enumerate(reversed(pattern)):
                if members != grammar.ANY:
                    begin = grammar.LOOK_BACK - age
                    hit &= _members(members)[self.codes[begin : begin + self.length]]
            self.matches[pattern] = hit
        return self.matches[pattern]


@cache
def _members(values: frozenset[int]) -> Bits:
    table = np.zeros(257, np.bool_)
    table[list(values)] = True
    return table


@cache
def _states(members: frozenset[int]) -> Bits:
    table = np.zeros(16, np.bool_)
    table[list(members)] = True
    return table


def _run(machine: Machine, window: _Window) -> Codes:
    """State before each byte."""
    symbols = np.full(window.length, len(machine.symbols), np.intp)
    for number, symbol in reversed(list(enumerate(machine.symbols))):
        symbols[window.match(symbol.pattern)] = number
    functions = [machine.function(s.name) for s in machine.symbols] + [machine.function(None)]
    states, state = [], 0
    for symbol_number in symbols.tolist():
        states.append(state)
        state = functions[symbol_number][state]
    return np.array(states, np.int16)


def _holds(condition: Condition, window: _Window, roles: Codes, lines: Codes) -> Bits:
    hit = window.match(condition.pattern).copy()
    for pattern in condition.unless:
        hit &= ~window.match(pattern)
    for states, wanted in ((roles, condition.roles), (lines, condition.lines)):
        for age, members in enumerate(reversed(wanted)):
            allowed = _states(members)[states]
            hit[age:] &= allowed[: max(len(allowed) - age, 0)]
            hit[:age] = False
    return hit
