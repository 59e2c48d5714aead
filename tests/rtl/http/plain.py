"""The grammar run in the plainest way, condition by condition at each byte of one payload.

Gives more than the golden model does (all marks, and rules apart from what is counted), and shares
no code with it; the test holds both against each other too.
"""

from dataclasses import dataclass, field
from functools import cache

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

__all__ = ["Found", "find"]


@dataclass
class Found:
    """What is said of one payload; marks by offset."""

    reasons: set[Reason] = field(default_factory=set)
    methods: list[Method] = field(default_factory=list)
    marks: dict[Mark, list[int]] = field(default_factory=lambda: {mark: [] for mark in Mark})
    tokens: int = 0


@cache
def find(payload: bytes) -> Found:
    found = Found(tokens=int(payload[0] in TCHAR))
    roles = _states(ROLE, payload)
    lines = _states(LINE, payload)
    for n, role in enumerate(roles):
        if role == Role.DONE:
            break

        def holds(condition: Condition, n: int = n) -> bool:
            return (
                _within(roles, condition.roles, n)
                and _within(lines, condition.lines, n)
                and _matches(payload, condition.pattern, n)
                and not any(_matches(payload, p, n) for p in condition.unless)
            )

        found.reasons |= {rule.reason for rule in RULES if holds(rule.condition)}
        found.methods += [method for method, condition in METHODS.items() if holds(condition)]
        for mark, conditions in MARKS.items():
            if any(map(holds, conditions)):
                found.marks[mark].append(n)
    return found


def _matches(payload: bytes, pattern: Pattern, n: int) -> bool:
    """Whether the window that ends at byte *n* matches."""
    return all(
        (payload[n - age] if age <= n else START) in members
        for age, members in enumerate(reversed(pattern))
    )


def _within(states: list[int], wanted: tuple[frozenset[int], ...], n: int) -> bool:
    return all(
        age <= n and states[n - age] in members for age, members in enumerate(reversed(wanted))
    )


def _states(machine: Machine, payload: bytes) -> list[int]:
    """The state before each byte."""
    moves = {(source, symbol): target for source, symbol, target in machine.transitions}
    state, states = 0, []
    for n in range(len(payload)):
        states.append(state)
        symbol = next((s.name for s in machine.symbols if _matches(payload, s.pattern, n)), None)
        state = int(moves.get((state, symbol), state))
    return states
