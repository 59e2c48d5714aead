"""The ports of the gateway, and the servers of each: plain HTTP, or TLS by the name that a client
gives in the handshake."""

from collections.abc import Sequence
from dataclasses import dataclass

from .findings import Report
from .istio.gateway import Gateway, Server
from .resource import Resource

__all__ = ["Door", "doors"]


@dataclass(frozen=True)
class Door:
    """A port of the Gateways.

    Attributes
    ----------
    secure : bool
        Its servers speak TLS.
    servers : tuple of (Resource[Gateway], Server)
    """

    port: int
    secure: bool
    servers: tuple[tuple[Resource[Gateway], Server], ...]


def doors(gateways: Sequence[Resource[Gateway]], report: Report) -> list[Door]:
    """All ports, in the order in which they come."""
    by_port: dict[int, list[tuple[Resource[Gateway], Server]]] = {}
    for gateway in gateways:
        for server in gateway.spec.servers:
            by_port.setdefault(server.port.number, []).append((gateway, server))
    found = []
    for port, servers in by_port.items():
        first = servers[0][1]
        for _, server in servers:
            if server.secure != first.secure:
                report.error(
                    server.port.node.location,
                    f"the port {port} has servers of HTTP and of HTTPS "
                    f"(the first is at {first.port.node.location})",
                    "give them ports of their own",
                )
        if first.secure:
            _check_names(port, servers, report)
        found.append(Door(port, first.secure, tuple(servers)))
    return found


def _check_names(
    port: int, servers: Sequence[tuple[Resource[Gateway], Server]], report: Report
) -> None:
    """Each name has one certificate."""
    owners: dict[str, Server] = {}
    for _, server in servers:
        for name in server.names:
            first = owners.setdefault(name, server)
            if first is not server:
                report.error(
                    server.node.location,
                    f"a second server of port {port} for the host {name!r} "
                    f"(the first is at {first.node.location})",
                    "keep one of them",
                )
