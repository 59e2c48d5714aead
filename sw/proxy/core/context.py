"""What all connections of a listener have in common."""

import random

from hybridmesh.config.model import Mesh, Route
from hybridmesh.reference.resolver import Resolver

from .clock import Clock
from .cluster import ClusterState
from .plan import Plan
from .ports import Network
from .stats import ListenerStats

__all__ = ["Context"]


class Context:
    """Clusters, plans, clock and counters.

    Parameters
    ----------
    mesh : Mesh
    resolver : Resolver
    network : Network
    clock : Clock
    rng : random.Random
        For balancers, weights, jitter and request ids.
    """

    def __init__(
        self,
        mesh: Mesh,
        resolver: Resolver,
        network: Network,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.resolver = resolver
        self.clock = clock
        self.rng = rng
        self.stats = ListenerStats()
        self.clusters = {
            name: ClusterState(cluster, network, clock, rng)
            for name, cluster in mesh.clusters.items()
        }
        # By identity: comparing routes would compare all that is in them.  The plan holds its
        # route, so that no other can come to have the same identity.
        self._plans: dict[int, Plan] = {}

    def plan(self, route: Route) -> Plan:
        """What to do with requests of *route*."""
        plan = self._plans.get(id(route))
        if plan is None:
            plan = self._plans[id(route)] = Plan(route, self.clusters)
        return plan
