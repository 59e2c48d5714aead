"""A cluster at work: its hosts, their connection pools and queues, its breaker and its counters.

An attempt asks :meth:`ClusterState.acquire` for a connection.  It gets an idle one at once, or
waits in the chosen host's queue while one is opened, or is refused by a breaker.
"""

import random
from collections.abc import Iterable

from hybridmesh.config.model import Cluster, Discovery, Endpoint

from .attempt import Attempt
from .balancing import PANIC_THRESHOLD, Balancing, Detector, Health
from .breaker import Breaker
from .clock import Clock
from .ports import Way
from .retry import Reset
from .stats import ClusterStats, snapshot
from .upstream import HostState, Upstream

__all__ = ["ClusterState"]


class ClusterState:
    """Connections and limits of one cluster.

    Parameters
    ----------
    cluster : Cluster
    network : Network
    clock : Clock
    rng : random.Random

    Attributes
    ----------
    hashing : bool
        Whether the hash of a request decides on its host.
    """

    def __init__(self, cluster: Cluster, network: Way, clock: Clock, rng: random.Random) -> None:
        self.cluster = cluster
        self.name = cluster.name
        self.network = network
        self.clock = clock
        self.breaker = Breaker(cluster.breaker)
        self.stats = ClusterStats()
        endpoints = cluster.endpoints if cluster.discovery is Discovery.STATIC else ()
        self.hosts = [HostState(endpoint, clock.now) for endpoint in endpoints]
        outlier = cluster.outlier
        probed = any(endpoint.probe for endpoint in cluster.endpoints)
        panic = 0 if probed else PANIC_THRESHOLD
        if outlier is not None:
            panic = outlier.min_healthy_percent
        self._balancing = Balancing(self.hosts, cluster.balancing, clock, rng, panic)
        self._detector: Detector | None = None
        if outlier is not None:
            self._detector = Detector(outlier, clock, self._balancing.refresh)
            self._detector.update(self.hosts)
        self._health: Health | None = None
        if probed:
            self._health = Health(network, clock, self._balancing.refresh)
            self._health.update(self.hosts)
        self.hashing = self._balancing.hashing
        self._connections: set[Upstream] = set()
        self._waiting: dict[Attempt, HostState] = {}

    def update(self, endpoints: Iterable[Endpoint]) -> None:
        """These are the endpoints from now on; what is under way at others comes to its end."""
        before = {host.endpoint: host for host in self.hosts}
        self.hosts = [
            before.pop(endpoint) if endpoint in before else HostState(endpoint, self.clock.now)
            for endpoint in dict.fromkeys(endpoints)
        ]
        for gone in before.values():
            gone.left = True
            for upstream in list(gone.idle):
                upstream.close()
        self._balancing.update(self.hosts)
        if self._detector is not None:
            self._detector.update(self.hosts)
        if self._health is not None:
            self._health.update(self.hosts)

    def acquire(self, attempt: Attempt) -> None:
        """Find a connection for *attempt*, which is told how it went: ``ready``, ``no_endpoint`` or
        ``reset``."""
        tried = attempt.tried
        if tried is None:
            host = self._balancing.pick(attempt.hash)
        else:
            host = self._balancing.pick_again(tried, attempt.hash)
        attempt.host = host
        if host is None:
            self.stats.upstream_cx_none_healthy += 1
            attempt.no_endpoint()
            return
        if host.idle:
            if self.breaker.may_send:
                self._attach(host.idle.popitem()[0], attempt)
            else:
                self._overflow(attempt)
        elif self.breaker.may_wait:
            self.stats.upstream_rq_pending_total += 1
            self.breaker.pending += 1
            host.pending[attempt] = None
            self._waiting[attempt] = host
            self._grow(host)
        else:
            self._overflow(attempt)

    def cancel(self, attempt: Attempt) -> None:
        """*attempt* no longer waits for a connection."""
        host = self._waiting.pop(attempt, None)
        if host is not None:
            del host.pending[attempt]
            self.breaker.pending -= 1
            self.stats.upstream_rq_cancelled += 1

    def connected(self, upstream: Upstream) -> None:
        """*upstream* has opened."""
        upstream.host.connecting -= 1
        self._serve(upstream)

    def connect_failed(self, upstream: Upstream, reset: Reset, detail: str) -> None:
        """*upstream* could not be opened: everybody who waits for this host is told so."""
        host = upstream.host
        host.connecting -= 1
        self.stats.upstream_cx_connect_fail += 1
        if reset is Reset.CONNECT_TIMEOUT:
            self.stats.upstream_cx_connect_timeout += 1
        self._forget(upstream)
        purged = list(host.pending)
        host.pending.clear()
        self.breaker.pending -= len(purged)
        self.stats.upstream_rq_pending_failure_eject += len(purged)
        for attempt in purged:
            del self._waiting[attempt]
        for attempt in purged:
            if host.monitor is not None:
                host.monitor.reset()
            attempt.reset(reset, detail)

    def release(self, upstream: Upstream, *, reusable: bool) -> None:
        """The attempt on *upstream* is over."""
        self._detach(upstream)
        limit = self.cluster.max_requests_per_connection
        if limit and upstream.requests >= limit:
            self.stats.upstream_cx_max_requests += 1
            reusable = False
        if reusable:
            self._serve(upstream)
        else:
            upstream.close()

    def gone(self, upstream: Upstream) -> None:
        """*upstream* has been closed, by whichever side."""
        host = upstream.host
        host.idle.pop(upstream, None)
        self._forget(upstream)
        if upstream.attempt is not None:
            self.stats.upstream_cx_destroy_with_active_rq += 1
            self._detach(upstream)
        if host.pending:
            self._grow(host)

    def close_idle(self) -> None:
        """Close every connection that has no request, and put nobody to a probe any more."""
        if self._health is not None:
            self._health.update(())
        for upstream in [u for u in self._connections if u.attempt is None]:
            upstream.close()

    def counters(self) -> dict[str, int]:
        prefix = f"cluster.{self.name}"
        ejections = {} if self._detector is None else self._detector.counters
        probes = {} if self._health is None else self._health.counters
        return {
            **snapshot(prefix, self.stats),
            **{f"{prefix}.outlier_detection.{name}": n for name, n in ejections.items()},
            **{f"{prefix}.health_check.{name}": n for name, n in probes.items()},
            f"{prefix}.lb_healthy_panic": self._balancing.panics,
            f"{prefix}.membership_healthy": self._balancing.healthy,
            f"{prefix}.membership_total": self._balancing.total,
            f"{prefix}.upstream_cx_active": self.breaker.connections,
            f"{prefix}.upstream_rq_active": self.breaker.requests,
            f"{prefix}.upstream_rq_pending_active": self.breaker.pending,
            f"{prefix}.upstream_rq_retry_active": self.breaker.retries,
        }

    def _overflow(self, attempt: Attempt) -> None:
        self.stats.upstream_rq_pending_overflow += 1
        attempt.reset(Reset.OVERFLOW)

    def _grow(self, host: HostState) -> None:
        """Open a connection for whoever waits on *host* and has none under way.

        A host without any connection gets one in spite of the breaker, or its queue would never
        move; Envoy does the same.
        """
        if host.connecting >= len(host.pending):
            return
        if not self.breaker.may_connect:
            self.stats.upstream_cx_overflow += 1
            if host.connections:
                return
        host.connecting += 1
        host.connections += 1
        self.breaker.connections += 1
        self.stats.upstream_cx_total += 1
        upstream = Upstream(self, host)
        self._connections.add(upstream)
        upstream.connect()

    def _serve(self, upstream: Upstream) -> None:
        """*upstream* is free: give it to the first that waits."""
        host = upstream.host
        while host.pending:
            attempt = next(iter(host.pending))
            del host.pending[attempt], self._waiting[attempt]
            self.breaker.pending -= 1
            if self.breaker.may_send:
                self._attach(upstream, attempt)
                return
            self._overflow(attempt)
        if host.left:
            upstream.close()
            return
        host.idle[upstream] = None
        upstream.rest()

    def _attach(self, upstream: Upstream, attempt: Attempt) -> None:
        self.breaker.requests += 1
        upstream.host.active += 1
        self.stats.upstream_rq_total += 1
        upstream.requests += 1
        upstream.attempt = attempt
        if upstream.host.monitor is not None:
            upstream.host.monitor.connected()
        attempt.ready(upstream)

    def _detach(self, upstream: Upstream) -> None:
        self.breaker.requests -= 1
        upstream.host.active -= 1
        upstream.attempt = None

    def _forget(self, upstream: Upstream) -> None:
        self._connections.discard(upstream)
        upstream.host.connections -= 1
        self.breaker.connections -= 1
