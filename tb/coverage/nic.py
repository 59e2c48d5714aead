"""The covered NIC as a driver, and what a driver has no words for: pauses, frames that the MAC
marks bad, frames to the wire, and accesses to registers amid all that.
"""

import ctypes
import random
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import COUNTERS, register
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM
from hybridmesh.nic import NicError
from hybridmesh.nic.control import RegisterControl
from hybridmesh.nic.frames import Connection
from tb.lib.pauses import PAUSES

from .build import Built
from .hardware import covered_groups
from .model import Hits

__all__ = ["PACES", "Access", "CoveredNic", "Frame", "Pace", "Played", "read", "write"]

_LENGTH = struct.Struct("<I")
_BAD = 1 << 31
_PATIENCE = 600
"""Clocks without a transfer after which the NIC is empty, but for frames that it drops."""

_BUS_PATIENCE = 30
_CLOCKS = 4096
"""Clocks of a pace before it begins anew."""

_FAILURES = {
    -1: "The NIC does not take or end a frame, or does not answer",
    -2: "The NIC sends more than it may",
    -3: "The NIC changes what it has on offer",
}


class Frame(NamedTuple):
    """A frame from the wire; *bad*: the MAC marks it so."""

    data: bytes
    bad: bool = False


Pace = bytes
"""A byte for each clock, not zero in those to sit out."""


def _pace(pauses: Iterable[bool]) -> Pace:
    return bytes(pause for pause, _ in zip(pauses, range(_CLOCKS), strict=False))


def _every_other() -> Iterable[bool]:
    while True:
        yield from (True, False)


PACES: dict[str, Callable[[random.Random], Pace]] = {
    **{name: lambda rng, pause=pause: _pace(pause(rng)) for name, pause in PAUSES.items()},
    "every other": lambda rng: _pace(_every_other()),
}
"""By name, when to hold back: as the benches do, and in every other clock."""


class _Kind:
    WRITE, READ, UNTIL, PAUSE = range(4)


class Access(NamedTuple):
    """What is done on the bus."""

    kind: int
    address: int
    value: int

    @property
    def is_write(self) -> bool:
        return self.kind == _Kind.WRITE

    @property
    def is_read(self) -> bool:
        return self.kind == _Kind.READ

    @classmethod
    def read_at(cls, address: int) -> "Access":
        return cls(_Kind.READ, address, 0)

    @classmethod
    def write_at(cls, address: int, value: int) -> "Access":
        return cls(_Kind.WRITE, address, value)

    @classmethod
    def pause(cls, clocks: int) -> "Access":
        return cls(_Kind.PAUSE, 0, clocks)

    @classmethod
    def until_not(cls, field_: str) -> "Access":
        """Read ``status`` until *field_* is 0."""
        status = register("status")
        return cls(_Kind.UNTIL, status.address, status.field(field_).put(1))


def write(name: str, value: int) -> Access:
    return Access.write_at(register(name).address, value)


def read(name: str) -> Access:
    return Access.read_at(register(name).address)


class _Access(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("kind", "address", "value", "refused")]


class _Pace(ctypes.Structure):
    _fields_ = [("pauses", ctypes.c_char_p), ("count", ctypes.c_size_t)]


class _Way(ctypes.Structure):
    _fields_ = [
        *(("sent", ctypes.c_char_p), ("sent_size", ctypes.c_size_t)),
        *(("got", ctypes.c_char_p), ("got_size", ctypes.c_size_t)),
        *(("sends", _Pace), ("takes", _Pace)),
    ]


@dataclass(frozen=True)
class Played:
    """What has come of it: frames to the host, frames to the wire, what was read in the order of
    the accesses, and the accesses that the bus has answered with an error."""

    host: list[bytes]
    wire: list[bytes]
    read: list[int]
    refused: list[Access] = field(default_factory=list)


