"""What the balancers know of an endpoint."""

from typing import TYPE_CHECKING

from hybridmesh.config.model import Endpoint

if TYPE_CHECKING:
    from .outlier import Monitor

__all__ = ["Host"]


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
    eligible : bool
        Whether it may get requests.  Who changes it calls :meth:`.Balancing.refresh`.
    monitor : Monitor or None
        Counts its errors; None where the cluster has no outlier detection.
    """

    __slots__ = ("active", "added", "eligible", "endpoint", "monitor")

    def __init__(self, endpoint: Endpoint, added: float = 0.0) -> None:
        self.endpoint = endpoint
        self.added = added
        self.active = 0
        self.eligible = True
        self.monitor: Monitor | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint})"
