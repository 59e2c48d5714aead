"""Byte patterns written into one column of a TCAM: a literal, whole or as a beginning."""

from dataclasses import dataclass

import numpy as np

from ..contract.geometry import TERMINATOR, Space
from ..contract.table import Tcam

__all__ = ["Pattern", "put"]

_BYTE = np.arange(256)
_LITERAL = np.stack([_BYTE & 15, _BYTE >> 4], axis=1)[:, :, None] != np.arange(16)
"""Mismatch bits of a byte, by byte value, half and nibble."""

_FOLDED = _LITERAL.copy()
"""The same with letters of either case alike: they differ in one bit of the high nibble."""
for _letter in b"abcdefghijklmnopqrstuvwxyz":
    _FOLDED[[_letter, _letter ^ 0x20], 1] = _LITERAL[_letter, 1] & _LITERAL[_letter ^ 0x20, 1]


@dataclass(frozen=True)
class Pattern:
    """What a key must be, or where not ``exact`` begin with.

    ``folded`` is the number of leading bytes in which letters of either case are alike.
    """

    data: bytes
    exact: bool
    folded: int = 0

    @property
    def key(self) -> bytes:
        """The bytes to be looked up, an exact pattern's terminator too."""
        return self.data + bytes([TERMINATOR]) if self.exact else self.data

    @property
    def impossible(self) -> bool:
        """Whether no key matches because none holds the terminator's byte."""
        return TERMINATOR in self.data

    def fits(self, space: Space) -> bool:
        """Whether a column of *space* can tell exactly the keys that match."""
        return len(self.key) <= space.positions


def put(tcam: Tcam, column: int, pattern: Pattern) -> None:
    """Let *column* accept what *pattern* matches; one that does not fit is cut to a superset."""
    key = np.frombuffer(pattern.key, dtype=np.uint8)[: tcam.space.positions]
    tcam.mismatch[0, :, :, column] = False
    tcam.mismatch[: len(key), :, :, column] = _LITERAL[key]
    folded = key[: pattern.folded]
    tcam.mismatch[: len(folded), :, :, column] = _FOLDED[folded]
