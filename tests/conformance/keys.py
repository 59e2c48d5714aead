"""Certificates of the gateway and of a client, as files; made anew each time."""

import ssl
from pathlib import Path

import trustme

__all__ = ["Keys"]


class Keys:
    """In *folder*: ``NAME.pem`` and ``NAME.key`` of ``shop.test``, ``other.test`` and ``client``,
    and ``ca.pem`` of the authority that they are from; ``stranger`` is from another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        for name in ("shop.test", "other.test", "client"):
            self._issue(authority, name)
        self._issue(trustme.CA(), "stranger")

    def client(self, certificate: str) -> ssl.SSLContext:
        """What a client trusts, and the certificate that it shows; "": none."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        context.set_alpn_protocols(["http/1.1"])
        if certificate:
            context.load_cert_chain(
                *(self.folder / f"{certificate}.{kind}" for kind in ("pem", "key"))
            )
        return context

    def _issue(self, authority: trustme.CA, name: str) -> None:
        # Without these there would be something random in them.
        subject = {"organization_name": "shop", "organization_unit_name": "test"}
        issued = authority.issue_cert(name, common_name=name, **subject)
        issued.private_key_pem.write_to_path(str(self.folder / f"{name}.key"))
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        (self.folder / f"{name}.pem").write_bytes(chain)
