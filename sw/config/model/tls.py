"""TLS, towards clients and towards pods: certificates, and which ones of others are trusted."""

from dataclasses import dataclass, field

__all__ = ["Certificate", "ClientCertificates", "ClusterTls", "Pem", "ServerTls", "Source"]


@dataclass(frozen=True)
class Pem:
    """Text in PEM format that came with the configuration.  It is never shown.

    Attributes
    ----------
    origin : str
        Where it stands, for messages.
    """

    text: bytes = field(repr=False)
    origin: str


Source = str | Pem
"""The name of a file in PEM format, or what such a file would hold; "": none."""


@dataclass(frozen=True)
class Certificate:
    """A certificate with those that sign it, and its private key."""

    chain: Source
    key: Source


@dataclass(frozen=True)
class ClientCertificates:
    """Which clients are let in (MUTUAL).

    Attributes
    ----------
    authorities : Source
        The CAs of which a client must have a certificate.
    revoked : Source
        Lists of certificates that are not valid any more (RFC 5280, 5), of all these CAs.
    required : bool
        False: a client without certificate is let in, too (OPTIONAL_MUTUAL).
    names : tuple of str
        Subject alternative names, of which it must have one; empty: any.
    certificates, keys : frozenset of bytes
        SHA-256 of certificates and of public keys (SubjectPublicKeyInfo), in DER.  Its own must be
        among either; both empty: any.
    """

    authorities: Source
    revoked: Source = ""
    required: bool = True
    names: tuple[str, ...] = ()
    certificates: frozenset[bytes] = frozenset()
    keys: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class ServerTls:
    """How the gateway speaks TLS to clients.

    Attributes
    ----------
    certificates : tuple of Certificate
        One, or one for each kind of key (RSA, ECDSA).
    clients : ClientCertificates or None
        None: they are not asked for a certificate (SIMPLE).
    minimum, maximum : str
        Versions of the protocol: ``1.2`` and the like.
    ciphers : tuple of str
        Of TLS 1.2, in OpenSSL's names; empty: the library's.
    """

    certificates: tuple[Certificate, ...]
    clients: ClientCertificates | None = None
    minimum: str = "1.2"
    maximum: str = "1.3"
    ciphers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClusterTls:
    """TLS towards the pods.

    Attributes
    ----------
    certificate : Certificate or None
        The gateway's own; None: it shows none (SIMPLE).
    authorities : Source
        The CAs to be trusted; "": the system's.
    revoked : Source
        Lists of certificates that are not valid any more.
    sni : str
        "": the host that the client asked for.
    names : tuple of str
        Subject alternative names, of which the pod's certificate must have one; empty: the host
        that the client asked for if ``sni`` is empty too, else any that is signed.
    verify : bool
        False: any certificate is taken (``insecureSkipVerify``).
    """

    certificate: Certificate | None = None
    authorities: Source = ""
    revoked: Source = ""
    sni: str = ""
    names: tuple[str, ...] = ()
    verify: bool = True
