"""Istio's ``Gateway``: the listener's port and the hosts served on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Choice, Differs, FieldError, Message, Read, expect
from ..values import check_domain, port_number
from .server_tls import ServerTlsSettings

__all__ = ["HTTP", "Gateway", "Server", "ServerPort"]

_OTHERS = "HTTP2 GRPC GRPC-WEB TCP TLS MONGO MYSQL REDIS UDP"
_REFUSED = dict.fromkeys(_OTHERS.split(), "this gateway speaks HTTP/1.1")

HTTP = Choice(
    {"HTTP": "HTTP"},
    {"HTTPS": "a DestinationRule says how to speak TLS to pods", **_REFUSED},
    any_case=True,
)
"""Protocols of the ports of services; Istio takes either case."""

_SERVED = Choice({"HTTP": False, "HTTPS": True}, _REFUSED, any_case=True)
"""Protocols of servers: whether they are TLS."""


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

    number: Annotated[int, Read(port_number)]
    protocol: Annotated[bool, Read(_SERVED)]
    name: Annotated[str, Differs("may be missing")] = ""


@dataclass(frozen=True)
class Server(
    Message,
    not_done={
        "bind": "the address is given on the command line",
        "defaultEndpoint": "Istio does not do it either",
    },
):
    """A port and the hosts that are served there."""

    port: ServerPort
    hosts: tuple[Annotated[str, Read(server_host)], ...]
    tls: ServerTlsSettings | None = None
    name: str = ""

    def check(self) -> None:
        if not self.hosts:
            raise FieldError("the server has no hosts", "add the hosts that it serves, or '*'")
        tls = self.tls
        if self.secure:
            if tls is None or tls.mode is None:
                raise FieldError("a server of HTTPS needs 'tls' with a 'mode'", "add it")
            if tls.https_redirect:
                raise FieldError("'httpsRedirect' is for servers of HTTP", "remove it", tls.node)
        elif tls is not None and tls.mode is not None:
            raise FieldError(
                "a server of HTTP has no certificate", "write protocol HTTPS", tls.node
            )

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.port.protocol

    @property
    def redirects(self) -> bool:
        """Whether it sends all clients to HTTPS."""
        return self.tls is not None and self.tls.https_redirect

    @property
    def names(self) -> tuple[str, ...]:
        """Its hosts, whoever may bind them."""
        return tuple(host.rpartition("/")[2].lower() for host in self.hosts)


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
