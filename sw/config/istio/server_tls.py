"""Istio's ``ServerTLSSettings``: TLS towards clients, and plain text that sends them there."""

import enum
from dataclasses import dataclass
from typing import Annotated

from ..message import Choice, Differs, FieldError, Message, Read
from ..model import ServerTls

__all__ = ["ServerTlsSettings"]


class _Mode(enum.Enum):
    """Whether clients have to show a certificate."""

    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"


_MODES = Choice(
    {mode.value: mode for mode in _Mode},
    {
        "PASSTHROUGH": "the gateway reads requests",
        "AUTO_PASSTHROUGH": "the gateway reads requests",
        "ISTIO_MUTUAL": "istiod's certificates are not at hand; use MUTUAL with files",
        "OPTIONAL_MUTUAL": "a certificate is asked for, or it is not",
    },
)

_VERSIONS = Choice(
    {"TLS_AUTO": "", "TLSV1_0": "1.0", "TLSV1_1": "1.1", "TLSV1_2": "1.2", "TLSV1_3": "1.3"}
)

_SECRET = "it names a secret of Kubernetes; name files"


@dataclass(frozen=True)
class ServerTlsSettings(
    Message,
    name="ServerTLSSettings",
    not_done={
        "credentialName": _SECRET,
        "credentialNames": _SECRET,
        "tlsCertificates": "name one certificate in 'serverCertificate'",
        "subjectAltNames": "any client with a certificate of 'caCertificates' is let in",
        "verifyCertificateSpki": "any client with a certificate of 'caCertificates' is let in",
        "verifyCertificateHash": "any client with a certificate of 'caCertificates' is let in",
        "caCrl": "certificates are not looked up in lists of revoked ones",
        "caCertCredentialName": _SECRET,
    },
):
    """All names are those of files."""

    https_redirect: bool = False
    mode: Annotated[_Mode, Read(_MODES)] | None = None
    server_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    min_protocol_version: Annotated[str, Read(_VERSIONS)] = ""
    max_protocol_version: Annotated[str, Read(_VERSIONS)] = ""
    cipher_suites: Annotated[tuple[str, ...], Differs("of TLS 1.2 and older")] = ()

    def check(self) -> None:
        if self.mode is None:
            if self.server_certificate or self.private_key or self.ca_certificates:
                raise FieldError("'mode' is missing", "add mode SIMPLE or MUTUAL")
            return
        if not (self.server_certificate and self.private_key):
            raise FieldError(
                f"mode {self.mode.value} needs a certificate",
                "add 'serverCertificate' and 'privateKey'",
            )
        if self.mode is _Mode.MUTUAL and not self.ca_certificates:
            raise FieldError(
                "mode MUTUAL needs to know whose clients to let in", "add 'caCertificates'"
            )
        if self._minimum > self._maximum:
            raise FieldError(
                "'minProtocolVersion' is above 'maxProtocolVersion'", "swap them, or remove one"
            )

    @property
    def _minimum(self) -> str:
        return self.min_protocol_version or "1.2"

    @property
    def _maximum(self) -> str:
        return self.max_protocol_version or "1.3"

    @property
    def model(self) -> ServerTls:
        """Of a server that speaks TLS."""
        return ServerTls(
            certificate=self.server_certificate,
            key=self.private_key,
            authorities=self.ca_certificates if self.mode is _Mode.MUTUAL else "",
            minimum=self._minimum,
            maximum=self._maximum,
            ciphers=self.cipher_suites,
        )
