"""How the gateway introduces a client to the pods: its address, its scheme, its certificate.

Clients are strangers: what they say of themselves does not count, unless it comes from proxies that
are trusted (``gatewayTopology``).  Rules and names are those of Envoy's connection manager
(``use_remote_address``, ``xff_num_trusted_hops``, ``forward_client_cert_details``).  No client is
an internal one: that is Envoy's default since 1.33.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple, TypeAlias

from hybridmesh.config.model import ForwardedCertificates, Topology
from hybridmesh.reference.head import Head

__all__ = ["Address", "Edge", "Introduction"]

Address: TypeAlias = tuple[str, int]

_FOR = "x-forwarded-for"
_PROTO = "x-forwarded-proto"
_CERTIFICATE = "x-forwarded-client-cert"


class Introduction(NamedTuple):
    """What a pod is told of a client.

    Attributes
    ----------
    address : Address or None
        None: the other end of the connection.
    scheme : str
        ``http`` or ``https``: what the client speaks.
    chains : mapping of str to str
        By name of a field: what comes behind the client's own, or stands alone if it has none.
    kept : frozenset of str
        Names of fields of which the client's own go on.
    lines : bytes
        The other lines, up to the name of the request's id.
    """

    address: Address | None
    scheme: str
    chains: Mapping[str, str]
    kept: frozenset[str]
    lines: bytes


class Edge:
    """One connection's client.

    Parameters
    ----------
    topology : Topology
    scheme : str
        ``https`` where it speaks TLS, else ``http``.
    peer : str
        The address of the connection's other end.
    certificate : str
        What ``x-forwarded-client-cert`` says of its certificate; empty: it has shown none.

    Attributes
    ----------
    stranger : Introduction
        Of whoever says nothing of itself, and has no proxy that does.
    lines : bytes
        The same as lines.
    """

    __slots__ = ("_own", "_trusted", "lines", "stranger")

    def __init__(self, topology: Topology, scheme: str, peer: str, certificate: str = "") -> None:
        self._trusted = topology.trusted_proxies
        how = topology.certificates
        chains, kept, self._own = {_FOR: peer}, frozenset[str](), b""
        always = how is ForwardedCertificates.ALWAYS_FORWARD_ONLY
        if always or (certificate and how is ForwardedCertificates.FORWARD_ONLY):
            kept = frozenset([_CERTIFICATE])
        elif certificate and how is ForwardedCertificates.APPEND_FORWARD:
            chains[_CERTIFICATE] = certificate
        elif certificate and how is ForwardedCertificates.SANITIZE_SET:
            self._own = _line(_CERTIFICATE, certificate)
        lines = self._own + _line(_PROTO, scheme) + _rest(peer)
        self.stranger = Introduction(None, scheme, chains, kept, lines)
        self.lines = b"".join(_line(name, text) for name, text in chains.items()) + lines

    def introduce(self, head: Head) -> Introduction:
        """Whoever sent *head*."""
        stranger = self.stranger
        if not self._trusted:
            return stranger
        address = _counted(head.value(_FOR), self._trusted)
        said = head.value(_PROTO)
        own, kept, scheme = self._own, stranger.kept, stranger.scheme
        if said is not None:
            kept |= {_PROTO}
            scheme = said.lower() if said.lower() in ("http", "https") else scheme
        else:
            own += _line(_PROTO, scheme)
        client = None if address is None else (address, 0)
        lines = own + _rest(address or stranger.chains[_FOR])
        return Introduction(client, scheme, stranger.chains, kept, lines)


def _counted(chain: str | None, hops: int) -> str | None:
    """The address that the first of *hops* trusted proxies saw, counted from the end of the
    *chain*; None: it is not there."""
    parts = [] if chain is None else chain.split(",")
    if len(parts) < hops:
        return None
    text = parts[-hops].strip(" \t")
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _rest(address: str) -> bytes:
    return _line("x-envoy-external-address", address) + b"x-request-id: "


def _line(name: str, text: str) -> bytes:
    return f"{name}: {text}\r\n".encode("latin-1")
