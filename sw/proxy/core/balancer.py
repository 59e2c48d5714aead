"""Load balancers: which endpoint of a cluster gets the next attempt.

LEAST_REQUEST, ROUND_ROBIN and RANDOM behave as Envoy's: weights go through an earliest-deadline
scheduler, equal weights take the short way (two random choices; plain rotation).
"""

import heapq
import random
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from hybridmesh.config.model import Balancer

__all__ = ["Host", "LeastRequest", "LoadBalancer", "RandomChoice", "RoundRobin", "make_balancer",
           "pick_other"]  # fmt: skip

REPICKS = 5
"""Times that a retry asks again before it insists on another host
(``hostSelectionRetryMaxAttempts`` as Istio sets it)."""


class Host(Protocol):
    """An endpoint, as a balancer sees it: its weight and its requests under way."""

    @property
    def weight(self) -> int: ...

    @property
    def active(self) -> int: ...


class LoadBalancer(Protocol):
    """Picks one of its hosts, of which there is at least one."""

    def pick(self) -> int:
        """Number of the host."""
        ...


class RandomChoice:
    """Every host as likely as the other; Envoy's RANDOM knows no weights."""

    def __init__(self, hosts: Sequence[Host], rng: random.Random) -> None:
        self._count = len(hosts)
        self._random = rng.random

    def pick(self) -> int:
        return int(self._random() * self._count)


class RoundRobin:
    """In turn, as often as the weights say."""

    def __init__(self, hosts: Sequence[Host], rng: random.Random) -> None:
        self._count = len(hosts)
        self._next = int(rng.random() * self._count)
        self._edf = None if _equal(hosts) else _EarliestDeadline(hosts, rng)

    def pick(self) -> int:
        if self._edf is not None:
            return self._edf.pick()
        self._next = number = (self._next + 1) % self._count
        return number


class LeastRequest:
    """Of two hosts taken at random the one with fewer requests under way.

    With unequal weights: in turn, a host's share being ``weight / (active + 1)``.
    """

    def __init__(self, hosts: Sequence[Host], rng: random.Random) -> None:
        self._hosts = hosts
        self._count = len(hosts)
        self._random = rng.random
        self._edf = None if _equal(hosts) else _EarliestDeadline(hosts, rng, by_load=True)

    def pick(self) -> int:
        if self._count == 1:
            return 0
        if self._edf is not None:
            return self._edf.pick()
        first = int(self._random() * self._count)
        second = int(self._random() * self._count)
        return second if self._hosts[second].active < self._hosts[first].active else first


class _EarliestDeadline:
    """Weighted turns: a host picked at time t comes again at t + 1 / weight."""

    def __init__(self, hosts: Sequence[Host], rng: random.Random, *, by_load: bool = False) -> None:
        self._hosts = hosts
        self._by_load = by_load
        self._order = 0
        self._queue: list[tuple[float, int, int]] = []
        for number in range(len(hosts)):
            self._put(number, 0.0)
        for _ in range(int(rng.random() * len(hosts))):
            self.pick()  # many gateways must not all begin with the same host

    def _put(self, number: int, now: float) -> None:
        host = self._hosts[number]
        weight = host.weight / (host.active + 1) if self._by_load else host.weight
        self._order += 1
        heapq.heappush(self._queue, (now + 1 / weight, self._order, number))

    def pick(self) -> int:
        now, _, number = heapq.heappop(self._queue)
        self._put(number, now)
        return number


def _equal(hosts: Sequence[Host]) -> bool:
    return len({host.weight for host in hosts}) <= 1


def make_balancer(kind: Balancer, hosts: Sequence[Host], rng: random.Random) -> LoadBalancer:
    """The balancer that *kind* names, over *hosts*."""
    kinds: dict[Balancer, Callable[[Sequence[Host], random.Random], LoadBalancer]] = {
        Balancer.LEAST_REQUEST: LeastRequest,
        Balancer.ROUND_ROBIN: RoundRobin,
        Balancer.RANDOM: RandomChoice,
    }
    return kinds[kind](hosts, rng)


def pick_other(balancer: LoadBalancer, count: int, tried: Collection[int]) -> int:
    """A host of *count* that is not in *tried*, where there is one (``previous_hosts``)."""
    number = balancer.pick()
    for _ in range(REPICKS):
        if number not in tried:
            return number
        number = balancer.pick()
    if number in tried:
        number = next((other for other in range(count) if other not in tried), number)
    return number
