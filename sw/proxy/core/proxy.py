"""The core put together: one listener's connections, and what they have in common."""

import random

from hybridmesh.config.model import Mesh
from hybridmesh.reference.resolver import Resolver

from ..source import VerdictStream
from .access_log import AccessLog
from .clock import Clock
from .context import Context
from .downstream import Downstream
from .ports import Network, Port
from .stats import snapshot

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
        self.clock = clock
        self.context = Context(mesh, resolver, network, clock, rng)
        self.stats = self.context.stats
        self.clusters = self.context.clusters
        self.connections: dict[Downstream, None] = {}
        self._log = log
        self._draining = False

    def accept(
        self, port: Port, stream: VerdictStream, peer: tuple[str, int], local: tuple[str, int]
    ) -> Downstream:
        """A client has connected."""
        down = Downstream(self.context, port, stream, peer, local, self._log, self._leave)
        self.connections[down] = None
        self.stats.downstream_cx_total += 1
        self.stats.downstream_cx_active += 1
        down.close_after = self._draining
        return down

    def _leave(self, down: Downstream) -> None:
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
