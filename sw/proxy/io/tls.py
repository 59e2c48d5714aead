"""TLS towards clients: which certificate they get, and which routes (RFC 8446, RFC 6066)."""

import re
import ssl
import urllib.parse
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from hybridmesh.config.model import TlsServer

from .certificates import TlsError, admits, show, trust

__all__ = ["TlsDoor", "certificate_of", "server_name"]

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}

_PROTOCOLS = ["http/1.1"]
"""What the gateway says that it speaks (RFC 7301)."""


class TlsDoor:
    """The TLS servers of one port.

    A server has its own certificate, versions and rules for clients.  OpenSSL can change no more
    than the certificate in the middle of a handshake; so the name that a client asks for is looked
    up before the handshake begins.

    Attributes
    ----------
    contexts : list of ssl.SSLContext
        By number of the server.

    Raises
    ------
    TlsError
        Where a certificate is missing, or is not what it should be.
    """

    def __init__(self, servers: Sequence[TlsServer]) -> None:
        self.contexts = [_context(server) for server in servers]
        self._clients = [server.tls.clients for server in servers]
        self._by_name = {
            name.lower(): number for number, server in enumerate(servers) for name in server.names
        }

    def server(self, name: str) -> int | None:
        """Number of the server for *name*, "" where the client gives none: an exact name first,
        then the longest suffix, then ``*``; None: there is none."""
        name = name.lower()
        if name in self._by_name:
            return self._by_name[name]
        labels = name.split(".")
        for first in range(1, len(labels)):
            suffix = ".".join(("*", *labels[first:]))
            if suffix in self._by_name:
                return self._by_name[suffix]
        return self._by_name.get("*")

    def admits(self, number: int, session: ssl.SSLObject) -> bool:
        """Whether the server *number* lets a client in who has been welcomed."""
        clients = self._clients[number]
        return clients is None or admits(clients, session)


def server_name(hello: bytes) -> str | None:
    """The name in what a client sends first (RFC 6066, 3); "" where it gives none, None where not
    all of it is there.

    Raises
    ------
    ssl.SSLError
        If it is no TLS.
    """
    came, answer = ssl.MemoryBIO(), ssl.MemoryBIO()
    came.write(hello)
    session = _HELLO.wrap_bio(came, answer, server_side=True)
    assert isinstance(session, _Hello)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    except ssl.SSLError:
        if session.name is None:
            raise
    return session.name


class _Hello(ssl.SSLObject):
    """A handshake that ends with the client's first words."""

    name: str | None = None


def _note(session: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int:
    assert isinstance(session, _Hello)
    session.name = name or ""
    return ssl.ALERT_DESCRIPTION_CLOSE_NOTIFY  # nobody will see it


_HELLO = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
_HELLO.sslobject_class = _Hello
_HELLO.sni_callback = _note


def certificate_of(session: ssl.SSLObject) -> str:
    """What ``x-forwarded-client-cert`` says of a client with a certificate, as Istio's gateway has
    it for MUTUAL; empty for one without."""
    certificate = session.getpeercert(binary_form=True)
    if not certificate:
        return ""
    names: dict[str, Any] = dict(session.getpeercert() or {})
    pem = urllib.parse.quote(ssl.DER_cert_to_PEM_cert(certificate), safe="")
    parts = [
        f"Hash={sha256(certificate).hexdigest()}",
        f'Cert="{pem}"',
        f'Subject="{_subject(names)}"',
    ]
    alternatives = names.get("subjectAltName", ())
    parts += [f"URI={next((value for kind, value in alternatives if kind == 'URI'), '')}"]
    parts += [f"DNS={value}" for kind, value in alternatives if kind == "DNS"]
    return ";".join(parts)


_SPECIAL = re.compile(r'[,+"\\<>;]|^[# ]| $')
_ESCAPED = r"\\\g<0>"
_SHORT = {
    "commonName": "CN",
    "countryName": "C",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
}


def _subject(names: Mapping[str, Any]) -> str:
    """The subject's distinguished name, last part first (RFC 2253, 2)."""
    parts = [pair for part in names.get("subject", ()) for pair in part]
    return ",".join(f"{_SHORT.get(k, k)}={_SPECIAL.sub(_ESCAPED, v)}" for k, v in reversed(parts))


def _context(server: TlsServer) -> ssl.SSLContext:
    tls = server.tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.minimum]
    context.maximum_version = _VERSIONS[tls.maximum]
    context.set_alpn_protocols(_PROTOCOLS)
    who = f"TLS for {', '.join(server.names)}"
    show(context, tls.certificates, who)
    if tls.clients is not None:
        trust(context, tls.clients.authorities, tls.clients.revoked, who)
        context.verify_mode = ssl.CERT_REQUIRED if tls.clients.required else ssl.CERT_OPTIONAL
    if tls.ciphers:
        try:
            context.set_ciphers(":".join(tls.ciphers))
        except ssl.SSLError:
            raise TlsError(
                f"{who} cannot be set up (none of the ciphers is known)",
                place=":".join(tls.ciphers),
                remedy="name ciphers of TLS 1.2 as OpenSSL does",
            ) from None
    return context
