"""What the shared libraries of simulated hardware have in common: calls, and frames in buffers."""

import ctypes
import struct
from collections.abc import Callable, Sequence
from typing import Any, cast

__all__ = ["LENGTH", "function", "packed", "unpacked"]

LENGTH = struct.Struct("<I")
"""What precedes each frame in a buffer."""


def function(function: Any, arguments: tuple[Any, ...]) -> Callable[..., int]:
    """*function* of a library with the types of its *arguments*; negative results are errors."""
    function.argtypes = arguments
    function.restype = ctypes.c_int64
    return cast(Callable[..., int], function)


def packed(frames: Sequence[bytes]) -> bytes:
    """A buffer that has *frames*, each preceded by its length."""
    pack = LENGTH.pack
    return b"".join([part for frame in frames for part in (pack(len(frame)), frame)])


def unpacked(data: bytes) -> list[bytes]:
    """The frames of a buffer."""
    frames = []
    at = 0
    while at < len(data):
        (length,) = LENGTH.unpack_from(data, at)
        at += LENGTH.size
        frames.append(data[at : at + length])
        at += length
    return frames
