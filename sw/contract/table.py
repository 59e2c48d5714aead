"""The table image: what is written into the NIC's table memories, whatever its width.

The compiler fills it, the driver writes it word by word, the reference classifier runs on it.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .geometry import Geometry, Space

__all__ = ["TableImage", "Tcam"]

Bits = npt.NDArray[np.bool_]


class Tcam:
    """Mismatch bits of one TCAM space; columns refuse every key until a pattern is set.

    Attributes
    ----------
    mismatch : ndarray of bool, shape (positions, 2, 16, columns)
        By key byte, nibble half (0 low, 1 high), nibble value, column.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.mismatch: Bits = np.zeros((space.positions, 2, 16, space.columns), dtype=np.bool_)
        self.mismatch[0] = True

    def allow(self, column: int, position: int, low: int, high: int) -> None:
        """Let *column* accept at *position* the bytes with a low nibble in the 16-bit mask *low*
        and a high nibble in *high*."""
        for half, mask in enumerate((low, high)):
            bits = [not mask >> nibble & 1 for nibble in range(16)]
            self.mismatch[position, half, :, column] = bits

    def allow_all(self, column: int) -> None:
        """Let *column* accept every key."""
        self.mismatch[:, :, :, column] = False


class TableImage:
    """Contents of every table memory for one geometry (the width does not matter).

    Attributes
    ----------
    path, host, header, word : Tcam
    host_class, row_flags, options : ndarray of uint8
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.path = Tcam(geometry.path)
        self.host = Tcam(geometry.host)
        self.header = Tcam(geometry.header)
        self.word = Tcam(geometry.word)
        self.host_class = np.zeros(geometry.hosts, dtype=np.uint8)
        self.row_flags = np.zeros(geometry.rows, dtype=np.uint8)
        self.options = np.zeros(1, dtype=np.uint8)

    def words(self) -> Iterator[tuple[Space, npt.NDArray[np.uint32]]]:
        """The 32-bit words of each space in address order, bit 0 of a word the lowest column."""
        for tcam in (self.path, self.host, self.header, self.word):
            space = tcam.space
            flat = tcam.mismatch.reshape(space.entries, space.columns)
            padded = np.zeros((space.entries, space.slices * 32), dtype=np.bool_)
            padded[:, : space.columns] = flat
            packed = np.packbits(padded, axis=1, bitorder="little")
            yield space, packed.view("<u4").reshape(-1)
        for space, data in (
            (self.geometry.host_class, self.host_class),
            (self.geometry.row_flags, self.row_flags),
            (self.geometry.options, self.options),
        ):
            yield space, data.astype("<u4")
