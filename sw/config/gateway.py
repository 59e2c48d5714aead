"""Istio's ``Gateway``: the listener's port and the hosts served on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from .document import Node
from .message import FieldError, Message, Read, expect
from .values import check_domain, port_number

__all__ = ["Gateway", "Server", "ServerPort"]

_OTHER_PROTOCOLS = frozenset(
    {"HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "TCP", "TLS", "MONGO", "MYSQL", "REDIS", "UDP"}
)


def http_protocol(node: Node) -> str:
    """``HTTP``, in either case as Istio takes it."""
    text = expect(node, str)
    if text.upper() == "HTTP":
        return "HTTP"
    if text.upper() in _OTHER_PROTOCOLS:
        raise FieldError(
            f"the protocol {text.upper()} is not supported yet",
            "this gateway speaks HTTP/1.1 in plain text: write HTTP",
        )
    raise FieldError(f"{text!r} is not a protocol", "write HTTP")


def server_host(node: Node) -> str:
    """A host, with the namespace whose VirtualServices may bind it in front if any."""
    text = expect(node, str)
    namespace, slash, host = text.rpartition("/")
    if slash and not namespace:
        raise FieldError(f"{text!r} has no namespace before the slash", "write 'namespace/host'")
    check_domain(host)
    return text


@dataclass(frozen=True)
class ServerPort(Message, not_done="targetPort"):
    """Istio's ``Port``."""

    number: Annotated[int, Read(port_number)]
    protocol: Annotated[str, Read(http_protocol)]
    name: str = ""


@dataclass(frozen=True)
class Server(Message, not_done="bind tls defaultEndpoint"):
    """Istio's ``Server``."""

    port: ServerPort
    hosts: tuple[Annotated[str, Read(server_host)], ...]
    name: str = ""

    def check(self) -> None:
        if not self.hosts:
            raise FieldError("the server has no hosts", "add the hosts that it serves, or '*'")


@dataclass(frozen=True)
class Gateway(Message):
    """Istio's ``Gateway``; whatever ``selector`` says, it is taken to mean this gateway."""

    servers: tuple[Server, ...]
    selector: Mapping[str, str] | None = None

    def check(self) -> None:
        if not self.servers:
            raise FieldError("the Gateway has no servers", "add one with protocol HTTP")
