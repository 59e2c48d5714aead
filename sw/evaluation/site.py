"""Where a gateway stands: its address, its pods, its files."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import HybridMeshError

__all__ = ["EvaluationError", "Site", "make_certificate"]

PODS_PER_SERVICE = 2


class EvaluationError(HybridMeshError):
    """Something cannot be measured."""


@dataclass(frozen=True)
class Site:
    """What every gateway is told.

    Attributes
    ----------
    folder : Path
        For its files.
    address : str
    port : int
        Where clients reach it.
    pods : str
    first_port : int
        The pods' address, and the port of the first.
    """

    folder: Path
    address: str
    port: int
    pods: str
    first_port: int

    def pod_ports(self, service: int) -> range:
        """Of the pods of a *service*."""
        first = self.first_port + PODS_PER_SERVICE * service
        return range(first, first + PODS_PER_SERVICE)

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"


def make_certificate(site: Site) -> None:
    """One for any name, signed by itself."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
    names = "subjectAltName=DNS:shop.example.com,DNS:*.example.com"
    words = [*command.split(), "-subj", "/CN=shop.example.com", "-addext", names]
    words += ["-keyout", str(site.key), "-out", str(site.certificate)]
    try:
        subprocess.run(words, capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        raise EvaluationError(
            "A certificate cannot be made", remedy="run: apt-get install openssl"
        ) from None
