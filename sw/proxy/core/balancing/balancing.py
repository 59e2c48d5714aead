"""Which endpoint of a cluster gets the next attempt.

Endpoints stand in priorities, of which each takes the share of the requests that its healthy ones
are able to take (:mod:`.load`); within a priority, by localities where the cluster wants it; within
that, the balancer picks.  All of it is laid out when something changes, and a pick looks at no host
but the one or two that it picks from.
"""

import random
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from hybridmesh.config.model import Balancer, LoadBalancing

from ..clock import Clock
from .host import Host
from .level import Level
from .load import load
from .pickers import Picker
from .tried import REPICKS, Tried

__all__ = ["PANIC_THRESHOLD", "Balancing"]

PANIC_THRESHOLD = 50
"""Envoy's default; Istio sets its own together with outlier detection."""

_HASHING = (Balancer.RING_HASH, Balancer.MAGLEV)

H = TypeVar("H", bound=Host)


class Balancing(Generic[H]):
    """The endpoints of a cluster, and who is next.

    Parameters
    ----------
    hosts : iterable of Host
    policy : LoadBalancing
    clock : Clock
    rng : random.Random
    panic_threshold : int
        Per cent of healthy hosts below which a priority uses all of its hosts.

    Attributes
    ----------
    hashing : bool
        Whether the hash of a request counts.
    """

    def __init__(
        self,
        hosts: Iterable[H],
        policy: LoadBalancing,
        clock: Clock,
        rng: random.Random,
        panic_threshold: int = PANIC_THRESHOLD,
    ) -> None:
        self.hashing = policy.kind in _HASHING
        self._policy = policy
        self._clock = clock
        self._rng = rng
        self._threshold = panic_threshold
        self._levels: list[Level[H]] = []
        self._only: Picker[H] | None = None
        self._by_percent: Sequence[Level[H]] = ()
        self.update(hosts)

    def update(self, hosts: Iterable[H]) -> None:
        """These are the hosts from now on."""
        by_priority: dict[int, list[H]] = {}
        for host in hosts:
            by_priority.setdefault(host.endpoint.priority, []).append(host)
        levels = self._levels
        while len(levels) <= max(by_priority, default=0):
            levels.append(Level(self._policy, self._clock, self._rng))
        for priority, level in enumerate(levels):
            level.hosts = by_priority.get(priority, [])
        self.refresh()

    def refresh(self) -> None:
        """Some hosts have become eligible, or are so no more.

        The work is done at the next pick, for all changes in one.
        """
        self._only = None
        self._by_percent = ()

    @property
    def total(self) -> int:
        """Hosts (``membership_total``)."""
        return sum(len(level.hosts) for level in self._levels)

    @property
    def healthy(self) -> int:
        """Hosts that are eligible (``membership_healthy``)."""
        return sum(host.eligible for level in self._levels for host in level.hosts)

    @property
    def panics(self) -> int:
        """Picks from priorities in panic (``lb_healthy_panic``)."""
        return sum(level.panics for level in self._levels)

    def pick(self, hash: int | None = None) -> H | None:
        """A host for a first attempt; None: there is none."""
        return (self._only or self._level(hash).picker).pick(hash)

    def pick_again(self, tried: Tried, hash: int | None = None) -> H | None:
        """A host for another attempt of a request that has *tried* some."""
        if not self._by_percent:
            self._lay_out()
        if self.hashing:  # as Envoy does: step by step, and whatever the priority
            return self._step(self._rng.getrandbits(64) if hash is None else hash, tried)
        shares = tried.shares([level.able for level in self._levels])
        for _ in range(1 + REPICKS):
            level = self._level(None) if shares is None else self._by_share(shares)
            host = level.picker.pick()
            if host is None or not tried.refuses(host):
                return host
        return next((other for other in level.used if not tried.refuses(other)), host)

    def _step(self, hash: int, tried: Tried) -> H | None:
        """From where *hash* belongs on to the next hosts, as far as a retry looks."""
        picker = self._level(hash).picker
        for attempt in range(1 + REPICKS):
            host = picker.pick(hash, attempt)
            if host is None or not tried.refuses(host):
                break
        return host

    def _level(self, hash: int | None) -> Level[H]:
        """The priority that is next."""
        if not self._by_percent:
            self._lay_out()
        if hash is None or not self.hashing:
            percent = int(self._rng.random() * 100)
        else:
            percent = hash % 100
        return self._by_percent[percent]

    def _by_share(self, shares: Sequence[int]) -> Level[H]:
        (level,) = self._rng.choices(self._levels, shares)
        return level

    def _lay_out(self) -> None:
        levels = self._levels
        for level in levels:
            level.look()
        counts = [(len(level.healthy), len(level.hosts)) for level in levels]
        shares, panic = load(counts, self._threshold)
        by_percent: list[Level[H]] = []
        for level, share, panicking in zip(levels, shares, panic, strict=True):
            level.settle(panic=panicking)
            by_percent += [level] * share
        self._by_percent = by_percent
        if by_percent[0] is by_percent[-1]:
            self._only = by_percent[0].picker
