"""Destinations: endpoints and traffic policy, under the names and with the defaults of Envoy as
Istio sets it up."""

import enum
from dataclasses import dataclass

from .tls import ClusterTls

__all__ = [
    "UNLIMITED",
    "Balancer",
    "CircuitBreaker",
    "Cluster",
    "Discovery",
    "Endpoint",
    "HttpGet",
    "KeepAlive",
    "LoadBalancing",
    "OutlierDetection",
    "Probe",
    "Warmup",
]

UNLIMITED = 2**32 - 1
"""Istio's default of every circuit breaker threshold."""


class Balancer(enum.Enum):
    """How an endpoint is chosen."""

    LEAST_REQUEST = "LEAST_REQUEST"
    ROUND_ROBIN = "ROUND_ROBIN"
    RANDOM = "RANDOM"
    RING_HASH = "RING_HASH"
    MAGLEV = "MAGLEV"


@dataclass(frozen=True)
class Warmup:
    """A new endpoint's share grows over ``seconds`` (slow start).

    Its weight is multiplied by ``max(minimum, (time / seconds) ** (1 / aggression))``; ``minimum``
    is a fraction.
    """

    seconds: float
    aggression: float = 1.0
    minimum: float = 0.1


@dataclass(frozen=True)
class LoadBalancing:
    """``trafficPolicy.loadBalancer``.

    Attributes
    ----------
    minimum_ring_size, table_size : int
        Of RING_HASH and of MAGLEV, which needs a prime number.
    by_locality : bool
        Localities share the requests by the weights of their endpoints (``distribute``).
    """

    kind: Balancer = Balancer.LEAST_REQUEST
    warmup: Warmup | None = None
    minimum_ring_size: int = 1024
    table_size: int = 65537
    by_locality: bool = False


@dataclass(frozen=True)
class CircuitBreaker:
    """``connectionPool``, under Envoy's names (envoy.config.cluster.v3.CircuitBreakers)."""

    max_connections: int = UNLIMITED
    max_pending_requests: int = UNLIMITED
    max_requests: int = UNLIMITED
    max_retries: int = UNLIMITED


@dataclass(frozen=True)
class OutlierDetection:
    """``outlierDetection`` (envoy.config.cluster.v3.OutlierDetection).

    Attributes
    ----------
    consecutive_5xx, consecutive_gateway, consecutive_local : int
        Errors in a row that eject an endpoint; 0: never.  A local error is a connection that fails;
        it counts among the others where ``split_local`` is false.
    interval : float
        Seconds between two looks at whom to take back.
    base_ejection, max_ejection : float
        Seconds that the first ejection lasts, each later one that much longer; and the longest.
    max_percent, min_healthy_percent : int
        Of the endpoints: how many may be ejected; below how many healthy ones ejection has no
        effect and all are used (panic).
    """

    consecutive_5xx: int = 5
    consecutive_gateway: int = 0
    consecutive_local: int = 5
    split_local: bool = False
    interval: float = 10.0
    base_ejection: float = 30.0
    max_ejection: float = 300.0
    max_percent: int = 10
    min_healthy_percent: int = 0


@dataclass(frozen=True)
class KeepAlive:
    """``tcpKeepalive``; 0: as the system has it.  Times are in seconds."""

    probes: int = 0
    time: int = 0
    interval: int = 0


class Discovery(enum.Enum):
    """Where the endpoints come from."""

    STATIC = "STATIC"
    STRICT_DNS = "STRICT_DNS"
    """Every address of every name is an endpoint."""
    LOGICAL_DNS = "LOGICAL_DNS"
    """The first address of the name is the endpoint."""


@dataclass(frozen=True)
class HttpGet:
    """A request that an endpoint in good health answers with a status from 200 to 399.

    Attributes
    ----------
    host : str
        Value of the Host field.
    fields : tuple of (str, str)
        All others, names and values.
    secure : bool
        It goes over TLS, whatever the certificate.
    """

    path: str
    host: str
    fields: tuple[tuple[str, str], ...] = ()
    secure: bool = False


@dataclass(frozen=True)
class Probe:
    """How to find out whether an endpoint is in good health (``WorkloadGroup``); times in seconds.

    Attributes
    ----------
    port : int
        That is asked; it need not be the endpoint's.
    host : str
        The same; "": the endpoint's address.
    http : HttpGet or None
        None: to accept a connection is enough.
    delay, period, timeout : float
        Before the first probe, from one to the next, and for each.
    successes, failures : int
        In a row, after which an endpoint counts as healthy, or no more.  It does not at first.
    """

    port: int
    host: str = ""
    http: HttpGet | None = None
    delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    successes: int = 1
    failures: int = 1


@dataclass(frozen=True)
class Endpoint:
    """One pod: IP ``address``, TCP ``port``, share ``weight``.

    Attributes
    ----------
    address : str
        A host name where the cluster's discovery is by DNS.
    locality : str
        ``region/zone/subzone``, parts may be missing.
    priority : int
        0 first; the others take over as the ones before them fail (locality failover).
    locality_weight : int
        Of all of its locality, where the cluster balances by locality.
    probe : Probe or None
        None: it is taken to be in good health.
    """

    address: str
    port: int
    weight: int = 1
    locality: str = ""
    priority: int = 0
    locality_weight: int = 1
    probe: Probe | None = None

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Cluster:
    """A destination's endpoints and traffic policy; times are in seconds.

    Attributes
    ----------
    name : str
        ``outbound|<port>|<subset>|<host>`` as Istio calls it.
    endpoints : tuple of Endpoint
        None: every request is answered 503 with flag UH.
    max_requests_per_connection : int
        0: no limit.
    max_connection_duration : float or None
        None: no limit.
    outlier : OutlierDetection or None
        None: no endpoint is ever ejected.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    balancing: LoadBalancing = LoadBalancing()
    breaker: CircuitBreaker = CircuitBreaker()
    connect_timeout: float = 10.0
    idle_timeout: float = 3600.0
    max_connection_duration: float | None = None
    max_requests_per_connection: int = 0
    keep_alive: KeepAlive | None = None
    outlier: OutlierDetection | None = None
    tls: ClusterTls | None = None
    discovery: Discovery = Discovery.STATIC
