"""A NIC's registers in software, and an interface to them that loses, repeats and reorders frames.

Time is a number: nothing here sleeps.
"""

import heapq
import random
import zlib
from collections.abc import Callable

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.inband import is_control
from hybridmesh.contract.registers import BOARD_REGISTERS, REGISTERS, Access, register
from hybridmesh.reference.inband import Endpoint

__all__ = ["NicRegisters", "VirtualLink", "endpoint"]

BYTE = 8e-9
"""Seconds of a byte at 1 Gb/s."""

GAP = 24
"""Bytes that a frame takes beyond its own: FCS, preamble, the gap behind it."""


class NicRegisters:
    """The registers of a NIC of *geometry*, or of a board; a word that is read back is refused once
    before.

    ``written`` has all words written to ``table_data``, in order.
    """

    def __init__(self, geometry: Geometry, *, board: bool = False) -> None:
        self.geometry = geometry
        self.written: list[int] = []
        self.spoil: Callable[[int], int] = lambda word: word
        registers = REGISTERS + BOARD_REGISTERS if board else REGISTERS
        self._names = {r.address: r for r in registers}
        self._sizes = {space.number: space.words for space in geometry.spaces}
        self._words = {"id": 0x48594D53, "version": 2, "frames_in": 5}
        # The wire's link: up, 100 Mb/s, full duplex.
        self._words |= {"links": 0b1011, "host_rx_frames": 6, "control_missed": 7}
        for name in ("geometry_a", "geometry_b", "geometry_c"):
            self._words[name] = sum(b.put(getattr(geometry, b.name)) for b in register(name).bits)
        self._banks: list[dict[int, int]] = [{}, {}]
        self._sum, self._sums = 0, [0, 0]
        self._there = False

    def read(self, address: int) -> int | None:
        entry = self._names.get(address)
        if entry is None or entry.access is Access.WRITE:
            return None
        if entry.name == "spare_checksum":
            return self._sum
        if entry.name != "read_data":
            return self._words.get(entry.name, 0)
        self._there = not self._there
        at = self._words["read_address"]
        if self._there or not self._has(at):
            return None
        self._words["read_address"] += 1
        return self._banks[0].get(at, 0)

    def write(self, address: int, word: int) -> bool:
        entry = self._names.get(address)
        if entry is None or entry.access is Access.READ:
            return False
        if entry.name == "table_begin":
            self._sum = 0
        if entry.name in ("table_address", "table_data"):
            self._sum = zlib.crc32(word.to_bytes(4, "little"), self._sum)
        if entry.name == "table_data":
            at = self._words["table_address"]
            if not self._has(at):
                return False
            self.written.append(word)
            self._banks[1][at] = self.spoil(word)
            self._words["table_address"] += 1
        elif entry.name == "table_commit":
            self._words["status"] = word
            self._banks = [self._banks[1], {}]
        else:
            self._words[entry.name] = word
        return True

    def _has(self, at: int) -> bool:
        return (at & 0xFFFFFF) < self._sizes.get(at >> 24, 0)


def endpoint(geometry: Geometry, *, board: bool = False) -> Endpoint:
    """The golden model in front of the registers of a NIC of *geometry*, or of a board."""
    return Endpoint(NicRegisters(geometry, board=board), iter(range(7, 2**32, 0x01234567)).__next__)


class VirtualLink:
    """An interface, and *nic* at its other end.

    Parameters
    ----------
    loss, repeat, late : float
        Shares of the frames, in either direction, that are lost; that come once more; that come
        up to 20 ms late, behind others.
    trip : float
        Seconds from the host's driver to the NIC and back, but for the bytes' own time.
    """

    def __init__(
        self,
        nic: Endpoint,
        seed: int = 0,
        *,
        loss: float = 0,
        repeat: float = 0,
        late: float = 0,
        trip: float = 200e-6,
    ) -> None:
        self.nic, self.trip = nic, trip
        self.frames = 0
        self.sent: list[bytes] = []
        self._shares = loss, repeat, late
        self._rng = random.Random(seed)
        self._time = 0.0
        self._flying: list[tuple[float, int, bool, bytes]] = []

    def now(self) -> float:
        return self._time

    def send(self, frame: bytes) -> None:
        assert is_control(frame)
        self.frames += 1
        self.sent.append(frame)
        self._fly(self._time, True, frame)

    def receive(self, until: float) -> bytes | None:
        while self._flying and self._flying[0][0] <= until:
            self._time, _, down, frame = heapq.heappop(self._flying)
            if not down:
                return frame
            if (answer := self.nic.receive(frame)) is not None:
                self._fly(self._time, False, answer)
        self._time = max(self._time, until)
        return None

    def _fly(self, time: float, down: bool, frame: bytes) -> None:
        loss, repeat, late = self._shares
        rng = self._rng
        time += self.trip / 2 + BYTE * (len(frame) + GAP)
        for _ in range(1 + (rng.random() < repeat)):
            if rng.random() >= loss:
                behind = rng.random() * 0.02 if rng.random() < late else 0
                heapq.heappush(self._flying, (time + behind, rng.getrandbits(32), down, frame))
