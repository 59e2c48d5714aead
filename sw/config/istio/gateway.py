"""Istio's ``Gateway``: the listener's port and the hosts served on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Choice, Differs, FieldError, Message, Read, expect
from ..values import check_domain, port_number

__all__ = ["HTTP", "Gateway", "Server", "ServerPort"]

_PLAIN = "this gateway speaks HTTP/1.1 in plain text"

_OTHERS = "HTTPS HTTP2 GRPC GRPC-WEB TCP TLS MONGO MYSQL REDIS UDP"

HTTP = Choice({"HTTP": "HTTP"}, dict.fromkeys(_OTHERS.split(), _PLAIN), any_case=True)
"""Protocols of ports; Istio takes either case."""


def server_host(node: Node) -> str:
    """A host, with the namespace whose VirtualServices may bind it in front if any."""
    text = expect(node, str)
    namespace, slash, host = text.rpartition("/")
    if slash and not namespace:
        raise FieldError(f"{text!r} has no namespace before the slash", "write 'namespace/host'")
    check_domain(host)
    return text


@dataclass(frozen=True)
class ServerPort(Message, name="Port", not_done={"targetPort": "Istio refuses it too"}):
    """Where the gateway listens."""

    number: Annotated[int, Read(port_number), Differs("all servers have the same")]
    protocol: Annotated[str, Read(HTTP)]
    name: Annotated[str, Differs("may be missing")] = ""


@dataclass(frozen=True)
class Server(
    Message,
    not_done={
        "bind": "the address is given on the command line",
        "tls": _PLAIN,
        "defaultEndpoint": "Istio does not do it either",
    },
):
    """A port and the hosts that are served there."""

    port: ServerPort
    hosts: tuple[Annotated[str, Read(server_host)], ...]
    name: str = ""

    def check(self) -> None:
        if not self.hosts:
            raise FieldError("the server has no hosts", "add the hosts that it serves, or '*'")


@dataclass(frozen=True)
class Gateway(Message):
    """All Gateways are taken to be served by this one gateway."""

    servers: tuple[Server, ...]
    selector: (
        Annotated[
            Mapping[str, str], Differs("selects nothing: these are the labels of this gateway")
        ]
        | None
    ) = None

    def check(self) -> None:
        if not self.servers:
            raise FieldError("the Gateway has no servers", "add one with protocol HTTP")
