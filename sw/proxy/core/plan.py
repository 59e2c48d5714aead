"""What is to be done with the requests of one route: the route, joined to the clusters at work."""

import random

from hybridmesh.config.model import Forward, Route

from .cluster import ClusterState

__all__ = ["Plan"]


class Plan:
    """A route's clusters and policies, made once per route.

    Attributes
    ----------
    lines : bytes
        Head lines that every request of the route gets.
    """

    __slots__ = ("_choices", "_total", "lines", "retry", "route", "timeout", "try_timeout")

    def __init__(self, route: Route, clusters: dict[str, ClusterState]) -> None:
        action = route.action
        assert isinstance(action, Forward)
        self.route = route
        self.timeout = action.timeout
        self.retry = action.retry
        self.try_timeout = action.retry.per_try_timeout if action.retry else None
        self._choices = [(clusters.get(c.cluster), c.weight) for c in action.clusters]
        self._total = sum(weight for _, weight in self._choices)
        # Envoy tells the pod how long it has for this attempt.
        limits = [limit for limit in (self.timeout, self.try_timeout) if limit]
        self.lines = (
            b"x-envoy-expected-rq-timeout-ms: %d\r\n" % round(min(limits) * 1000) if limits else b""
        )

    def choose(self, rng: random.Random) -> ClusterState | None:
        """A cluster, by weight; None where the mesh has none of that name."""
        choices = self._choices
        if len(choices) == 1:
            return choices[0][0]
        ticket = rng.random() * self._total
        for cluster, weight in choices:
            ticket -= weight
            if ticket < 0:
                return cluster
        return choices[-1][0]
