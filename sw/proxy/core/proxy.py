"""The core put together: clusters, connections, and what they have in common."""

import random

from hybridmesh.config.model import Mesh
from hybridmesh.reference.resolver import Resolver

from ..source import VerdictStream
from .access_log import AccessLog
from .clock import Clock
from .cluster import ClusterState
from .context import Context
from .downstream import Downstream
from .ports import Network, Port
from .request_ids import RequestIds
from .stats import ListenerStats, snapshot

__all__ = ["Proxy"]


class Proxy:
    """The core of a gateway.

    Parameters
    ----------
    mesh : Mesh
        The clusters.
    resolver : Resolver
        Of the first table of routes.
    network : Network
    clock : Clock
    rng : random.Random
        For balancers, weights, jitter and request ids.
    log : AccessLog or None

    Attributes
    ----------
    context : Context
        That of *resolver*'s table.
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
        self.clock = clock
        self.stats = ListenerStats()
        self.clusters = {
            name: ClusterState(cluster, network.to(cluster), clock, rng)
            for name, cluster in mesh.clusters.items()
        }
        self.connections: dict[Downstream, None] = {}
        self._rng = rng
        self._ids = RequestIds(rng)
        self._paths = mesh.paths
        self._topology = mesh.topology
        self._log = log
        self._draining = False
        self.context = self.open(resolver)

    def open(self, resolver: Resolver, scheme: str = "http") -> Context:
        """The context of one more table of routes."""
        return Context(
            clusters=self.clusters,
            resolver=resolver,
            clock=self.clock,
            rng=self._rng,
            ids=self._ids,
            stats=self.stats,
            scheme=scheme,
            paths=self._paths,
            topology=self._topology,
        )

    def accept(
        self,
        port: Port,
        stream: VerdictStream,
        peer: tuple[str, int],
        local: tuple[str, int],
        context: Context | None = None,
        certificate: str = "",
    ) -> Downstream:
        """A client has connected.

        Parameters
        ----------
        context : Context or None
            Of the routes that it gets; None: the first one.
        certificate : str
            What is said of its certificate; empty: it has shown none.
        """
        down = Downstream(
            context or self.context, port, stream, peer, local, self._log, self._leave, certificate
        )
        self.connections[down] = None
        self.stats.downstream_cx_total += 1
        self.stats.downstream_cx_active += 1
        down.close_after = self._draining
        return down

    def _leave(self, down: Downstream) -> None:
        """A client's connection is closed."""
        del self.connections[down]
        self.stats.downstream_cx_active -= 1

    def retire(self) -> None:
        """End every connection with the response under way, idle ones with their next."""
        self._draining = True
        for down in self.connections:
            down.close_after = True

    def drain(self) -> None:
        """End every connection with the response under way, idle ones at once."""
        self.retire()
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
