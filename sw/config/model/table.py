"""What the gateway serves: virtual hosts and their routes, in order of priority."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from .action import NO_CHANGE, Action, CorsPolicy, Fault, HeaderOps
from .cluster import Cluster
from .matching import RouteMatch
from .tls import ServerTls

__all__ = [
    "ForwardedCertificates",
    "Listener",
    "Location",
    "Mesh",
    "PathNormalization",
    "Route",
    "RouteTable",
    "TlsServer",
    "Topology",
    "VirtualHost",
]


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


@dataclass(frozen=True)
class Route:
    """One ``match`` block of one ``http`` entry.

    Attributes
    ----------
    id : str
        ``<namespace>/<VirtualService>/<name of the http entry, or its index>``; the match blocks
        of one entry share it.
    headers : HeaderOps
        What is changed whatever the action.
    """

    id: str
    match: RouteMatch
    action: Action
    location: Location
    headers: HeaderOps = NO_CHANGE
    cors: CorsPolicy | None = None
    fault: Fault | None = None


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
    """All virtual hosts of one listener, or of one of its certificates; ``port`` is the TCP port by
    which the configuration knows it.  No two have the same domain."""

    port: int
    virtual_hosts: tuple[VirtualHost, ...]


@dataclass(frozen=True)
class TlsServer:
    """What clients get that name one of ``names`` (exact, ``*.suffix`` or ``*``) in the handshake
    (RFC 6066, 3: server name indication)."""

    names: tuple[str, ...]
    tls: ServerTls
    table: RouteTable


@dataclass(frozen=True)
class Listener:
    """A TCP port: plain HTTP, or TLS.

    Attributes
    ----------
    port : int
        As the Gateways have it; where it is reached is for those to say who serve it.
    table : RouteTable or None
        Of plain HTTP.
    servers : tuple of TlsServer
        Of TLS.
    """

    port: int
    table: RouteTable | None = None
    servers: tuple[TlsServer, ...] = ()


class PathNormalization(enum.Enum):
    """``meshConfig.pathNormalization.normalization``: what a path becomes before it is matched."""

    NONE = "NONE"
    BASE = "BASE"
    """Dot segments are removed and unreserved characters decoded (RFC 3986, 6.2.2)."""
    MERGE_SLASHES = "MERGE_SLASHES"
    """Beyond that, slashes in a row become one."""
    DECODE_AND_MERGE_SLASHES = "DECODE_AND_MERGE_SLASHES"
    """Before all that, ``%2F`` and ``%5C`` are decoded."""


class ForwardedCertificates(enum.Enum):
    """``forwardClientCertDetails``: what becomes of ``x-forwarded-client-cert``
    (envoy.extensions.filters.network.http_connection_manager.v3)."""

    SANITIZE = "SANITIZE"
    """The client's is taken off."""
    FORWARD_ONLY = "FORWARD_ONLY"
    """The client's goes on if it has shown a certificate."""
    APPEND_FORWARD = "APPEND_FORWARD"
    """As before, and what is known of its certificate is added."""
    SANITIZE_SET = "SANITIZE_SET"
    """The client's is taken off; what is known of its certificate stands there instead."""
    ALWAYS_FORWARD_ONLY = "ALWAYS_FORWARD_ONLY"
    """The client's goes on."""


@dataclass(frozen=True)
class Topology:
    """``gatewayTopology``: what stands in front of the gateway.

    Attributes
    ----------
    trusted_proxies : int
        How many; the client's address is so far from the end of ``x-forwarded-for``.  0: it is that
        of the connection.
    """

    trusted_proxies: int = 0
    certificates: ForwardedCertificates = ForwardedCertificates.SANITIZE_SET


@dataclass(frozen=True)
class Mesh:
    """Everything the gateway needs: the listeners, and the clusters by name."""

    listeners: tuple[Listener, ...]
    clusters: Mapping[str, Cluster]
    paths: PathNormalization = PathNormalization.BASE
    topology: Topology = Topology()

    @classmethod
    def of(cls, table: RouteTable, clusters: Mapping[str, Cluster]) -> "Mesh":
        """One that has one listener, of plain HTTP."""
        return cls((Listener(table.port, table),), clusters)

    @property
    def table(self) -> RouteTable:
        """What the NIC is for: the routes of the first listener without TLS; none if there is no
        such listener."""
        plain = (listener.table for listener in self.listeners)
        return next((table for table in plain if table is not None), RouteTable(0, ()))
