"""Balancers without a hash: each picks from a fixed set of hosts.

RANDOM, ROUND_ROBIN and LEAST_REQUEST behave as Envoy's: unequal weights, and hosts that warm up,
go through weighted turns; equal ones take the short way (plain rotation; two random choices).
"""

import random
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from hybridmesh.config.model import Warmup

from ..clock import Clock
from .host import Host
from .schedule import EarliestDeadline

__all__ = ["LeastRequest", "Nobody", "OneHost", "Picker", "RandomChoice", "RoundRobin", "Turns",
           "warming"]  # fmt: skip

H = TypeVar("H", bound=Host)
Out = TypeVar("Out", covariant=True)


class Picker(Protocol[Out]):
    """Picks one of its hosts.

    ``hash``: of the request, None for any host; ``attempt``: how often this choice of a retry has
    been refused.  Balancers without a hash ignore both.
    """

    def pick(self, hash: int | None = None, attempt: int = 0) -> Out | None: ...


class Nobody:
    """No host."""

    def pick(self, hash: int | None = None, attempt: int = 0) -> None:
        return None


class OneHost(Generic[H]):
    """Always the same."""

    __slots__ = ("_host",)

    def __init__(self, host: H) -> None:
        self._host = host

    def pick(self, hash: int | None = None, attempt: int = 0) -> H:
        return self._host


class RandomChoice(Generic[H]):
    """Every host as likely as the other; Envoy's RANDOM knows no weights."""

    __slots__ = ("_count", "_hosts", "_random")

    def __init__(self, hosts: Sequence[H], rng: random.Random) -> None:
        self._hosts = hosts
        self._count = len(hosts)
        self._random = rng.random

    def pick(self, hash: int | None = None, attempt: int = 0) -> H:
        return self._hosts[int(self._random() * self._count)]


class RoundRobin(Generic[H]):
    """In turn, all alike."""

    __slots__ = ("_count", "_hosts", "_next")

    def __init__(self, hosts: Sequence[H], rng: random.Random) -> None:
        self._hosts = hosts
        self._count = len(hosts)
        self._next = int(rng.random() * self._count)

    def pick(self, hash: int | None = None, attempt: int = 0) -> H:
        self._next = number = (self._next + 1) % self._count
        return self._hosts[number]


class LeastRequest(Generic[H]):
    """Of two hosts taken at random the one with fewer requests under way."""

    __slots__ = ("_count", "_hosts", "_random")

    def __init__(self, hosts: Sequence[H], rng: random.Random) -> None:
        self._hosts = hosts
        self._count = len(hosts)
        self._random = rng.random

    def pick(self, hash: int | None = None, attempt: int = 0) -> H:
        hosts, count, rand = self._hosts, self._count, self._random
        first = hosts[int(rand() * count)]
        second = hosts[int(rand() * count)]
        return second if second.active < first.active else first


class Turns(Generic[H]):
    """In turn, as often as the weights say; for LEAST_REQUEST (*by_load*) a host's weight is
    divided by one more than its requests under way."""

    __slots__ = ("_by_load", "_clock", "_schedule", "_warmup")

    def __init__(
        self,
        hosts: Sequence[H],
        rng: random.Random,
        clock: Clock,
        warmup: Warmup | None,
        *,
        by_load: bool,
    ) -> None:
        self._by_load = by_load
        self._clock = clock
        self._warmup = warmup
        self._schedule = EarliestDeadline(hosts, self._period, rng)

    def pick(self, hash: int | None = None, attempt: int = 0) -> H:
        return self._schedule.pick()

    def _period(self, host: H) -> float:
        period = 1 / host.endpoint.weight
        if self._by_load:
            period *= host.active + 1
        warmup = self._warmup
        if warmup is not None:
            age = self._clock.now - host.added
            if age < warmup.seconds:
                # Not below a millisecond, or a host that has just come would have no weight at all.
                grown = (max(age, 0.001) / warmup.seconds) ** (1 / warmup.aggression)
                period /= max(grown, warmup.minimum)
        return period


def warming(hosts: Sequence[Host], warmup: Warmup | None, now: float) -> bool:
    """Whether one of *hosts* has not had its warm-up yet."""
    return warmup is not None and any(now - host.added <= warmup.seconds for host in hosts)
