"""Predicates: the columns of the header space, shared by all routes that ask the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..contract.geometry import Space
from ..contract.table import Tcam
from .questions import Param, Question

__all__ = ["PredicateTest", "Predicates"]


@dataclass(frozen=True)
class PredicateTest:
    """A condition of a row: the answer to ``question`` must be yes, or with ``absent`` no.

    ``notice`` is one more question to ask: that a field or a parameter came twice shows only when
    both meet the same question, and then the NIC leaves the head to the CPU.
    """

    question: Question
    absent: bool = False
    notice: Question | None = None

    @property
    def questions(self) -> tuple[Question, ...]:
        return (self.question,) if self.notice is None else (self.question, self.notice)


class Predicates:
    """Hands out the columns of *tcam*, as many as it has.

    Attributes
    ----------
    ask_params : bool
        Whether a column asks about query parameters.
    """

    def __init__(self, tcam: Tcam) -> None:
        self._tcam = tcam
        self._columns: dict[Question, int] = {}
        self.ask_params = False

    @property
    def space(self) -> Space:
        return self._tcam.space

    @property
    def capacity(self) -> int:
        return self.space.columns

    @property
    def used(self) -> int:
        return len(self._columns)

    def columns(self, questions: Sequence[Question]) -> list[int] | None:
        """A column for each of *questions*, or None, and nothing changed, where they do not fit."""
        fresh = dict.fromkeys(q for q in questions if q not in self._columns)
        if self.used + len(fresh) > self.capacity:
            return None
        for question in fresh:
            self._columns[question] = column = len(self._columns)
            question.write(self._tcam, column)
            self.ask_params |= isinstance(question, Param)
        return [self._columns[question] for question in questions]
