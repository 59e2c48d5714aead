"""Certificates of the gateway, of clients and of pods, as files; made anew each time."""

import datetime
import ssl
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

__all__ = ["Keys"]

_SHOWN = {".pod.test": "pod.test", "mutual": "pod.test", "strange": "stranger", "lost": "lost"}
"""By a part of pods' names, the certificate that they show."""


class Keys:
    """In *folder*: ``NAME.pem`` and ``NAME.key`` of ``shop.test``, ``other.test``, ``pod.test``,
    ``client`` and ``lost``; ``ca.pem`` of the authority that they are from, and ``crl.pem``, its
    list of revoked ones, in which ``lost`` is.  ``stranger`` is from another authority.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        for name in ("shop.test", "other.test", "pod.test", "client", "lost"):
            self._issue(authority, name)
        self._issue(trustme.CA(), "stranger")
        self._revoke(authority, "lost")

    def client(self, certificate: str) -> ssl.SSLContext:
        """What a client trusts, and the certificate that it shows; "": none."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        context.set_alpn_protocols(["http/1.1"])
        if certificate:
            context.load_cert_chain(*self._files(certificate))
        return context

    @property
    def pods(self) -> Mapping[str, ssl.SSLContext]:
        """By a part of pods' names, how they speak TLS; ``mutual`` wants a certificate."""
        contexts = {}
        for part, name in _SHOWN.items():
            context = contexts[part] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*self._files(name))
            context.sni_callback = _note
        contexts["mutual"].load_verify_locations(self.folder / "ca.pem")
        contexts["mutual"].verify_mode = ssl.CERT_REQUIRED
        return contexts

    def replaced(self, text: str) -> str:
        """*text* with what ``KEYS``, ``HASH/client`` and ``SPKI/client`` stand for."""
        for name in ("shop.test", "client", "lost"):
            certificate = self._parsed(name)
            key = certificate.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
            text = text.replace(f"HASH/{name}", certificate.fingerprint(SHA256()).hex())
            text = text.replace(f"SPKI/{name}", b64encode(sha256(key).digest()).decode())
        return text.replace("KEYS", str(self.folder))

    def file(self, name: str) -> str:
        """All of a file."""
        return (self.folder / name).read_text()

    def _parsed(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / f"{name}.pem").read_bytes())

    def _revoke(self, authority: trustme.CA, name: str) -> None:
        now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
        entry = x509.RevokedCertificateBuilder(self._parsed(name).serial_number, now - day)
        made = x509.CertificateRevocationListBuilder(
            self._parsed("ca").subject, now - day, now + day, revoked_certificates=[entry.build()]
        )
        key: Any = load_pem_private_key(authority.private_key_pem.bytes(), None)
        signed = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
        (self.folder / "crl.pem").write_bytes(signed)

    def _files(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def _issue(self, authority: trustme.CA, name: str) -> None:
        # Without these there would be something random in them.
        subject = {"organization_name": "shop", "organization_unit_name": "test"}
        issued = authority.issue_cert(name, f"*.{name}", common_name=name, **subject)
        issued.private_key_pem.write_to_path(str(self.folder / f"{name}.key"))
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        (self.folder / f"{name}.pem").write_bytes(chain)


def _note(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
    """Keep the name that the other side asks for."""
    connection.asked = name  # type: ignore[attr-defined]
