"""What HybridMesh promises of itself, and what the samples say of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .samples import Samples
from .statistics import Spread, paired, spread
from .workload import Workload

__all__ = ["Outcome", "Target", "outcomes"]

Outcome = Literal["met", "missed", "open", "not measured"]
"""All rounds are on the right side; none is; some are; there are too few."""

_NEARLY = 0.05
_FLAT = (1, 10, 100, 1000, 5000)


@dataclass(frozen=True)
class Target:
    """One promise.

    Attributes
    ----------
    goal : float
        At least this, or at most, where *most* is set.
    """

    promise: str
    goal: float
    found: Spread | None
    most: bool = False
    digits: int = 2

    @property
    def outcome(self) -> Outcome:
        if self.found is None:
            return "not measured"
        best, worst = self.found.most, self.found.least
        if self.most:
            best, worst = worst, best
            return "met" if worst <= self.goal else "missed" if best > self.goal else "open"
        return "met" if worst >= self.goal else "missed" if best < self.goal else "open"


def outcomes(samples: Samples, mode: str) -> Iterator[Target]:
    """For HybridMesh in one *mode*."""

    def ratio(peer: str, workload: Workload) -> Spread | None:
        name = workload.name
        return paired(samples, (name, peer), (name, mode), lambda s: s.cpu)

    def user(peer: str) -> Spread | None:
        base = Workload().name
        return paired(samples, (base, peer), (base, mode), lambda s: s.user)

    paced, large = Workload(think=16).name, Workload(routes=5000).name
    late = _same_load(samples, paced, "haproxy", mode)
    memory = spread(samples, large, mode, lambda s: s.rss / 1e6)
    istio = ratio("envoy", Workload(istio=True))
    three = ratio("envoy", Workload("three", 1000))
    flat = _flatness(samples, mode)
    yield Target("CPU per request, Envoy : HybridMesh, 100 Istio-like routes", 4.4, istio)
    yield Target("CPU per request, Envoy : HybridMesh, 1000 three-condition routes", 10.0, three)
    yield Target("CPU per request, dearest : cheapest of 1 to 5000 routes", 1.1, flat, most=True)
    yield Target("CPU in user space per request, HAProxy : HybridMesh", 1.0, user("haproxy"))
    yield Target("CPU in user space per request, nginx : HybridMesh", 1.0, user("nginx"))
    yield Target("p99 latency at the same load, HAProxy : HybridMesh", 1.0, late)
    yield Target("resident memory at 5000 routes, MB", 100.0, memory, most=True, digits=0)


def _same_load(samples: Samples, workload: str, peer: str, mode: str) -> Spread | None:
    """Ratios of p99 in the rounds in which both have had the same rate, nearly."""
    over, under = samples.of(workload, peer), samples.of(workload, mode)
    return Spread.of(
        over[number].p99 / under[number].p99
        for number in sorted(over.keys() & under.keys())
        if abs(over[number].rate / under[number].rate - 1) <= _NEARLY
    )


def _flatness(samples: Samples, mode: str) -> Spread | None:
    """Of each round that has all of the workloads, the dearest by the cheapest."""
    columns = [samples.of(Workload(routes=routes).name, mode) for routes in _FLAT]
    rounds = set.intersection(*(set(column) for column in columns))
    return Spread.of(
        max(column[number].cpu for column in columns)
        / min(column[number].cpu for column in columns)
        for number in sorted(rounds)
    )
