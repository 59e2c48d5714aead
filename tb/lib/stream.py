"""Drivers and monitors of ready/valid streams, be they Amaranth's or AXI4-Stream.

A port hides the names: it offers and reads a payload as one number.  Sources and sinks follow a
pause; the sink's monitor checks the rule that a payload on offer stays until it is taken.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import cocotb
from cocotb.triggers import ClockCycles, Event, RisingEdge

__all__ = ["AmaranthPort", "AxiPort", "Port", "Sink", "Source"]

PATIENCE, CHECK = 5_000, 20
"""Clocks without a transfer after which a stream counts as stuck; clocks between two looks at it.
"""


class Port(Protocol):
    """A stream's signals and the size of its payload in bits.

    ``ready`` is None where it is always ready.
    """

    valid: Any
    ready: Any
    bits: int

    def offer(self, payload: int) -> None: ...

    def payload(self) -> int: ...


class AmaranthPort:
    """The stream *name* of a design that Amaranth exported: one packed payload."""

    def __init__(self, dut: Any, name: str) -> None:
        self.valid = getattr(dut, f"{name}__valid")
        self.ready = getattr(dut, f"{name}__ready", None)
        self._payload = getattr(dut, f"{name}__payload")
        self.bits = len(self._payload)

    def offer(self, payload: int) -> None:
        self._payload.value = payload

    def payload(self) -> int:
        return int(self._payload.value)


class AxiPort:
    """An AXI4-Stream; its payload is packed as in ``packet_beat``: data, keep, last, error."""

    def __init__(self, dut: Any, prefix: str) -> None:
        self.valid = getattr(dut, f"{prefix}_tvalid")
        self.ready = getattr(dut, f"{prefix}_tready")
        self._data = getattr(dut, f"{prefix}_tdata")
        self._keep = getattr(dut, f"{prefix}_tkeep")
        self._last = getattr(dut, f"{prefix}_tlast")
        self._user = getattr(dut, f"{prefix}_tuser")
        self._width = len(self._keep)
        self.bits = 9 * self._width + 2

    def offer(self, payload: int) -> None:
        width = self._width
        self._data.value = payload & (1 << 8 * width) - 1
        self._keep.value = payload >> 8 * width & (1 << width) - 1
        self._last.value = payload >> 9 * width & 1
        self._user.value = payload >> 9 * width + 1

    def payload(self) -> int:
        width = self._width
        upper = int(self._keep.value) | int(self._last.value) << width
        upper |= int(self._user.value) << width + 1
        return int(self._data.value) | upper << 8 * width


class Source:
    """Offers payloads, one after the other, but in the clocks that *pause* sits out.

    While it offers none it shows the complement of the last one, which nobody may look at.

    Attributes
    ----------
    taken, stalls : int
        Payloads taken so far; clocks in which one was on offer and not taken.
    """

    def __init__(self, clk: Any, port: Port, pause: Iterator[bool]) -> None:
        self._clk = clk
        self._port = port
        self._pause = pause
        self._queue: deque[int | None] = deque()
        self._left = 0
        self._more = Event()
        self.taken = 0
        self.stalls = 0
        port.valid.value = 0
        port.offer(0)
        cocotb.start_soon(self._run())

    def send(self, payloads: Iterable[int | None]) -> None:
        """Queue *payloads*; None is a clock without an offer."""
        for payload in payloads:
            self._queue.append(payload)
            self._left += 1
        self._more.set()

    async def drained(self) -> None:
        """Wait until all payloads have been taken."""
        await _wait(self._clk, lambda: not self._left, lambda: self._left)

    async def _run(self) -> None:
        port, edge = self._port, RisingEdge(self._clk)
        idle = complement = (1 << port.bits) - 1
        while True:
            if not self._queue:
                port.offer(idle)
                self._more.clear()
                await self._more.wait()
                await edge
            while next(self._pause):
                port.offer(idle)
                await edge
            payload = self._queue.popleft()
            if payload is None:
                port.offer(idle)
                self._left -= 1
                await edge
                continue
            idle = payload ^ complement
            port.offer(payload)
            port.valid.value = 1
            await edge
            while port.ready is not None and not port.ready.value:
                self.stalls += 1
                await edge
            self.taken += 1
            self._left -= 1
            port.valid.value = 0


class Sink:
    """Takes payloads, but in the clocks that *pause* sits out.

    Attributes
    ----------
    taken : list of int
        All payloads so far.
    """

    def __init__(self, clk: Any, port: Port, pause: Iterator[bool]) -> None:
        self._clk = clk
        self._port = port
        self._pause = pause
        self.taken: list[int] = []
        if port.ready is not None:
            port.ready.value = 0
        cocotb.start_soon(self._run())

    async def until(self, count: int) -> list[int]:
        """Wait until *count* payloads have been taken in all."""
        await _wait(self._clk, lambda: len(self.taken) >= count, lambda: len(self.taken))
        return self.taken

    async def _run(self) -> None:
        port, edge = self._port, RisingEdge(self._clk)
        refused = None
        while True:
            ready = not next(self._pause)
            if port.ready is None:
                ready = True
            else:
                port.ready.value = int(ready)
            await edge
            if not port.valid.value:
                assert refused is None, "an offer was taken back"
                continue
            payload = port.payload()
            assert refused in (None, payload), "an offer changed before it was taken"
            refused = None if ready else payload
            if ready:
                self.taken.append(payload)


async def _wait(clk: Any, done: Callable[[], bool], progress: Callable[[], int]) -> None:
    """Wait until *done*; raise :exc:`AssertionError` where *progress* stands still."""
    before, still = progress(), 0
    while not done():
        await ClockCycles(clk, CHECK)
        still = still + CHECK if progress() == before else 0
        before = progress()
        assert still < PATIENCE, f"nothing moved for {still} clocks"
