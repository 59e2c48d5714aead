"""One priority of a cluster's endpoints: who of them is used, and the balancer over those."""

import random
from collections.abc import Sequence
from itertools import groupby
from typing import Generic, TypeVar

from hybridmesh.config.model import Balancer, LoadBalancing

from ..clock import Clock
from .host import Host
from .load import OVERPROVISIONING, availability
from .maglev import Maglev
from .pickers import (
    LeastRequest,
    Nobody,
    OneHost,
    Picker,
    RandomChoice,
    RoundRobin,
    Turns,
    warming,
)
from .ring import Ring
from .schedule import EarliestDeadline

__all__ = ["Level"]

H = TypeVar("H", bound=Host)


class Level(Generic[H]):
    """One priority.

    Parameters
    ----------
    policy : LoadBalancing
    clock : Clock
    rng : random.Random

    Attributes
    ----------
    hosts : list of Host
        All of them.
    healthy : list of Host
        Those that were eligible at the last :meth:`look`.
    used : list of Host
        Those that get requests.
    picker : Picker
        The balancer over them.
    panics : int
        Picks in panic.
    """

    def __init__(self, policy: LoadBalancing, clock: Clock, rng: random.Random) -> None:
        self.hosts: list[H] = []
        self.healthy: list[H] = []
        self.used: list[H] = []
        self.picker: Picker[H] = Nobody()
        self.panics = 0
        self._policy = policy
        self._clock = clock
        self._rng = rng
        self._table: Maglev[H] | None = None
        self._laid_out: tuple[list[H], list[H], bool] = ([], [], False)

    @property
    def able(self) -> int:
        """Per cent of all requests that it is able to take."""
        return availability(len(self.healthy), len(self.hosts))

    def look(self) -> None:
        """See who is eligible."""
        self.healthy = [host for host in self.hosts if host.eligible]

    def settle(self, *, panic: bool) -> None:
        """Lay the balancer out over the healthy hosts; in *panic*, over all."""
        used = self.hosts if panic else self.healthy
        if self._laid_out == (self.hosts, used, panic):
            return  # a table is dear, and rotation goes on where it is
        self._laid_out = (self.hosts, used, panic)
        self.used = used
        if self._policy.kind in (Balancer.RING_HASH, Balancer.MAGLEV):
            picker = self._consistent(used)
        elif self._policy.by_locality and not panic:
            picker = self._localities(used)
        else:
            picker = self._flat(used)
        self.picker = _Panic(self, picker) if panic else picker

    def _flat(self, hosts: Sequence[H]) -> Picker[H]:
        """A balancer without a hash over *hosts*."""
        policy, clock, rng = self._policy, self._clock, self._rng
        if len(hosts) < 2:
            return OneHost(hosts[0]) if hosts else Nobody()
        if policy.kind is Balancer.RANDOM:
            return RandomChoice(hosts, rng)
        by_load = policy.kind is Balancer.LEAST_REQUEST
        unequal = len({host.endpoint.weight for host in hosts}) > 1
        if unequal or warming(hosts, policy.warmup, clock.now):
            return Turns(hosts, rng, clock, policy.warmup, by_load=by_load)
        return LeastRequest(hosts, rng) if by_load else RoundRobin(hosts, rng)

    def _localities(self, hosts: Sequence[H]) -> Picker[H]:
        """A balancer per locality, which take turns."""
        used = _by_locality(hosts)
        weighted = []
        for locality, everybody in _by_locality(self.hosts).items():
            here = used.get(locality, [])
            able = min(1.0, OVERPROVISIONING / 100 * len(here) / len(everybody))
            if weight := everybody[0].endpoint.locality_weight * able:
                weighted.append((self._flat(here), 1 / weight))
        return _Localities(weighted, self._rng) if weighted else self._flat(hosts)

    def _consistent(self, hosts: Sequence[H]) -> Picker[H]:
        policy, rng = self._policy, self._rng
        weights = self._normalised(hosts)
        if not weights:
            return Nobody()
        if policy.kind is Balancer.RING_HASH:
            return Ring(weights, policy.minimum_ring_size, rng)
        if self._table is None:
            self._table = Maglev(weights, policy.table_size, rng, self._clock)
        else:
            self._table.renew(weights)
        return self._table

    def _normalised(self, hosts: Sequence[H]) -> list[tuple[H, float]]:
        """Share of each host in the whole.

        A locality without a host keeps its share from the others, as in Envoy.
        """
        if not self._policy.by_locality:
            return _shares(hosts, 1.0)
        weights = {
            locality: everybody[0].endpoint.locality_weight
            for locality, everybody in _by_locality(self.hosts).items()
        }
        total = sum(weights.values())
        return [
            share
            for locality, here in _by_locality(hosts).items()
            if weights[locality]
            for share in _shares(here, weights[locality] / total)
        ]


class _Localities(Generic[H]):
    """Balancers that take turns by their periods."""

    __slots__ = ("_schedule",)

    def __init__(self, weighted: Sequence[tuple[Picker[H], float]], rng: random.Random) -> None:
        self._schedule = EarliestDeadline(weighted, lambda each: each[1], rng)

    def pick(self, hash: int | None = None, attempt: int = 0) -> H | None:
        return self._schedule.pick()[0].pick()


class _Panic(Generic[H]):
    """Counts the picks of a level in panic."""

    __slots__ = ("_level", "_picker")

    def __init__(self, level: Level[H], picker: Picker[H]) -> None:
        self._level = level
        self._picker = picker

    def pick(self, hash: int | None = None, attempt: int = 0) -> H | None:
        self._level.panics += 1
        return self._picker.pick(hash, attempt)


def _by_locality(hosts: Sequence[H]) -> dict[str, list[H]]:
    """*hosts* by locality, in Envoy's order: region, zone, subzone."""
    ordered = sorted(hosts, key=lambda host: host.endpoint.locality.split("/"))
    return {name: list(group) for name, group in groupby(ordered, _locality)}


def _locality(host: Host) -> str:
    return host.endpoint.locality


def _shares(hosts: Sequence[H], whole: float) -> list[tuple[H, float]]:
    total = sum(host.endpoint.weight for host in hosts)
    return [(host, host.endpoint.weight * whole / total) for host in hosts]
