"""The routes of one VirtualService as one gateway serves them, in order of priority.

As in Istio, each ``match`` block is a route of its own, a block that cannot match at this gateway
is left out, and the list ends with the first route that matches everything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .actions import action_of, cors_of, fault_of, headers_of
from .clusters import Clusters
from .doors import Door
from .findings import Report
from .istio.gateway import Gateway
from .istio.matches import HttpMatch, TextMatch
from .istio.virtual_service import VirtualService
from .model import FieldMatch, MatchKind, Route, RouteMatch, StringMatch
from .resource import Resource

__all__ = ["build_routes"]


_ANY_PATH = StringMatch(MatchKind.PREFIX, "/")
"""What Istio writes for a route without ``uri``; it does not match ``OPTIONS *``."""


def build_routes(
    service: Resource[VirtualService],
    gateway: Resource[Gateway],
    door: Door,
    clusters: Clusters,
    report: Report,
) -> tuple[Route, ...]:
    """The routes of *service*, whose names are in full, at *gateway* for who comes in by *door*."""
    routes: list[Route] = []
    site = _Site(gateway, door.port, report)
    for entry in service.spec.http:
        whole: Route | None = None
        for block in entry.match or (None,):
            node = block.node if block else entry.node
            if routes and routes[-1].match.is_catch_all:
                report.warning(
                    node.location,
                    f"never reached: the route at {routes[-1].location} matches every request",
                    "move it above that route, or remove it",
                )
                continue
            if block and not site.admits(block):
                continue
            match = _conditions(block) if block else RouteMatch(path=_ANY_PATH)
            whole = whole or Route(
                id=f"{service.namespace}/{service.name}/{entry.name}",
                match=match,
                action=action_of(entry, door, clusters, report),
                location=node.location,
                headers=headers_of(entry),
                cors=cors_of(entry, report),
                fault=fault_of(entry, report),
            )
            routes.append(replace(whole, match=match, location=node.location))
    return tuple(routes)


@dataclass(frozen=True)
class _Site:
    """Where a VirtualService is served; the gateway's labels are those of its selector."""

    gateway: Resource[Gateway]
    port: int
    report: Report

    def admits(self, block: HttpMatch) -> bool:
        """Whether *block* is for this gateway at all."""
        obstacle = self._obstacle(block)
        if obstacle and not self._elsewhere(block):
            self.report.warning(
                block.node.location, f"never matches at {self.gateway}: {obstacle}", "remove it"
            )
        return not obstacle

    def _elsewhere(self, block: HttpMatch) -> bool:
        """Whether *block* is for another port of this gateway."""
        ports = (server.port.number for server in self.gateway.spec.servers)
        return block.port is not None and block.port != self.port and block.port in ports

    def _obstacle(self, block: HttpMatch) -> str:
        if block.port not in (None, self.port):
            ports = sorted({server.port.number for server in self.gateway.spec.servers})
            return f"no server has the port {block.port}, but {', '.join(map(str, ports))}"
        if block.gateways:  # then Istio asks neither for labels nor for the namespace
            here = f"{self.gateway.namespace}/{self.gateway.name}"
            return "" if here in block.gateways else "'gateways' does not name it"
        labels = self.gateway.spec.selector or {}
        if not (block.source_labels or {}).items() <= labels.items():
            return "'sourceLabels' are not among the labels of its selector"
        if block.source_namespace not in ("", self.gateway.namespace):
            return f"'sourceNamespace' is not {self.gateway.namespace!r}"
        return ""


def _conditions(block: HttpMatch) -> RouteMatch:
    path = block.uri.match if block.uri else _ANY_PATH
    if path.kind is MatchKind.PRESENT:
        path = _ANY_PATH
    elif path.kind is not MatchKind.REGEX:
        # Envoy's case_sensitive does not reach into regular expressions.
        path = replace(path, ignore_case=block.ignore_uri_case)
    return RouteMatch(
        path=path,
        method=block.method.match if block.method else None,
        scheme=block.scheme.match if block.scheme else None,
        authority=block.authority.match if block.authority else None,
        headers=(
            *_fields(block.headers),
            *_fields(block.without_headers, invert=True),
        ),
        query=tuple(FieldMatch(n, m.match) for n, m in (block.query_params or {}).items()),
    )


def _fields(texts: Mapping[str, TextMatch] | None, invert: bool = False) -> Iterator[FieldMatch]:
    for name, text in (texts or {}).items():
        yield FieldMatch(name.lower(), text.match, invert)
