"""Istio's ``ClientTLSSettings``: TLS towards the pods."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ..message import Choice, Differs, FieldError, Message, Read
from ..model import Certificate, ClusterTls, Source
from .server_tls import IN_THE_YAML, Store

__all__ = ["ClientTls", "TlsMode"]


class TlsMode(enum.Enum):
    """What the gateway shows the pod, and what it asks of it."""

    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"


_MODES = Choice(
    {mode.value: mode for mode in TlsMode},
    {"ISTIO_MUTUAL": "istiod's certificates are not at hand; use MUTUAL with others"},
)


@dataclass(frozen=True)
class ClientTls(Message, name="ClientTLSSettings"):
    """Certificates are files, or in a Secret; without ``caCertificates`` the system's CAs count."""

    mode: Annotated[TlsMode, Read(_MODES)] = TlsMode.DISABLE
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    credential_name: Annotated[str, Differs(IN_THE_YAML)] = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool = False
    ca_crl: str = ""

    def check(self) -> None:
        if self.mode is TlsMode.DISABLE:
            return
        files = self.client_certificate or self.private_key or self.ca_certificates or self.ca_crl
        if self.credential_name and files:
            raise FieldError(
                "'credentialName' and files do not go together", "keep one or the other"
            )
        certificate = self.credential_name or (self.client_certificate and self.private_key)
        if self.mode is TlsMode.MUTUAL and not certificate:
            raise FieldError(
                "mode MUTUAL needs a certificate to show",
                "add 'credentialName', or 'clientCertificate' and 'privateKey'",
            )
        if self.insecure_skip_verify and (self.ca_certificates or self.subject_alt_names):
            raise FieldError(
                "'insecureSkipVerify' leaves nothing to check",
                "remove it, or 'caCertificates' and 'subjectAltNames'",
            )

    def model(self, names: Sequence[str], store: Store) -> ClusterTls | None:
        """None: plain text; *names* of the service count where the message has none.

        Raises
        ------
        FieldError
            Where *store* does not have what it should.
        """
        if self.mode is TlsMode.DISABLE:
            return None
        verify = not self.insecure_skip_verify
        authorities: Source = self.ca_certificates
        revoked: Source = self.ca_crl
        if self.credential_name and verify:
            authorities, revoked = store.authorities(self.credential_name)
        return ClusterTls(
            certificate=self._certificate(store) if self.mode is TlsMode.MUTUAL else None,
            authorities=authorities,
            revoked=revoked,
            sni=self.sni,
            names=self.subject_alt_names or tuple(names),
            verify=verify,
        )

    def _certificate(self, store: Store) -> Certificate:
        if self.credential_name:
            return store.certificate(self.credential_name)
        return Certificate(self.client_certificate, self.private_key)
