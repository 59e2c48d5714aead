"""What a NIC has been loaded with, for a proxy that is in another process than its driver.

A verdict names an epoch, which means something together with the table alone: a proxy that takes
verdicts from a NIC must know that it was loaded with the table that it has compiled itself.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..contract.geometry import Geometry
from ..contract.table import TableImage
from .error import NicError
from .runtime import runtime_path

__all__ = ["Loaded", "digest", "loaded_path"]


def digest(image: TableImage) -> str:
    """A hash over all words of *image*, and the sizes that they are for."""
    hashed = hashlib.sha256(repr(image.geometry).encode())
    for space, words in image.words():
        hashed.update(space.name.encode())
        hashed.update(words.astype("<u4").tobytes())
    return hashed.hexdigest()


def loaded_path(interface: str) -> Path:
    """Where whoever keeps the NIC at *interface* says what it was loaded with."""
    return runtime_path(interface, ".json")


@dataclass(frozen=True)
class Loaded:
    """The table whose :func:`digest` is *image* is in use in a NIC of *geometry*, and its verdicts
    are of *epoch*."""

    epoch: int
    image: str
    geometry: Geometry = field(default_factory=Geometry)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)) + "\n")

    @staticmethod
    def read(path: Path) -> "Loaded":
        """Raises :exc:`NicError` where *path* holds no such thing, :exc:`OSError` if none is."""
        try:
            members = json.loads(path.read_text())
            sizes = Geometry(**members["geometry"])
            return Loaded(int(members["epoch"]), str(members["image"]), sizes)
        except (ValueError, KeyError, TypeError):
            raise NicError(
                "This does not say what the NIC was loaded with",
                place=str(path),
                remedy="name the file that whoever loads the NIC has written",
            ) from None

    def check(self, image: TableImage, path: Path) -> None:
        """Raise :exc:`NicError` where another table than *image* is in use."""
        if self.image != digest(image):
            raise NicError(
                "The NIC was loaded with another table than these files give",
                place=str(path),
                remedy="load it with the table of the same files, by the same release",
            )
