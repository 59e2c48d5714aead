"""What drives and reads the MAC's GMII pins."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hybridmesh.reference.ethernet import Symbol
from hybridmesh.rtl.ethernet.gmii import Speed
from hybridmesh.rtl.ethernet.gmii import Symbol as SymbolLayout
from hybridmesh.rtl.ethernet.pace import Sent
from tb.ethernet_mac.clocks import CLOCKS
from tb.lib.packed import pack

__all__ = ["Carrier", "PhyReceive", "PhyTransmit"]


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
    """

    def __init__(self, dut: Any, speed: Speed) -> None:
        self._dut = dut
        self._nibbles = speed is not Speed.M1000
        self._clocks = CLOCKS[speed]
        self.carriers: list[Carrier] = []
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        edge, pins = RisingEdge(self._dut.tx_clk), self._dut.gmii_tx
        step = 2 if self._nibbles else 1  # clocks of the pins to an octet
        carrier, gap, level, lower, since = None, 0, 0, None, None
        while True:
            await edge
            value = int(pins.value)
            halves = value >> 9
            rises = not level and halves & 1
            level = halves >> 1
            since = since and since + 1
            if not rises:
                continue
            if gap > 2 * step:  # behind the reset
                assert since in (None, 1 + self._clocks), "the pins' clock is off"
            since = 1
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


assert [name for name, _ in Sent] == ["data", "dv", "clock"], "as PhyTransmit takes it apart"
