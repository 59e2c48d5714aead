"""SimulatedNic: the RTL itself, verilated into a shared library and called frame batch by batch.

No Python code runs per clock cycle: a call hands over a buffer of frames and gets one back.
"""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ..contract.geometry import Geometry
from ..contract.table import TableImage
from ..contract.verdict import SHIM
from .build import Waves, shared_library
from .control import RegisterControl, Words, check_frames
from .error import NicError
from .frames import Connection
from .library import LENGTH, function, packed, unpacked

__all__ = ["SimulatedNic"]

_NIC, _CHARS, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t

_DROPS = ("spoofed", "errors", "runts")
"""Counters of frames that go no further."""

_FAILURES = {
    -1: "The simulated NIC does not answer",
    -2: "The simulated NIC refuses the access",
    -3: "The simulated NIC sends more than it may",
    -4: "The file of waves cannot be opened",
}


class SimulatedNic:
    """A NIC in simulation; see :class:`~hybridmesh.nic.driver.NicDriver`.

    Parameters
    ----------
    geometry : Geometry
        The library for it is built when it is used for the first time.
    waves : Waves or None
        With a format of waves it is a NIC with probes, see :mod:`hybridmesh.nic.probes`, a library
        of its own, and slower.
    """

    def __init__(self, geometry: Geometry, waves: Waves | None = None) -> None:
        self.geometry = geometry
        self._waves = waves
        self._bus = _Library(shared_library(geometry, waves))
        # A frame comes out at the latest when it and the one before it have been stored and
        # streamed out; silence for longer than that means that nothing is left inside.
        self._patience = 4 * geometry.max_frame // geometry.width + 1024
        self._control = RegisterControl(self._bus, geometry)
        self._dropped = 0

    @property
    def cycles(self) -> int:
        """Clock cycles since the reset."""
        return self._bus.cycles()

    def load(self, image: TableImage) -> int:
        return self._control.load(image)

    def verify(self) -> None:
        self._control.verify()

    def listen(self, *ports: int) -> None:
        self._control.listen(*ports)

    def expect_head(self, connection: Connection, seq: int) -> None:
        self._control.expect_head(connection, seq)

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        check_frames(frames)
        out = self._bus.exchange(frames, self._patience)
        if len(out) != len(frames):
            self._check_dropped(len(frames) - len(out))
        return out

    @contextmanager
    def recording(self, path: Path) -> Iterator[None]:
        """Write the waves of what happens until the block ends to *path*, in the NIC's format.

        A clock takes :data:`~hybridmesh.nic.build.PERIOD` nanoseconds, its edge in the middle.
        Raises :exc:`NicError` where the NIC has no probes, or the file cannot be opened.
        """
        if self._waves is None:
            raise NicError("A simulated NIC without probes has no waves to be recorded")
        self._bus.open_waves(path)
        try:
            yield
        finally:
            self._bus.close_waves()

    def counters(self) -> dict[str, int]:
        return self._control.counters()

    def close(self) -> None:
        self._bus.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_dropped(self, dropped: int) -> None:
        """Raise :exc:`NicError` unless the NIC says that it *dropped* so many frames itself."""
        counters = self._control.counters()
        total = sum(counters[name] for name in _DROPS)
        counted = total - self._dropped & 0xFFFFFFFF
        self._dropped = total
        if counted != dropped:
            raise NicError(f"The simulated NIC lost {dropped - counted} frames", place="exchange")


class _Library:
    """The shared library of one NIC, as a register bus and a pipe for frames."""

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(str(path))
        self._library = library
        self._exchange = function(
            library.nic_exchange,
            (_NIC, _CHARS, _SIZE, ctypes.c_uint64, _CHARS, _SIZE, ctypes.c_uint64),
        )
        self._read = function(library.nic_read, (_NIC, ctypes.c_uint32))
        self._write = function(library.nic_write, (_NIC, ctypes.c_uint32, _NIC, _SIZE))
        self._cycles = function(library.nic_cycles, (_NIC,))
        self._free = function(library.nic_free, (_NIC,))
        library.nic_new.restype = ctypes.c_void_p
        self._nic: int | None = library.nic_new()
        self._out = ctypes.create_string_buffer(1 << 16)

    def exchange(self, frames: Sequence[bytes], patience: int) -> list[bytes]:
        data = packed(frames)
        # Room for the frames, a shim each, and the length that the last one would be followed by.
        room = len(data) + SHIM.size * len(frames) + LENGTH.size
        if room > len(self._out):
            self._out = ctypes.create_string_buffer(room)
        size = self._done(
            self._exchange(
                self._open, data, len(data), len(frames), self._out, len(self._out), patience
            ),
            "exchange",
        )
        return unpacked(memoryview(self._out)[:size].tobytes())

    def read(self, address: int) -> int:
        return self._done(self._read(self._open, address), f"register 0x{address:03x}")

    def write(self, address: int, value: int) -> None:
        self.write_many(address, np.array([value], dtype=np.uint32))

    def write_many(self, address: int, values: Words) -> None:
        words = np.ascontiguousarray(values, dtype=np.uint32)
        result = self._write(self._open, address, words.ctypes.data, len(words))
        self._done(result, f"register 0x{address:03x}")

    def cycles(self) -> int:
        return self._cycles(self._open)

    def open_waves(self, path: Path) -> None:
        open_ = function(self._library.nic_open_waves, (_NIC, _CHARS))
        self._done(open_(self._open, os.fsencode(path)), str(path))

    def close_waves(self) -> None:
        function(self._library.nic_close_waves, (_NIC,))(self._open)

    def close(self) -> None:
        if self._nic is not None:
            self._free(self._nic)
            self._nic = None

    @property
    def _open(self) -> int:
        if self._nic is None:
            raise NicError("The NIC has been closed")
        return self._nic

    def _done(self, result: int, place: str) -> int:
        if result < 0:
            raise NicError(_FAILURES[result], place=place)
        return result
