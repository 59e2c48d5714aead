"""How long programs in the kernel have run, by the kernel's own count."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from ..tunnel.kernel import bpf

__all__ = ["counting", "run_time"]

# linux/bpf.h: commands, a kind of statistics, and where struct bpf_prog_info has run_time_ns.
_OBJECT_INFO, _ENABLE_STATS = 15, 32
_RUN_TIME = 0
_RUN_TIME_AT, _INFO = 192, 256


@contextmanager
def counting() -> Iterator[None]:
    """The kernel counts the time of all programs until the block ends; raises :exc:`OSError`."""
    attributes = struct.pack("=I", _RUN_TIME).ljust(64, b"\0")
    descriptor = bpf(_ENABLE_STATS, ctypes.create_string_buffer(attributes, len(attributes)))
    try:
        yield
    finally:
        os.close(descriptor)


def run_time(program: int) -> float:
    """Seconds that the *program* of this file descriptor has run while they were counted."""
    info = ctypes.create_string_buffer(_INFO)
    attributes = struct.pack("=IIQ", program, _INFO, ctypes.addressof(info)).ljust(64, b"\0")
    bpf(_OBJECT_INFO, ctypes.create_string_buffer(attributes, len(attributes)))
    (nanoseconds,) = struct.unpack_from("=Q", info, _RUN_TIME_AT)
    return float(nanoseconds) / 1e9
