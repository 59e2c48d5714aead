"""What is said of a run: each survivor as a diff, and one line for all."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .argued import Argued
from .mutant import Mutant
from .session import Tried
from .trial import IDENTICAL, KILLED, SURVIVED, TIMEOUT, Result

__all__ = ["Report", "explained"]


@dataclass
class Report:
    """Counts what becomes of mutants.

    Attributes
    ----------
    survivors : list of Mutant
        That nobody argues about.
    refuted : list of Mutant
        That are argued to be equivalent, and killed.
    """

    argued: Argued
    outcomes: Counter[str] = field(default_factory=Counter)
    survivors: list[Mutant] = field(default_factory=list)
    refuted: list[Mutant] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def add(self, tried: Tried) -> None:
        mutant, outcome = tried.mutant, tried.result.outcome
        why = self.argued.why(mutant)
        if outcome in (KILLED, TIMEOUT) and why:
            self.refuted.append(mutant)
        if outcome == TIMEOUT:
            self.late.append(f"{mutant.name}: {tried.result.by}")
        if outcome == SURVIVED and why:
            outcome = "argued"
        elif outcome == SURVIVED:
            self.survivors.append(mutant)
        self.outcomes[outcome] += 1

    @property
    def right(self) -> bool:
        return not (self.survivors or self.refuted)

    def lines(self) -> Iterator[str]:
        """What has to be looked at, and the one line."""
        for late in sorted(self.late):
            yield f"does not end: {late}"
        for mutant in self.survivors:
            yield f"survives: {mutant.name}\n{mutant.diff()}"
        for mutant in self.refuted:
            yield f"argued to be equivalent, and killed: {mutant.name}"
        yield self.summary()

    def summary(self) -> str:
        count = self.outcomes
        killed = count[KILLED] + count[TIMEOUT]
        equivalent = count[IDENTICAL] + count["argued"]
        late = f" ({count[TIMEOUT]:,} by not ending)" if count[TIMEOUT] else ""
        return (
            f"mutants: {killed:,} of {killed + len(self.survivors):,} killed{late}, "
            f"{equivalent:,} equivalent ({count[IDENTICAL]:,} by identical netlists, "
            f"{count['argued']:,} argued)"
        )


def explained(mutant: Mutant, result: Result, why: str | None) -> Sequence[str]:
    """One mutant and what became of it."""
    outcome = f"{result.outcome} by {result.by}" if result.by else result.outcome
    return [mutant.diff(), f"{mutant.name}: {outcome}{f'; {why}' if why else ''}"]
