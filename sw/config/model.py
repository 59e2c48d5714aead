"""What the control plane knows after reading the YAML: plain frozen dataclasses.

A :class:`Mesh` holds one :class:`RouteTable` (virtual hosts and their routes, in order of priority)
and the clusters that the routes name.  Words and defaults are those of Envoy as Istio sets it up.
Times are in seconds.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "UNLIMITED",
    "Balancer",
    "CircuitBreaker",
    "Cluster",
    "Endpoint",
    "FieldMatch",
    "Location",
    "MatchKind",
    "Mesh",
    "RetryPolicy",
    "Route",
    "RouteMatch",
    "RouteTable",
    "StringMatch",
    "VirtualHost",
    "WeightedCluster",
]

UNLIMITED = 2**32 - 1
"""Istio's default of every circuit breaker threshold."""


@dataclass(frozen=True)
class Location:
    """Where a thing stands in the YAML: ``file``, 1-based ``line`` (0: the file as a whole), and
    path such as ``spec.http[0].match[1].uri``."""

    file: str
    line: int
    path: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.path}" if self.path else place


class MatchKind(enum.Enum):
    """How a string is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"
    """Full match, RE2 syntax."""
    PRESENT = "present"
    """Any value, the empty one too; for header fields and query parameters."""


@dataclass(frozen=True)
class StringMatch:
    """One comparison; ``ignore_case`` is for paths alone (``ignoreUriCase``)."""

    kind: MatchKind
    value: str = ""
    ignore_case: bool = False


@dataclass(frozen=True)
class FieldMatch:
    """A condition on a header field (lower-case ``name``) or a query parameter.

    One line of a repeated field that agrees is enough.  With ``invert`` (``withoutHeaders``) it
    holds where none agrees, and a missing field counts as the empty string, as Istio asks of
    Envoy; inverted PRESENT means absent.
    """

    name: str
    match: StringMatch
    invert: bool = False


@dataclass(frozen=True)
class RouteMatch:
    """The conditions of one ``match`` block; all must hold.  None: no condition."""

    path: StringMatch | None = None
    method: StringMatch | None = None
    scheme: StringMatch | None = None
    authority: StringMatch | None = None
    headers: tuple[FieldMatch, ...] = ()
    query: tuple[FieldMatch, ...] = ()

    @property
    def is_catch_all(self) -> bool:
        """Whether every request matches, so that no later route is ever reached."""
        p = self.path
        any_path = (
            p is None
            or (p.kind is MatchKind.PREFIX and p.value == "/")
            or (p.kind is MatchKind.REGEX and p.value == ".*")
        )
        return any_path and not (
            self.method or self.scheme or self.authority or self.headers or self.query
        )


@dataclass(frozen=True)
class RetryPolicy:
    """``attempts`` retries beyond the first try, under the conditions ``on`` (Envoy's words) and
    on the status codes ``on_status``; ``per_try_timeout`` None: the route's own timeout."""

    attempts: int = 2
    on: frozenset[str] = frozenset(
        {"connect-failure", "refused-stream", "unavailable", "cancelled"}
    )
    on_status: frozenset[int] = frozenset({503})
    per_try_timeout: float | None = None


@dataclass(frozen=True)
class WeightedCluster:
    """A destination: name of the cluster and its share of the requests."""

    cluster: str
    weight: int = 100


@dataclass(frozen=True)
class Route:
    """One ``match`` block of one ``http`` entry.

    Attributes
    ----------
    id : str
        ``<namespace>/<VirtualService>/<name of the http entry, or its index>``; the match blocks
        of one entry share it.
    clusters : tuple of WeightedCluster
        At least one; the weights' sum is above 0.
    timeout : float or None
        For the whole request, retries included; None: no limit.
    retry : RetryPolicy or None
        None where ``attempts`` is 0.
    """

    id: str
    match: RouteMatch
    clusters: tuple[WeightedCluster, ...]
    location: Location
    timeout: float | None = None
    retry: RetryPolicy | None = field(default_factory=RetryPolicy)


@dataclass(frozen=True)
class VirtualHost:
    """A host of the gateway and its routes, first match wins.

    ``name`` is ``domain:port`` as Istio calls it; ``domain`` is lower case and exact
    (``shop.example.com``), a suffix (``*.example.com``) or ``*``.
    Virtual hosts that come from one VirtualService share the very same ``routes`` object.
    """

    name: str
    domain: str
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class RouteTable:
    """All virtual hosts of the listener at TCP ``port``; no two have the same domain."""

    port: int
    virtual_hosts: tuple[VirtualHost, ...]


class Balancer(enum.Enum):
    """``trafficPolicy.loadBalancer.simple``."""

    LEAST_REQUEST = "LEAST_REQUEST"
    ROUND_ROBIN = "ROUND_ROBIN"
    RANDOM = "RANDOM"


@dataclass(frozen=True)
class CircuitBreaker:
    """``connectionPool``, under Envoy's names (envoy.config.cluster.v3.CircuitBreakers)."""

    max_connections: int = UNLIMITED
    max_pending_requests: int = UNLIMITED
    max_requests: int = UNLIMITED
    max_retries: int = UNLIMITED


@dataclass(frozen=True)
class Endpoint:
    """One pod: IP ``address``, TCP ``port``, share ``weight``."""

    address: str
    port: int
    weight: int = 1

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Cluster:
    """A destination's endpoints and traffic policy.

    ``name`` is ``outbound|<port>|<subset>|<host>`` as Istio calls it.  No endpoint: every request
    is answered 503 with flag UH.  ``max_requests_per_connection`` 0: no limit.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    balancer: Balancer = Balancer.LEAST_REQUEST
    breaker: CircuitBreaker = CircuitBreaker()
    connect_timeout: float = 10.0
    idle_timeout: float = 3600.0
    max_requests_per_connection: int = 0


@dataclass(frozen=True)
class Mesh:
    """Everything the gateway needs: the route table and the clusters by name."""

    table: RouteTable
    clusters: Mapping[str, Cluster]