class CoveredNic:
    """A NIC with covers; see :class:`~hybridmesh.nic.driver.NicDriver`.

    Attributes
    ----------
    accesses : list of (Access, bool)
        All that were done on the bus, and whether they were refused.
    """

    def __init__(self, geometry: Geometry, built: Built) -> None:
        self.geometry = geometry
        self._library = ctypes.CDLL(str(built.library))
        self._library.nic_new.restype = ctypes.c_void_p
        self._nic = ctypes.c_void_p(self._library.nic_new())
        self._play = self._library.nic_play
        self._play.restype = ctypes.c_int64
        self._library.nic_cycles.restype = ctypes.c_uint64
        self.accesses: list[tuple[Access, bool]] = []
        self._control = RegisterControl(self, geometry)

    @property
    def cycles(self) -> int:
        """Clock cycles since the reset."""
        return int(self._library.nic_cycles(self._nic))

    def play(
        self,
        frames: Sequence[Frame] = (),
        *,
        up: Sequence[bytes] = (),
        sends: Pace = b"",
        takes: Pace = b"",
        accesses: Sequence[Access] = (),
    ) -> Played:
        """Do all this at once; whoever sends and takes frames pauses as *sends* and *takes* say."""
        rx = _way([(f.data, f.bad) for f in frames], sends, takes, shims=True)
        tx = _way([(data, False) for data in up], sends, takes, shims=False)
        array = (_Access * len(accesses))(*(_Access(*access, 0) for access in accesses))
        patience = _BUS_PATIENCE
        if frames or up:  # what is dropped takes its time too, and nothing is seen of it
            queued = 2 * self.geometry.max_frame // self.geometry.width
            patience = _PATIENCE + queued + max(_longest(sends), _longest(takes))
        result = self._play(
            *(self._nic, ctypes.byref(rx), ctypes.byref(tx), array, ctypes.c_size_t(len(array))),
            ctypes.c_uint64(patience),
        )
        if result < 0:
            raise NicError(_FAILURES[result])
        done = [(a, bool(b.refused)) for a, b in zip(accesses, array, strict=True)]
        self.accesses += done
        return Played(
            _frames(rx),
            _frames(tx),
            [b.value for a, b in zip(accesses, array, strict=True) if a.kind == _Kind.READ],
            [access for access, refused in done if refused],
        )

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        return self.play([Frame(frame) for frame in frames]).host

    def load(self, image: TableImage) -> int:
        return self._control.load(image)

    def verify(self) -> None:
        self._control.verify()

    def listen(self, *ports: int) -> None:
        self._control.listen(*ports)

    def expect_head(self, connection: Connection, seq: int) -> None:
        self._control.expect_head(connection, seq)

    def counters(self) -> dict[str, int]:
        values = self.play(accesses=[read(counter.name) for counter in COUNTERS]).read
        return dict(zip((counter.name for counter in COUNTERS), values, strict=True))

    def hits(self, hits: Hits) -> None:
        """Add what the covers have seen."""
        groups = covered_groups(self.geometry)
        total = sum(len(group.bins) for group in groups)
        buffer = ctypes.create_string_buffer(-(-total // 64) * 8)
        self._library.nic_hits(self._nic, buffer, ctypes.c_size_t(-(-total // 8)))
        bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")
        at = 0
        for group in groups:
            for number in np.flatnonzero(bits[at : at + len(group.bins)]):
                hits.add(group.name, *group.bins[number])
            at += len(group.bins)

    def save(self, path: Path) -> None:
        """Write what Verilator has counted to *path*."""
        self._library.nic_save(self._nic, str(path).encode())

    def close(self) -> None:
        if self._nic.value is not None:
            self._library.nic_free(self._nic)
            self._nic = ctypes.c_void_p()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # what RegisterControl wants of a bus

    def read(self, address: int) -> int:
        played = self.play(accesses=[Access.read_at(address)])
        _check(played)
        return played.read[0]

    def write(self, address: int, value: int) -> None:
        _check(self.play(accesses=[Access.write_at(address, value)]))

    def write_many(self, address: int, values: Any) -> None:
        accesses = [Access.write_at(address, value) for value in values.tolist()]
        _check(self.play(accesses=accesses))


def _longest(pace: Pace) -> int:
    """The most clocks in a row that *pace* sits out."""
    return max(map(len, pace.split(b"\0")))


def _check(played: Played) -> None:
    if played.refused:
        raise NicError("The NIC refuses the access", place=f"{played.refused[0].address:#05x}")


def _way(frames: Sequence[tuple[bytes, bool]], sends: Pace, takes: Pace, *, shims: bool) -> _Way:
    parts = [part for data, bad in frames for part in (_LENGTH.pack(len(data) | bad * _BAD), data)]
    data = b"".join(parts)
    room = len(data) + shims * SHIM.size * len(frames) + 2 * _LENGTH.size
    way = _Way(sent=data, sent_size=len(data), got_size=room)
    way.buffer = ctypes.create_string_buffer(room)
    way.got = ctypes.cast(way.buffer, ctypes.c_char_p)
    way.sends, way.takes = _Pace(sends, len(sends)), _Pace(takes, len(takes))
    return way


def _frames(way: _Way) -> list[bytes]:
    data = way.buffer.raw[: way.got_size]
    frames, at = [], 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + length
        frames.append(data[at - length : at])
    return frames
