"""Active health of endpoints: probes, which mean what they mean to the agent that Istio runs beside
a workload.

An endpoint with a probe gets no request until so many probes in a row have been a success, and none
again once so many have failed.  One that is not in good health is left out as if the control plane
had sent word of it; so its cluster does not panic.
"""

from collections.abc import Callable, Iterable

from hybridmesh.config.model import Probe

from ..clock import Clock
from ..ports import Prober
from .host import Host

__all__ = ["Health"]


class Health:
    """The probes of a cluster.

    Parameters
    ----------
    prober : Prober
    clock : Clock
    changed : callable
        Called after a host has changed.

    Attributes
    ----------
    counters : dict
        ``health_check.*``.
    """

    def __init__(self, prober: Prober, clock: Clock, changed: Callable[[], None]) -> None:
        self.counters = {"attempt": 0, "success": 0, "failure": 0}
        self.prober = prober
        self.clock = clock
        self.changed = changed
        self._checks: dict[Host, _Check] = {}

    def update(self, hosts: Iterable[Host]) -> None:
        """These are the hosts from now on; what is known of those that stay is kept."""
        before, self._checks = self._checks, {}
        for host in hosts:
            probe = host.endpoint.probe
            if host in before:
                self._checks[host] = before.pop(host)
            elif probe is not None:
                self._checks[host] = _Check(self, host, probe)
        for gone in before.values():
            gone.stop()


class _Check:
    """The probes of one host, one at a time."""

    __slots__ = (
        "_began",
        "_failures",
        "_health",
        "_host",
        "_probe",
        "_slot",
        "_stop",
        "_successes",
    )

    def __init__(self, health: Health, host: Host, probe: Probe) -> None:
        self._health = health
        self._host = host
        self._probe = probe
        self._successes = self._failures = 0
        self._began = 0.0
        self._stop: Callable[[], None] | None = None
        self._slot = health.clock.call_at(health.clock.now + probe.delay, self._begin)
        host.healthy = False

    def stop(self) -> None:
        self._health.clock.cancel(self._slot, self._begin if self._stop is None else self._late)
        if self._stop is not None:
            self._stop()

    def _begin(self) -> None:
        health = self._health
        health.counters["attempt"] += 1
        self._began = health.clock.now
        self._slot = health.clock.call_at(self._began + self._probe.timeout, self._late)
        self._stop = health.prober.probe(self._host.endpoint, self._done)

    def _late(self) -> None:
        assert self._stop is not None
        self._stop()
        self._over(well=False)

    def _done(self, well: bool) -> None:
        self._health.clock.cancel(self._slot, self._late)
        self._over(well=well)

    def _over(self, *, well: bool) -> None:
        self._stop = None
        health, probe = self._health, self._probe
        clock = health.clock
        self._slot = clock.call_at(max(self._began + probe.period, clock.now), self._begin)
        if well:
            health.counters["success"] += 1
            self._successes += 1
            self._failures = 0
        else:
            health.counters["failure"] += 1
            self._failures += 1
            self._successes = 0
        host = self._host
        if host.healthy and self._failures >= probe.failures:
            host.healthy = False
            health.changed()
        elif not host.healthy and self._successes >= probe.successes:
            host.healthy = True
            host.added = clock.now  # it warms up like one that has just come
            health.changed()
