"""The grammar run in the plainest way, condition by condition at each byte of one payload.

Gives more than the golden model does (all marks, and rules apart from what is counted), and shares
no code with it; the tests hold both against each other too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from hybridmesh.contract.grammar import (
    LINE,
    MARKS,
    METHODS,
    ROLE,
    RULES,
    START,
    TCHAR,
    Condition,
    Machine,
    Mark,
    Pattern,
    Role,
)
from hybridmesh.contract.verdict import Method, Reason

__all__ = ["Found", "find", "states"]

T = TypeVar("T")


@dataclass
class Found:
    """What is said of one payload; marks by offset."""

    reasons: set[Reason] = field(default_factory=set)
    methods: list[Method] = field(default_factory=list)
    marks: dict[Mark, list[int]] = field(default_factory=lambda: {mark: [] for mark in Mark})
    tokens: int = 0


_Possible = dict[tuple[int, int], list[tuple[T, Condition]]]
"""By role and byte: the conditions that may hold there, as far as these two say."""


def _possible(them: Iterable[tuple[T, Condition]]) -> _Possible[T]:
    possible: _Possible[T] = {(role, byte): [] for role in Role for byte in range(256)}
    for name, condition in them:
        for role in condition.roles[-1] if condition.roles else Role:
            for byte in condition.pattern[-1] - {START}:
                possible[role, byte].append((name, condition))
    return possible


_RULES = _possible((rule.reason, rule.condition) for rule in RULES)
_METHODS = _possible(METHODS.items())
_MARKS = _possible((mark, condition) for mark, any_of in MARKS.items() for condition in any_of)


@lru_cache(1024)
def find(payload: bytes) -> Found:
    found = Found(tokens=sum(byte in TCHAR for byte in payload[:1]))
    roles = states(ROLE, payload)
    lines = states(LINE, payload)
    for n, role in enumerate(roles):
        if role == Role.DONE:
            break
        found.reasons.update(_held(_RULES, payload, roles, lines, n))
        found.methods += _held(_METHODS, payload, roles, lines, n)
        for mark in set(_held(_MARKS, payload, roles, lines, n)):
            found.marks[mark].append(n)
    return found


def _held(
    possible: _Possible[T], payload: bytes, roles: list[int], lines: list[int], n: int
) -> Iterator[T]:
    """Those whose condition holds at byte *n*."""
    for name, condition in possible[roles[n], payload[n]]:
        if (
            _within(roles, condition.roles, n)
            and _within(lines, condition.lines, n)
            and _matches(payload, condition.pattern, n)
            and not any(_matches(payload, p, n) for p in condition.unless)
        ):
            yield name


def _matches(payload: bytes, pattern: Pattern, n: int) -> bool:
    """Whether the window that ends at byte *n* matches."""
    for age, members in enumerate(reversed(pattern)):
        if (payload[n - age] if age <= n else START) not in members:
            return False
    return True


def _within(states: list[int], wanted: tuple[frozenset[int], ...], n: int) -> bool:
    for age, members in enumerate(reversed(wanted)):
        if age > n or states[n - age] not in members:
            return False
    return True


@lru_cache(64)
def states(machine: Machine, payload: bytes) -> list[int]:
    """The state before each byte."""
    moves = {(source, symbol): target for source, symbol, target in machine.transitions}
    ends = {b: [s for s in machine.symbols if b in s.pattern[-1]] for b in set(payload)}
    state, before = 0, []
    for n, byte in enumerate(payload):
        before.append(state)
        symbol = next((s.name for s in ends[byte] if _matches(payload, s.pattern, n)), None)
        state = int(moves.get((state, symbol), state))
    return before
