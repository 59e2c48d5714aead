"""Medians, spreads and paired ratios of samples."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .samples import Sample, Samples

__all__ = ["ENOUGH", "Metric", "Spread", "paired", "spread"]

ENOUGH = 3
"""Rounds without which nothing is told of a workload."""

Metric = Callable[[Sample], float]


@dataclass(frozen=True)
class Spread:
    """The least, the median and the most of *count* values."""

    least: float
    median: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread | None":
        """None: they are too few."""
        known = list(values)
        if len(known) < ENOUGH:
            return None
        return cls(min(known), statistics.median(known), max(known), len(known))

    def shown(self, digits: int = 1) -> str:
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f} to {self.most:,.{digits}f})"


def spread(samples: Samples, workload: str, peer: str, metric: Metric) -> Spread | None:
    """Of *metric* over the rounds; None: they are too few."""
    return Spread.of(map(metric, samples.of(workload, peer).values()))


def paired(
    samples: Samples, above: tuple[str, str], below: tuple[str, str], metric: Metric
) -> Spread | None:
    """Of the quotients of *metric* in the same round; *above* and *below* are of a workload and a
    peer each.  None: there are too few rounds with both, or nothing to divide by."""
    over, under = samples.of(*above), samples.of(*below)
    rounds = sorted(over.keys() & under.keys())
    if any(metric(under[number]) <= 0 for number in rounds):
        return None
    return Spread.of(metric(over[number]) / metric(under[number]) for number in rounds)
