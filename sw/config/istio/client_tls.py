"""Istio's ``ClientTLSSettings``: TLS towards the pods."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ..message import Choice, FieldError, Message, Read
from ..model import ClusterTls

__all__ = ["ClientTls", "TlsMode"]


class TlsMode(enum.Enum):
    """What the gateway shows the pod, and what it asks of it."""

    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"


_MODES = Choice(
    {mode.value: mode for mode in TlsMode},
    {"ISTIO_MUTUAL": "istiod's certificates are not at hand; use MUTUAL with files"},
)


@dataclass(frozen=True)
class ClientTls(
    Message,
    name="ClientTLSSettings",
    not_done={
        "credentialName": "it names a secret of Kubernetes; name files",
        "caCrl": "certificates are not looked up in lists of revoked ones",
    },
):
    """All names are those of files; without ``caCertificates`` the system's CAs count."""

    mode: Annotated[TlsMode, Read(_MODES)] = TlsMode.DISABLE
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool = False

    def check(self) -> None:
        if self.mode is TlsMode.MUTUAL and not (self.client_certificate and self.private_key):
            raise FieldError(
                "mode MUTUAL needs a certificate to show",
                "add 'clientCertificate' and 'privateKey'",
            )
        checked = self.ca_certificates or self.subject_alt_names
        if self.insecure_skip_verify and self.mode is not TlsMode.DISABLE and checked:
            raise FieldError(
                "'insecureSkipVerify' leaves nothing to check",
                "remove it, or 'caCertificates' and 'subjectAltNames'",
            )

    def model(self, names: Sequence[str]) -> ClusterTls | None:
        """None: plain text; *names* of the service count where the message has none."""
        if self.mode is TlsMode.DISABLE:
            return None
        mutual = self.mode is TlsMode.MUTUAL
        return ClusterTls(
            certificate=self.client_certificate if mutual else "",
            key=self.private_key if mutual else "",
            authorities=self.ca_certificates,
            sni=self.sni,
            names=self.subject_alt_names or tuple(names),
            verify=not self.insecure_skip_verify,
        )
