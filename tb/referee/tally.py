"""What has come of many heads, counted; it can be written down and read again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hybridmesh.contract.verdict import Reason, State, Verdict

from .heads import Case
from .subjects import Outcome

__all__ = ["Tally", "word"]


def word(verdict: Verdict | None) -> str:
    """A verdict in a word: its state where that is all, else its reason."""
    if verdict is None:
        return State.NONE.word
    return verdict.state.word if verdict.usable else Reason(verdict.reason).word


_STATES = {reason.word: reason.state for reason in Reason} | {state.word: state for state in State}


@dataclass
class Tally:
    """Heads by what was said of them.

    Attributes
    ----------
    heads : int
    said : dict of str to Counter
        By how they were sent: how often each :func:`word` was said.
    wrong : list of int
        Numbers of the heads that the referees complain about.
    """

    heads: int = 0
    said: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[int] = field(default_factory=list)

    def add(self, cases: Sequence[Case], outcomes: Iterable[Outcome]) -> None:
        for case, outcome in zip(cases, outcomes, strict=True):
            self.heads += 1
            for how, verdict in outcome.verdicts.items():
                self.said.setdefault(how, Counter())[word(verdict)] += 1
            if outcome.complaints:
                self.wrong.append(case.number)

    def merge(self, other: "Tally") -> None:
        self.heads += other.heads
        for how, counts in other.said.items():
            self.said.setdefault(how, Counter()).update(counts)
        self.wrong += other.wrong

    def states(self, how: str) -> Counter[State]:
        """How often each state was given to heads sent in the manner *how*."""
        states: Counter[State] = Counter()
        for said, count in self.said.get(how, {}).items():
            states[_STATES[said]] += count
        return states

    def reached(self) -> frozenset[Reason]:
        """The reasons that were given."""
        words = {said for counts in self.said.values() for said in counts}
        return frozenset(
            reason for reason in Reason if reason.word in words and reason is not Reason.NONE
        )

    def to_json(self) -> dict[str, Any]:
        return {"heads": self.heads, "said": self.said, "wrong": self.wrong}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Tally":
        said = {how: Counter(counts) for how, counts in data["said"].items()}
        return cls(data["heads"], said, data["wrong"])
