"""What any bench of the MAC begins with: three clocks that are a little off, and its events."""

from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.rtl.ethernet.gmii import Speed
from hybridmesh.rtl.ethernet.mac import MacEvents
from tb.lib.packed import unpack

__all__ = ["CLOCKS", "Counts", "clocks", "wait"]

CLOCKS = {Speed.M10: 50, Speed.M100: 5, Speed.M1000: 1}
"""By speed, periods of 125 MHz in one of the pins' clocks."""

PERIOD = 20_000
"""Picoseconds of each clock: of a length that 100 parts in a million change by whole steps."""

PATIENCE = 40_000
"""Clocks without progress after which something is stuck: four smallest frames at 10 Mb/s."""


async def clocks(dut: Any, offsets: tuple[int, int, int], speed: Speed) -> Clock:
    """Run the clocks of receiver, core and transmitter, faster than nominal by *offsets* parts in a
    million, reset, and return that of the receiver."""
    running = []
    pins = ((dut.rx_clk, dut.rx_rst), (dut.clk, dut.rst), (dut.tx_clk, dut.tx_rst))
    slower = CLOCKS[speed], 1, 1
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
