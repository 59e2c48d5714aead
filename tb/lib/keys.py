"""Random tables for a TCAM, what they answer byte by byte, and frames with marked fields."""

from collections.abc import Sequence

import numpy as np

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage, Tcam
from hybridmesh.rtl.match.field import marked_beat

from .packed import pack

__all__ = ["accepting", "marked_beats", "scattered"]


def scattered(geometry: Geometry, seed: int, refuse: Sequence[float]) -> TableImage:
    """An image whose columns refuse a nibble at random, each with one of the odds *refuse*."""
    rng = np.random.default_rng(seed)
    image = TableImage(geometry)
    for tcam in (image.path, image.header):
        odds = rng.choice(refuse, size=tcam.space.columns)
        tcam.mismatch[:] = rng.random(tcam.mismatch.shape) < odds
    return image


def accepting(tcam: Tcam, key: bytes) -> int:
    """Columns, as bits, that accept every byte of *key* and its terminator."""
    columns = (1 << tcam.space.columns) - 1
    for position, byte in enumerate((key + b"\0")[: tcam.space.positions]):
        for half, nibble in enumerate((byte & 15, byte >> 4)):
            for column in np.flatnonzero(tcam.mismatch[position, half, nibble]).tolist():
                columns &= ~(1 << column)
    return columns


def marked_beats(
    frame: bytes, fields: Sequence[tuple[int, int]], width: int, bank: int
) -> list[int]:
    """The beats of *frame*; *fields* are offsets of a first byte, and of the byte after a last."""
    beats = []
    for base in range(0, len(frame), width):
        inside = range(base, base + width)
        beats.append(
            pack(
                marked_beat(width),
                data=int.from_bytes(frame[base : base + width], "little"),
                start=sum(1 << first - base for first, _ in fields if first in inside),
                end=sum(1 << after - base for _, after in fields if after in inside),
                bank=bank,
                first=base == 0,
            )
        )
    return beats
