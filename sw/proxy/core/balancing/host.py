"""What the balancers know of an endpoint."""

from typing import Protocol

from hybridmesh.config.model import Endpoint

__all__ = ["Host", "Watch"]


class Watch(Protocol):
    """Who is told what becomes of the requests to a host."""

    def connected(self) -> None:
        """A request has got its connection."""

    def responded(self, status: int) -> None:
        """A response begins, with this *status* or that of :func:`.outlier.http_status`."""

    def reset(self) -> None:
        """A request got no connection, or lost it before its response was over."""

    def timed_out(self) -> None:
        """A request that had its connection has waited too long for a response."""


class Host:
    """One endpoint of a cluster; the cluster's own class adds its connections.

    Parameters
    ----------
    endpoint : Endpoint
    added : float
        When it joined the cluster: its warm-up counts from here.

    Attributes
    ----------
    active : int
        Requests under way.
    healthy, ejected : bool
        What its probes and outlier detection say of it.  Who changes one of them calls
        :meth:`.Balancing.refresh`.
    monitor : Watch or None
        None where the cluster has no outlier detection.
    """

    __slots__ = ("active", "added", "ejected", "endpoint", "healthy", "monitor")

    def __init__(self, endpoint: Endpoint, added: float = 0.0) -> None:
        self.endpoint = endpoint
        self.added = added
        self.active = 0
        self.healthy = True
        self.ejected = False
        self.monitor: Watch | None = None

    @property
    def eligible(self) -> bool:
        """Whether it may get requests."""
        return self.healthy and not self.ejected

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint})"
