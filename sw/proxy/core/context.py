"""What the connections of one table of routes have in common."""

import random
from collections.abc import Mapping

from hybridmesh.config.model import PathNormalization, Route, Topology
from hybridmesh.reference.resolver import Resolver

from .clock import Clock
from .cluster import ClusterState
from .plan import Plan
from .request_ids import RequestIds
from .stats import ListenerStats

__all__ = ["Context"]


class Context:
    """Clusters, plans, clock and counters.

    Parameters
    ----------
    clusters : mapping of str to ClusterState
    resolver : Resolver
    clock : Clock
    rng : random.Random
        For weights, jitter and faults.
    ids : RequestIds
    stats : ListenerStats
    scheme : str
        ``http``, or ``https`` where clients speak TLS.
    paths : PathNormalization
    topology : Topology
        What stands in front of the gateway.
    """

    def __init__(
        self,
        clusters: Mapping[str, ClusterState],
        resolver: Resolver,
        clock: Clock,
        rng: random.Random,
        ids: RequestIds,
        stats: ListenerStats,
        scheme: str,
        paths: PathNormalization,
        topology: Topology,
    ) -> None:
        self.resolver = resolver
        self.clock = clock
        self.rng = rng
        self.ids = ids
        self.stats = stats
        self.scheme = scheme
        self.paths = paths
        self.topology = topology
        self._clusters = clusters
        # By identity: comparing routes would compare all that is in them.  The plan holds its
        # route, so that no other can come to have the same identity.
        self._plans: dict[int, Plan] = {}

    def plan(self, route: Route) -> Plan:
        """What to do with requests of *route*."""
        plan = self._plans.get(id(route))
        if plan is None:
            plan = self._plans[id(route)] = Plan(route, self._clusters, self.scheme)
        return plan
