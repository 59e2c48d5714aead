"""Istio's ``ServerTLSSettings``: TLS towards clients, and plain text that sends them there."""

import base64
import binascii
import enum
from dataclasses import dataclass
from typing import Annotated, Protocol

from ..document import Node
from ..message import Choice, Differs, FieldError, Message, Read, expect
from ..model import Certificate, ClientCertificates, Pem, ServerTls, Source

__all__ = ["ServerTlsSettings", "Store"]


class Store(Protocol):
    """Where certificates are kept under names."""

    def certificate(self, name: str) -> Certificate: ...

    def authorities(self, name: str) -> tuple[Pem, Source]: ...


class _Mode(enum.Enum):
    """Whether clients have to show a certificate."""

    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    OPTIONAL_MUTUAL = "OPTIONAL_MUTUAL"


_MODES = Choice(
    {mode.value: mode for mode in _Mode},
    {
        "PASSTHROUGH": "the gateway reads requests",
        "AUTO_PASSTHROUGH": "the gateway reads requests",
        "ISTIO_MUTUAL": "istiod's certificates are not at hand; use MUTUAL with others",
    },
)

_VERSIONS = Choice(
    {"TLS_AUTO": "", "TLSV1_0": "1.0", "TLSV1_1": "1.1", "TLSV1_2": "1.2", "TLSV1_3": "1.3"}
)

_MOST = 2
"""Certificates of a server: one of RSA, one of ECDSA."""

_DIGEST = 32
"""Bytes of a SHA-256."""

IN_THE_YAML = "a Secret of the YAML, of whatever namespace"


def hex_digest(node: Node) -> bytes:
    """A SHA-256 in hexadecimal digits, with or without colons."""
    text = expect(node, str)
    try:
        digest = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        digest = b""
    if len(digest) != _DIGEST:
        raise FieldError(f"{text!r} is not the SHA-256 of a certificate", "write 64 hex digits")
    return digest


def base64_digest(node: Node) -> bytes:
    """A SHA-256 in base64."""
    text = expect(node, str)
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != _DIGEST:
        raise FieldError(f"{text!r} is not the SHA-256 of a key", "write it in base64")
    return digest


@dataclass(frozen=True)
class TlsCertificate(
    Message,
    name="ServerTLSSettings.TLSCertificate",
    no_effect={"caCertificates": "those of the server count"},
):
    """A certificate and its key, as files."""

    server_certificate: str
    private_key: str

    @property
    def model(self) -> Certificate:
        return Certificate(self.server_certificate, self.private_key)


@dataclass(frozen=True)
class ServerTlsSettings(Message, name="ServerTLSSettings"):
    """Certificates are files, or in Secrets."""

    https_redirect: bool = False
    mode: Annotated[_Mode, Read(_MODES)] | None = None
    server_certificate: str = ""
    private_key: str = ""
    tls_certificates: tuple[TlsCertificate, ...] = ()
    credential_name: Annotated[str, Differs(IN_THE_YAML)] = ""
    credential_names: Annotated[tuple[str, ...], Differs(IN_THE_YAML)] = ()
    ca_certificates: str = ""
    ca_crl: str = ""
    ca_cert_credential_name: Annotated[str, Differs(IN_THE_YAML)] = ""
    subject_alt_names: Annotated[tuple[str, ...], Differs("not with SIMPLE, as in Envoy")] = ()
    verify_certificate_spki: tuple[Annotated[bytes, Read(base64_digest)], ...] = ()
    verify_certificate_hash: tuple[Annotated[bytes, Read(hex_digest)], ...] = ()
    min_protocol_version: Annotated[str, Read(_VERSIONS)] = ""
    max_protocol_version: Annotated[str, Read(_VERSIONS)] = ""
    cipher_suites: Annotated[tuple[str, ...], Differs("of TLS 1.2 and older")] = ()

    def check(self) -> None:
        if self.mode is None:
            if self._sources or self.ca_certificates:
                raise FieldError("'mode' is missing", "add mode SIMPLE or MUTUAL")
            return
        self._check_certificates()
        if self.mode is _Mode.SIMPLE:
            self._check_simple()
        elif not (self.ca_certificates or self._credentials or self.ca_cert_credential_name):
            raise FieldError(
                f"mode {self.mode.value} needs to know whose clients to let in",
                "add 'caCertificates'",
            )
        if self.ca_crl and (self._credentials or self.ca_cert_credential_name):
            raise FieldError(
                "'caCrl' does not go together with a credential", "put the list into its Secret"
            )
        if self._minimum > self._maximum:
            raise FieldError(
                "'minProtocolVersion' is above 'maxProtocolVersion'", "swap them, or remove one"
            )

    def _check_certificates(self) -> None:
        assert self.mode is not None
        sources = self._sources
        if len(sources) > 1:
            raise FieldError(f"{' and '.join(sources)} do not go together", "keep one of them")
        files = bool(self.server_certificate), bool(self.private_key)
        if not sources or (any(files) and not all(files)):
            raise FieldError(
                f"mode {self.mode.value} needs a certificate",
                "add 'credentialName', or 'serverCertificate' and 'privateKey'",
            )
        if max(len(self.tls_certificates), len(self.credential_names)) > _MOST:
            raise FieldError(f"more than {_MOST} certificates", "keep one of RSA, one of ECDSA")

    def _check_simple(self) -> None:
        for key, given in (
            ("subjectAltNames", self.subject_alt_names),
            ("verifyCertificateSpki", self.verify_certificate_spki),
            ("verifyCertificateHash", self.verify_certificate_hash),
            ("caCrl", self.ca_crl),
        ):
            if given:
                raise FieldError(f"{key!r} is about clients' certificates", "write mode MUTUAL")

    @property
    def _sources(self) -> list[str]:
        """The fields that name certificates."""
        given = {
            "'serverCertificate'": self.server_certificate or self.private_key,
            "'tlsCertificates'": self.tls_certificates,
            "'credentialName'": self.credential_name,
            "'credentialNames'": self.credential_names,
        }
        return [field for field, value in given.items() if value]

    @property
    def _credentials(self) -> tuple[str, ...]:
        return (self.credential_name,) if self.credential_name else self.credential_names

    @property
    def _minimum(self) -> str:
        return self.min_protocol_version or "1.2"

    @property
    def _maximum(self) -> str:
        return self.max_protocol_version or "1.3"

    def model(self, store: Store) -> ServerTls:
        """Of a server that speaks TLS.

        Raises
        ------
        FieldError
            Where *store* does not have what it should.
        """
        if self._credentials:
            certificates = tuple(map(store.certificate, self._credentials))
        elif self.tls_certificates:
            certificates = tuple(each.model for each in self.tls_certificates)
        else:
            certificates = (Certificate(self.server_certificate, self.private_key),)
        return ServerTls(
            certificates,
            clients=None if self.mode is _Mode.SIMPLE else self._clients(store),
            minimum=self._minimum,
            maximum=self._maximum,
            ciphers=self.cipher_suites,
        )

    def _clients(self, store: Store) -> ClientCertificates:
        """Whom MUTUAL lets in.  As in Istio, a credential goes before files."""
        authorities: Source = self.ca_certificates
        revoked: Source = self.ca_crl
        credentials = [self.ca_cert_credential_name, *self._credentials]
        if name := next(filter(None, credentials), ""):
            authorities, revoked = store.authorities(name)
        return ClientCertificates(
            authorities,
            revoked,
            required=self.mode is _Mode.MUTUAL,
            names=self.subject_alt_names,
            certificates=frozenset(self.verify_certificate_hash),
            keys=frozenset(self.verify_certificate_spki),
        )
