"""Istio's ``DestinationRule``: subsets of a service, and how to treat its connections."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from .document import Node
from .message import FieldError, Message, Read, expect
from .model import UNLIMITED, Balancer, CircuitBreaker
from .values import count, domain, label_name, positive_duration

__all__ = [
    "ConnectionPool",
    "DestinationRule",
    "HttpPool",
    "LoadBalancer",
    "Subset",
    "TcpPool",
    "TrafficPolicy",
]


_BALANCERS = {balancer.value: balancer for balancer in Balancer} | {
    "UNSPECIFIED": Balancer.LEAST_REQUEST,
    "LEAST_CONN": Balancer.LEAST_REQUEST,  # its deprecated name
}


def simple_balancer(node: Node) -> Balancer:
    text = expect(node, str)
    if text == "PASSTHROUGH":
        raise FieldError("the load balancer PASSTHROUGH is not supported yet", "use another one")
    if text not in _BALANCERS:
        raise FieldError(f"{text!r} is not one of {', '.join(_BALANCERS)}")
    return _BALANCERS[text]


@dataclass(frozen=True)
class LoadBalancer(Message, not_done="consistentHash localityLbSetting warmupDurationSecs warmup"):
    """Istio's ``LoadBalancerSettings``."""

    simple: Annotated[Balancer, Read(simple_balancer)] = Balancer.LEAST_REQUEST


@dataclass(frozen=True)
class TcpPool(Message, not_done="tcpKeepalive maxConnectionDuration idleTimeout"):
    """Istio's ``TCPSettings``; 0 means the default."""

    max_connections: Annotated[int, Read(count)] = 0
    connect_timeout: Annotated[float, Read(positive_duration)] | None = None


@dataclass(frozen=True)
class HttpPool(Message, not_done="h2UpgradePolicy useClientProtocol maxConcurrentStreams"):
    """Istio's ``HTTPSettings``; 0 means the default."""

    http1_max_pending_requests: Annotated[int, Read(count)] = 0
    http2_max_requests: Annotated[int, Read(count)] = 0
    max_requests_per_connection: Annotated[int, Read(count)] = 0
    max_retries: Annotated[int, Read(count)] = 0
    idle_timeout: Annotated[float, Read(positive_duration)] | None = None


@dataclass(frozen=True)
class ConnectionPool(Message):
    """Istio's ``ConnectionPoolSettings``."""

    tcp: TcpPool | None = None
    http: HttpPool | None = None

    @property
    def breaker(self) -> CircuitBreaker:
        """The thresholds under Envoy's names."""
        tcp = self.tcp or TcpPool(self.node)
        http = self.http or HttpPool(self.node)
        return CircuitBreaker(
            max_connections=tcp.max_connections or UNLIMITED,
            max_pending_requests=http.http1_max_pending_requests or UNLIMITED,
            max_requests=http.http2_max_requests or UNLIMITED,
            max_retries=http.max_retries or UNLIMITED,
        )


@dataclass(frozen=True)
class TrafficPolicy(
    Message, not_done="outlierDetection tls portLevelSettings tunnel proxyProtocol retryBudget"
):
    """Istio's ``TrafficPolicy``."""

    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None


@dataclass(frozen=True)
class Subset(Message):
    """The endpoints of a service that bear all of ``labels``."""

    name: Annotated[str, Read(label_name)]
    labels: Mapping[str, str] | None = None
    traffic_policy: TrafficPolicy | None = None

    def selects(self, labels: Mapping[str, str]) -> bool:
        return (self.labels or {}).items() <= labels.items()


@dataclass(frozen=True)
class DestinationRule(Message, not_done="workloadSelector"):
    """Istio's ``DestinationRule``."""

    host: Annotated[str, Read(domain)]
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()

    def check(self) -> None:
        names = [subset.name for subset in self.subsets]
        for name in names:
            if names.count(name) > 1:
                raise FieldError(f"two subsets are called {name!r}", "rename one of them")
