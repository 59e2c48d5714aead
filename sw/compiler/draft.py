"""What one route asks of the NIC, gathered while its conditions are gone through one by one."""

from dataclasses import dataclass, field

from ..config.model import MatchKind, StringMatch
from ..contract.geometry import Geometry
from .predicates import PredicateTest
from .questions import Question
from .regex import language

__all__ = ["Draft", "NeverError", "literal"]


class NeverError(Exception):
    """No head that the NIC decides can match the route."""


@dataclass
class Draft:
    """Conditions gathered so far, and in ``reasons`` why they ask less than the route does."""

    geometry: Geometry
    tests: list[PredicateTest] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def leave(self, reason: str) -> None:
        """Leave a condition, or a part of it, to the CPU."""
        self.reasons.append(reason)

    def ask(
        self, question: Question, *, absent: bool = False, notice: Question | None = None
    ) -> None:
        """Let a row test the answer to *question*."""
        self.tests.append(PredicateTest(question, absent, notice))


def literal(match: StringMatch) -> tuple[MatchKind, bytes]:
    """The comparison as EXACT or PREFIX of a literal, or REGEX where it is a superset."""
    if match.kind is MatchKind.REGEX:
        return language(match.value)
    return match.kind, match.value.encode()
