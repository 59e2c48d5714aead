"""Random tables, what they answer byte by byte, and frames with marked fields."""

from collections.abc import Sequence

import numpy as np

from hybridmesh.contract.geometry import TERMINATOR, Geometry
from hybridmesh.contract.table import TableImage, Tcam
from hybridmesh.rtl.match.field import marked_beat

from .packed import pack

__all__ = ["accepting", "lanes_of", "marked_beats", "scattered"]


def scattered(geometry: Geometry, seed: int, refuse: Sequence[float]) -> TableImage:
    """An image whose columns refuse a nibble at random, each with one of the odds *refuse*, and
    whose entries are random."""
    rng = np.random.default_rng(seed)
    image = TableImage(geometry)
    for tcam in (image.path, image.host, image.header, image.word):
        odds = rng.choice(refuse, size=tcam.space.columns)
        tcam.mismatch[:] = rng.random(tcam.mismatch.shape) < odds
    image.host_class[:] = rng.integers(1, 256, size=image.host_class.shape)
    image.row_flags[:] = rng.integers(0, 4, size=image.row_flags.shape)
    return image


def accepting(tcam: Tcam, key: bytes, terminator: int | None = TERMINATOR) -> int:
    """Columns, as bits, that accept every byte of *key* and its terminator, if it has one."""
    looked_up = key if terminator is None else key + bytes([terminator])
    refused = np.zeros(tcam.space.columns, bool)
    for position, byte in enumerate(looked_up[: tcam.space.positions]):
        for half, nibble in enumerate((byte & 15, byte >> 4)):
            refused |= tcam.mismatch[position, half, nibble]
    return sum(1 << column for column in np.flatnonzero(~refused).tolist())


def lanes_of(places: Sequence[int] | set[int], base: int, width: int) -> int:
    """The lanes, as bits, of those *places* that are in the beat at *base*."""
    return sum(1 << place - base for place in places if base <= place < base + width)


def marked_beats(
    frame: bytes, fields: Sequence[tuple[int, int]], width: int, bank: int
) -> list[int]:
    """The beats of *frame*; *fields* are offsets of a first byte, and of the byte after a last."""
    data = bytearray(frame)
    inside = {n for start, end in fields for n in range(start, end + 1)}
    for _, end in fields:
        data[end] = TERMINATOR
    return [
        pack(
            marked_beat(width),
            data=int.from_bytes(data[base : base + width], "little"),
            start=lanes_of([start for start, _ in fields], base, width),
            mask=lanes_of(inside, base, width),
            end=lanes_of([end for _, end in fields], base, width),
            bank=bank,
            first=base == 0,
        )
        for base in range(0, len(data), width)
    ]
