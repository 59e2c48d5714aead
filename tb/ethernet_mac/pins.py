"""The MAC's surroundings: three clocks that are a little off, what drives and reads its GMII pins,
and what counts its events."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.reference.ethernet import Symbol
from hybridmesh.rtl.ethernet.gmii import Speed
from hybridmesh.rtl.ethernet.gmii import Symbol as SymbolLayout
from hybridmesh.rtl.ethernet.mac import MacEvents
from hybridmesh.rtl.ethernet.pace import CLOCKS, Sent
from tb.lib.packed import pack, unpack

__all__ = ["Carrier", "Counts", "PhyReceive", "PhyTransmit", "clocks", "wait"]

PERIOD = 20_000
"""Picoseconds of each clock: of a length that 100 parts in a million change by whole steps."""

PATIENCE = 40_000
"""Clocks without progress after which something is stuck: four smallest frames at 10 Mb/s."""


async def clocks(dut: Any, offsets: tuple[int, int, int], speed: Speed) -> Clock:
    """Run the clocks of receiver, core and transmitter, faster than nominal by *offsets* parts in a
    million, reset, and return that of the receiver."""
    running = []
    pins = ((dut.rx_clk, dut.rx_rst), (dut.clk, dut.rst), (dut.tx_clk, dut.tx_rst))
    slower = dict(CLOCKS).get(speed, 1), 1, 1
    for (clk, rst), factor, faster in zip(pins, slower, offsets, strict=True):
        rst.value = 1
        period = factor * (PERIOD - PERIOD * faster // 1_000_000)
        running.append(Clock(clk, period, unit="ps"))
        running[-1].start()
    await ClockCycles(dut.rx_clk, 8)
    for rst in (dut.rx_rst, dut.rst, dut.tx_rst):
        rst.value = 0
    await ClockCycles(dut.rx_clk, 8)
    return running[0]


async def wait(dut: Any, done: Callable[[], bool], progress: Callable[[], object]) -> None:
    """Wait until *done*; raise :exc:`AssertionError` where *progress* stays the same."""
    before, still = progress(), 0
    while not done():
        await ClockCycles(dut.clk, 50)
        still = still + 50 if progress() == before else 0
        before = progress()
        assert still < PATIENCE, f"nothing moved for {still} clocks, at {before}"


class PhyReceive:
    """Gives the MAC symbols; between frames, the link's *status*."""

    def __init__(self, dut: Any, status: int) -> None:
        self._dut = dut
        self._symbols: deque[int] = deque()
        self._idle = pack(SymbolLayout, data=status | status << 4)
        dut.gmii_rx.value = self._idle
        cocotb.start_soon(self._run())

    @property
    def left(self) -> int:
        return len(self._symbols)

    def give(self, symbols: Iterable[Symbol]) -> None:
        self._symbols.extend(
            pack(SymbolLayout, data=data, dv=dv, er=er) if dv or er else self._idle
            for data, dv, er in symbols
        )

    async def _run(self) -> None:
        edge, pins, symbols = RisingEdge(self._dut.rx_clk), self._dut.gmii_rx, self._symbols
        before = self._idle
        while True:
            await edge
            symbol = symbols.popleft() if symbols else self._idle
            if symbol != before:
                pins.value = before = symbol


class Carrier:
    """What the MAC sent without a pause, and the octet times between it and what came before."""

    def __init__(self, gap: int) -> None:
        self.gap = gap
        self.octets = bytearray()


class PhyTransmit:
    """Reads what the MAC sends as a PHY does, by the clock on the pins.

    Attributes
    ----------
    carriers : list of Carrier
        Those that have ended.
    edges : int
        Rising edges of the pins' clock.
    """

    def __init__(self, dut: Any, *, nibbles: bool) -> None:
        self._dut = dut
        self._nibbles = nibbles
        self.carriers: list[Carrier] = []
        self.edges = 0
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        edge, pins = RisingEdge(self._dut.tx_clk), self._dut.gmii_tx
        step = 2 if self._nibbles else 1  # clocks of the pins to an octet
        carrier, gap, level, lower = None, 0, 0, None
        while True:
            await edge
            value = int(pins.value)
            halves = value >> 9
            rises = not level and halves & 1
            level = halves >> 1
            assert level or not halves & 2
            if not rises:
                continue
            self.edges += 1
            if not value & 1 << 8:
                if carrier is not None:
                    assert lower is None, "half an octet"
                    self.carriers.append(carrier)
                    carrier, gap = None, 0
                gap += 1
                continue
            if carrier is None:
                carrier = Carrier(gap // step)
            octet = value & 0xFF
            if self._nibbles:
                assert octet % 16 == octet >> 4, "the halves of a clock differ"
                if lower is None:
                    lower = octet % 16
                    continue
                octet, lower = lower | octet & 0xF0, None
            carrier.octets.append(octet)


class Counts(dict[str, int]):
    """How often each event has happened."""

    def __init__(self, dut: Any) -> None:
        super().__init__(dict.fromkeys(MacEvents.members, 0))
        cocotb.start_soon(self._run(RisingEdge(dut.clk), dut.events, dut.rst))

    def none(self) -> dict[str, int]:
        """What they were when nothing had happened."""
        return dict.fromkeys(self, 0)

    async def _run(self, edge: RisingEdge, events: Any, rst: Any) -> None:
        while True:
            await edge
            if (value := int(events.value)) and not rst.value:
                for name, happened in unpack(MacEvents, value).items():
                    self[name] += happened


assert [name for name, _ in Sent] == ["data", "dv", "clock"], "as PhyTransmit takes it apart"
