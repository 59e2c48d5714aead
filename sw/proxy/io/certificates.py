"""Certificates of this gateway, and whether those of others will do.

What came with the configuration is handed to OpenSSL in memory: private keys are never written to a
disk, and no message shows them.
"""

import os
import re
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from hybridmesh.config.model import Certificate, ClientCertificates, Pem, Source
from hybridmesh.errors import HybridMeshError

__all__ = ["TlsError", "admits", "has_name", "show", "trust"]

_FIRST = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")

_VERSION = 0xA0
"""Tag of a certificate's first field, which may be missing (RFC 5280, 4.1)."""

_KEY = 5
"""Number of the public key among the fields behind that."""


class TlsError(HybridMeshError):
    """A certificate or a key cannot be used."""


def show(context: ssl.SSLContext, certificates: Sequence[Certificate], who: str) -> None:
    """Let *context* show the one of *certificates* that the other side understands.

    Raises
    ------
    TlsError
        Where one cannot be used, or they are not of different kinds; *who* is for the message.
    """
    kinds: set[bytes] = set()
    for certificate in certificates:
        with _usable(certificate.chain, who) as chain, _path(certificate.key) as key:
            # With a password, OpenSSL does not ask the terminal for the one of an encrypted key.
            context.load_cert_chain(chain, key, password="")
            if len(certificates) > 1:
                kind = _kind_of_key(Path(chain).read_bytes())
                if kind in kinds:
                    raise TlsError(
                        f"{who} has two certificates of one kind",
                        place=_place(certificate.chain),
                        remedy="keep one, or make one of RSA and one of ECDSA",
                    )
                kinds.add(kind)


def trust(context: ssl.SSLContext, authorities: Source, revoked: Source, who: str) -> None:
    """Let *context* trust what *authorities* have signed, and none of *revoked*.

    Raises
    ------
    TlsError
        Where they cannot be used; *who* is for the message.
    """
    if authorities:
        with _usable(authorities, who) as path:
            context.load_verify_locations(path)
    if revoked:
        with _usable(revoked, who) as path:
            context.load_verify_locations(path)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def admits(rules: ClientCertificates, session: ssl.SSLObject) -> bool:
    """Whether a client whose certificate, if any, is signed as it should be has the right one."""
    der = session.getpeercert(binary_form=True)
    if not der:  # where it must have one, OpenSSL has asked for it
        return True
    if rules.names and not has_name(session.getpeercert(), rules.names):
        return False
    if not rules.certificates and not rules.keys:
        return True
    return (
        sha256(der).digest() in rules.certificates
        or sha256(_public_key(der)).digest() in rules.keys
    )


def has_name(certificate: Mapping[str, Any] | None, names: Collection[str]) -> bool:
    """Whether *certificate* is for one of *names*."""
    return any(
        _covers(value, name) if kind == "DNS" else value == name
        for kind, value in (certificate or {}).get("subjectAltName", ())
        for name in names
    )


def _covers(pattern: str, name: str) -> bool:
    """Whether a certificate for *pattern* is one for *name*; a star is one label (RFC 6125)."""
    if pattern.startswith("*."):
        return name.partition(".")[2].lower() == pattern[2:].lower()
    return pattern.lower() == name.lower()


@contextmanager
def _usable(source: Source, who: str) -> Iterator[str]:
    """The path of *source*, while it is used."""
    try:
        with _path(source) as path:
            yield path
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise TlsError(
            f"{who} cannot be set up ({reason})",
            place=_place(source),
            remedy="give what is in PEM format: the certificate with its chain, and its key",
        ) from None


@contextmanager
def _path(source: Source) -> Iterator[str]:
    """The file's name, or one that *source* can be read under meanwhile."""
    if isinstance(source, str):
        yield source
        return
    with open(os.memfd_create("pem"), "wb", buffering=0) as file:
        file.write(source.text)
        yield f"/proc/self/fd/{file.fileno()}"


def _place(source: Source) -> str:
    return source.origin if isinstance(source, Pem) else source


def _elements(der: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, encoding and content of what stands in *der*, one after the other (X.690, 8.1)."""
    start = 0
    while start < len(der):
        length, content = der[start + 1], start + 2
        if length & 0x80:
            content += length & 0x7F
            length = int.from_bytes(der[start + 2 : content])
        end = content + length
        yield der[start], der[start:end], der[content:end]
        start = end


def _public_key(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate in DER (RFC 5280, 4.1)."""
    ((_, _, signed),) = _elements(certificate)
    _, _, fields = next(_elements(signed))
    return [whole for tag, whole, _ in _elements(fields) if tag != _VERSION][_KEY]


def _kind_of_key(chain: bytes) -> bytes:
    """The identifier of the algorithm of the first certificate's key."""
    first = _FIRST.search(chain)
    assert first is not None  # or OpenSSL would not have taken it
    ((_, _, info),) = _elements(_public_key(ssl.PEM_cert_to_DER_cert(first[0].decode())))
    _, _, algorithm = next(_elements(info))
    return next(_elements(algorithm))[1]
