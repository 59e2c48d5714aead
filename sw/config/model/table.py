"""What the gateway serves: virtual hosts and their routes, in order of priority."""

from collections.abc import Mapping
from dataclasses import dataclass

from .action import NO_CHANGE, Action, CorsPolicy, Fault, HeaderOps
from .cluster import Cluster
from .matching import RouteMatch

__all__ = ["Location", "Mesh", "Route", "RouteTable", "VirtualHost"]


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
    """All virtual hosts of the listener at TCP ``port``; no two have the same domain."""

    port: int
    virtual_hosts: tuple[VirtualHost, ...]


@dataclass(frozen=True)
class Mesh:
    """Everything the gateway needs: the route table and the clusters by name."""

    table: RouteTable
    clusters: Mapping[str, Cluster]
