"""Circuit breaker: how much of each resource of a cluster is in use, and the limits.

The four resources and what they mean are Envoy's (envoy.config.cluster.v3.CircuitBreakers).
"""

from dataclasses import dataclass

from hybridmesh.config.model import CircuitBreaker

__all__ = ["Breaker"]


@dataclass(slots=True)
class Breaker:
    """Resources in use against ``limits``.

    Attributes
    ----------
    connections : int
        Connections to all endpoints, the idle and the connecting ones too.
    pending : int
        Requests that wait for a connection.
    requests : int
        Requests that have one.
    retries : int
        Requests between the decision to retry and the end of that attempt.
    """

    limits: CircuitBreaker
    connections: int = 0
    pending: int = 0
    requests: int = 0
    retries: int = 0

    @property
    def may_connect(self) -> bool:
        return self.connections < self.limits.max_connections

    @property
    def may_wait(self) -> bool:
        return self.pending < self.limits.max_pending_requests

    @property
    def may_send(self) -> bool:
        return self.requests < self.limits.max_requests

    @property
    def may_retry(self) -> bool:
        return self.retries < self.limits.max_retries
