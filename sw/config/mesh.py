"""Binds the resources of a folder to a :class:`Mesh`, the way istiod does for an ingress gateway.

All Gateways are taken to be served by this one gateway, whose namespace is that of the first.
Resources have no creation time in files; the order of the documents stands in for it.  What gets
lost on the way (a host that is not served, a route that is never reached) is reported.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from .clusters import Clusters
from .credentials import Credentials
from .delegation import merge_delegates
from .doors import Door, doors
from .findings import Report
from .istio.gateway import Gateway, Server
from .istio.virtual_service import VirtualService
from .localities import Home
from .model import (
    Listener,
    Location,
    MatchKind,
    Mesh,
    Redirect,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    TlsServer,
    Topology,
    VirtualHost,
)
from .names import full_host, gateway_key, host_within, intersection, server_hosts, visible
from .resource import Resource, Resources
from .routes import build_routes
from .settings import mesh_settings

__all__ = ["bind"]

_ANY_PATH = StringMatch(MatchKind.PREFIX, "/")
_PLAIN = StringMatch(MatchKind.EXACT, "http")

Service = Resource[VirtualService]
Parts = dict[tuple[Location, Location], tuple[Service, tuple[Route, ...]]]
"""By Gateway and VirtualService, what the latter contributes to a virtual host."""


def bind(resources: Resources, folder: str, locality: str, report: Report) -> Mesh | None:
    """The mesh of a gateway at *locality*, or None if there is no listener to serve it on."""
    gateways = resources.of(Gateway)
    if not gateways:
        if resources.complete:
            report.error(
                Location(folder, 0),
                "no Gateway is described",
                "add a Gateway (networking.istio.io/v1) with an HTTP server",
            )
        return None
    entrances = doors(gateways, report)
    home = Home(locality, gateways[0].spec.selector or {})
    namespace = gateways[0].namespace
    settings = mesh_settings(resources, report)
    credentials = Credentials(resources)
    clusters = Clusters(
        resources, settings, credentials, namespace, home, entrances[0].port, report
    )
    services = merge_delegates(list(_bound(resources, gateways, report)), resources, report)
    listeners = tuple(
        _listener(door, services, clusters, credentials, settings.topology, report)
        for door in entrances
    )
    if resources.complete:
        clusters.note_unused(resources)
        credentials.note_unused(report)
        _report_unserved(gateways, services, report)
    return Mesh(listeners, clusters.clusters, settings.paths, settings.topology)


def _listener(
    door: Door,
    services: Sequence[Service],
    clusters: Clusters,
    credentials: Credentials,
    topology: Topology,
    report: Report,
) -> Listener:
    if not door.secure:
        hosts = _virtual_hosts(door, services, clusters, report)
        return Listener(door.port, RouteTable(door.port, _redirected(door, hosts, topology)))
    servers = []
    for gateway, server in door.servers:
        assert server.tls is not None
        tls = credentials.resolve(server.tls.node, server.tls.model, report)
        if tls is None:
            continue
        alone = replace(door, servers=((gateway, server),))
        table = RouteTable(door.port, _virtual_hosts(alone, services, clusters, report))
        servers.append(TlsServer(server.names, tls, table))
    return Listener(door.port, servers=tuple(servers))


def _redirected(
    door: Door, hosts: tuple[VirtualHost, ...], topology: Topology
) -> tuple[VirtualHost, ...]:
    """*hosts*, those of servers with ``httpsRedirect`` sending every client to HTTPS, unless it
    speaks that to a proxy in front of the gateway."""
    by_domain = {host.domain: host for host in hosts}
    match = RouteMatch(path=_ANY_PATH, scheme=_PLAIN if topology.trusted_proxies else None)
    for gateway, server in door.servers:
        if server.redirects:
            assert server.tls is not None
            location = server.tls.node.location
            name = f"{gateway.namespace}/{gateway.name}/https-redirect"
            redirect = Route(name, match, Redirect(scheme="https"), location)
            for domain in [*by_domain, *server.names]:
                if any(host_within(domain, one) for one in server.names):
                    rest = by_domain[domain].routes if domain in by_domain else ()
                    routes = (redirect, *(rest if topology.trusted_proxies else ()))
                    by_domain[domain] = VirtualHost(f"{domain}:{door.port}", domain, routes)
    return tuple(by_domain.values())


def _key(gateway: Resource[Gateway]) -> str:
    return f"{gateway.namespace}/{gateway.name}"


def _servers(gateways: Sequence[Resource[Gateway]]) -> Iterator[tuple[Resource[Gateway], Server]]:
    for gateway in gateways:
        for server in gateway.spec.servers:
            yield gateway, server


def _bound(
    resources: Resources, gateways: Sequence[Resource[Gateway]], report: Report
) -> Iterator[Service]:
    """The VirtualServices that this gateway serves."""
    known = {_key(gateway) for gateway in gateways}
    namespaces = {gateway.namespace for gateway in gateways}
    for service in resources.of(VirtualService):
        if not service.spec.hosts:  # a delegate
            continue
        keys = [gateway_key(name, service.namespace) for name in service.spec.bound_to]
        if not visible(service.spec.export_to, service.namespace, namespaces):
            report.warning(
                service.location,
                f"{service} is not exported to the gateway's namespace: it is not served",
                "add the namespace to 'exportTo'",
            )
        elif known.isdisjoint(keys):
            if resources.complete:
                _report_unbound(service, keys, sorted(known), report)
        else:
            yield service


def _report_unbound(service: Service, keys: list[str], known: list[str], report: Report) -> None:
    missing = [key for key in keys if key != "mesh"]
    if missing:
        message = f"there is no Gateway {' or '.join(missing)}: {service} is not served"
    else:
        message = f"{service} is not bound to a gateway: it is not served here"
    remedy = f"name the gateway in 'gateways': {', '.join(known)}"
    if missing or not service.spec.gateways:
        report.warning(service.location, message, remedy)
    else:  # it says 'mesh' in so many words
        report.note(service.location, message)


def _hosts(gateway: Resource[Gateway], server: Server, service: Service) -> list[str]:
    """The hosts of *service* that *server* serves."""
    if _key(gateway) not in (
        gateway_key(name, service.namespace) for name in service.spec.bound_to
    ):
        return []
    served = list(server_hosts(server.hosts, gateway.namespace, service.namespace))
    asked = [full_host(host, service.namespace) for host in service.spec.hosts]
    return list(intersection(served, asked))


def _virtual_hosts(
    door: Door, services: Sequence[Service], clusters: Clusters, report: Report
) -> tuple[VirtualHost, ...]:
    clusters = clusters.at(door.port)
    built: dict[tuple[Location, Location], tuple[Route, ...]] = {}
    by_host: dict[str, Parts] = {}
    for gateway, server in door.servers:
        for service in services:
            hosts = _hosts(gateway, server, service)
            if not hosts:
                continue
            key = gateway.location, service.location
            if key not in built:
                built[key] = build_routes(service, gateway, door, clusters, report)
            if not built[key]:
                continue
            for host in hosts:
                parts = by_host.setdefault(host.lower(), {})
                if parts and key not in parts:
                    _report_overlap(host, next(iter(parts.values()))[0], service, report)
                parts[key] = service, built[key]
    merged: dict[tuple[tuple[Location, Location], ...], tuple[Route, ...]] = {}
    for parts in by_host.values():
        if tuple(parts) not in merged:
            merged[tuple(parts)] = _merge([routes for _, routes in parts.values()])
    return tuple(
        VirtualHost(name=f"{host}:{door.port}", domain=host, routes=merged[tuple(parts)])
        for host, parts in by_host.items()
    )


def _merge(parts: list[tuple[Route, ...]]) -> tuple[Route, ...]:
    """All routes, those that match everything moved behind the others."""
    if len(parts) == 1:
        return parts[0]
    return tuple(sorted(chain(*parts), key=lambda route: route.match.is_catch_all))


def _report_overlap(host: str, first: Service, second: Service, report: Report) -> None:
    if first is second:
        return
    report.warning(
        second.location,
        f"{second} and {first} at {first.location} both serve the host {host!r}: "
        "the routes of the first are tried first, and those that match everything come last",
        "put the routes of one host into one VirtualService",
    )


def _report_unserved(
    gateways: Sequence[Resource[Gateway]], services: Sequence[Service], report: Report
) -> None:
    for service in services:
        served = {
            host
            for gateway, server in _servers(gateways)
            for host in _hosts(gateway, server, service)
        }
        for written in service.spec.hosts:
            host = full_host(written, service.namespace)
            if not any(host_within(one, host) for one in served):
                report.warning(
                    service.location,
                    f"no server of its Gateway has the host {written!r}: it is not served",
                    "add the host to the Gateway",
                )
            elif host != written:
                report.warning(
                    service.location,
                    f"the host {written!r} is short for {host!r}, which requests must name",
                    "write a host with a dot",
                )
    for gateway in gateways:
        if not any(
            _hosts(gateway, server, s) for _, server in _servers([gateway]) for s in services
        ):
            report.warning(
                gateway.location,
                f"no VirtualService is served on {gateway}: every request is answered 404",
                "bind one to it with 'gateways'",
            )
