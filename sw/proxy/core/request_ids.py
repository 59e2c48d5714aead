"""Ids of requests (``x-request-id``): random UUIDs (RFC 9562, version 4), made many at a time."""

import random

import numpy as np

__all__ = ["RequestIds"]

_BATCH = 256
_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_TEXT = np.frombuffer(b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", dtype=np.uint8)
_PLACES = [place for place, letter in enumerate(_TEXT) if letter == ord("x")]


class RequestIds:
    """One id after the other; an array of them costs what a few cost one by one."""

    __slots__ = ("_left", "_rng")

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._left: list[bytes] = []

    def next(self) -> bytes:
        if not self._left:
            self._left = _make(self._rng.randbytes(16 * _BATCH))
        return self._left.pop()


def _make(random_bytes: bytes) -> list[bytes]:
    """An id of every 16 bytes."""
    octets = np.frombuffer(random_bytes, dtype=np.uint8).reshape(-1, 16).copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40  # version
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80  # variant
    nibbles = np.stack((octets >> 4, octets & 0x0F), axis=2).reshape(-1, 32)
    texts = np.tile(_TEXT, (len(octets), 1))
    texts[:, _PLACES] = _DIGITS[nibbles]
    ids: list[bytes] = texts.view(f"S{_TEXT.size}").ravel().tolist()
    return ids
