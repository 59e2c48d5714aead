"""The core put together: clusters, plans, clock and connections of one listener."""

import random
from typing import TYPE_CHECKING

from hybridmesh.config.model import Mesh, Route
from hybridmesh.reference.resolver import Resolver

from .access_log import AccessLog
from .clock import Clock
from .cluster import ClusterState
from .downstream import Downstream
from .plan import Plan
from .ports import Network, Port
from .stats import ListenerStats, snapshot

if TYPE_CHECKING:
    from ..source import VerdictStream

__all__ = ["Proxy"]


class Proxy:
    """One listener's core.

    Parameters
    ----------
    mesh : Mesh
    resolver : Resolver
    network : Network
    clock : Clock
    rng : random.Random
        For balancers, weights, jitter and request ids.
    log : AccessLog or None

    Attributes
    ----------
    connections : dict
        The clients' connections, oldest first.
    """

    def __init__(
        self,
        mesh: Mesh,
        resolver: Resolver,
        network: Network,
        clock: Clock,
        rng: random.Random,
        log: AccessLog | None = None,
    ) -> None:
        self.resolver = resolver
        self.clock = clock
        self.rng = rng
        self.log = log
        self.stats = ListenerStats()
        self.clusters = {
            name: ClusterState(cluster, network, clock, rng)
            for name, cluster in mesh.clusters.items()
        }
        self.connections: dict[Downstream, None] = {}
        # By identity: comparing routes would compare all that is in them.  The plan holds its
        # route, so that no other can come to have the same identity.
        self._plans: dict[int, Plan] = {}
        self._draining = False

    def plan(self, route: Route) -> Plan:
        """What to do with requests of *route*."""
        plan = self._plans.get(id(route))
        if plan is None:
            plan = self._plans[id(route)] = Plan(route, self.clusters)
        return plan

    def accept(
        self, port: Port, stream: "VerdictStream", peer: tuple[str, int], local: tuple[str, int]
    ) -> Downstream:
        """A client has connected."""
        down = Downstream(self, port, stream, peer, local)
        self.connections[down] = None
        self.stats.downstream_cx_total += 1
        self.stats.downstream_cx_active += 1
        down.close_after = self._draining
        return down

    def left(self, down: Downstream) -> None:
        """A client's connection is closed."""
        del self.connections[down]
        self.stats.downstream_cx_active -= 1

    def drain(self) -> None:
        """End every connection with the response under way, idle ones at once."""
        self._draining = True
        for down in list(self.connections):
            down.drain()

    def abort(self) -> None:
        """End every connection now."""
        self.drain()
        for down in list(self.connections):
            down.port.abort()
            down.lost()
        for cluster in self.clusters.values():
            cluster.close_idle()

    def counters(self) -> dict[str, int]:
        """Everything that is counted, under Envoy's names."""
        counters = snapshot("http.ingress", self.stats)
        for cluster in self.clusters.values():
            counters |= cluster.counters()
        return counters
