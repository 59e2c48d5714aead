"""RGMII: the pins between MAC and PHY (Reduced Gigabit Media Independent Interface, version 2.0).

A nibble and half of the control after each edge of a clock that goes with them; nothing is decided
here.  Who shifts the clocks by a quarter, PHY, traces or these pins, is the board's affair.
"""

from amaranth.hdl import DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .ddr import DdrInput, DdrOutput
from .gmii import Symbol
from .pace import Sent

__all__ = ["RgmiiPins"]


class RgmiiPins(wiring.Component):
    """Pins to symbols, symbols to pins.

    =========  ===========================================================  ==================
    stage      what happens                                                 latency
    =========  ===========================================================  ==================
    gmii_rx    both halves of a clock as one symbol                         1 of ``rx``
    tx pins    halves of a symbol, one after the other                      1 of ``tx``
    =========  ===========================================================  ==================

    Parameters
    ----------
    rx_delay, tx_clock_delay : int
        Picoseconds by which received signals, and the transmit clock, are made late at the pins.

    Members
    -------
    rx_data, rx_ctl : in
        Pins; their clock is that of the domain ``rx``.
    tx_clk, tx_data, tx_ctl : out
        Pins, in the domain ``tx``.
    gmii_rx, gmii_tx
        Those of :class:`~hybridmesh.rtl.ethernet.mac.EthernetMac`.
    """

    def __init__(self, *, rx_delay: int = 0, tx_clock_delay: int = 0) -> None:
        self._rx_delay = rx_delay
        self._tx_clock_delay = tx_clock_delay
        super().__init__(
            {
                "rx_data": In(4),
                "rx_ctl": In(1),
                "tx_clk": Out(1),
                "tx_data": Out(4),
                "tx_ctl": Out(1),
                "gmii_rx": Out(Symbol),
                "gmii_tx": In(Sent),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        received, sent = self.gmii_rx, self.gmii_tx
        in_rx, in_tx = DomainRenamer("rx"), DomainRenamer("tx")
        m.submodules.rx_data = rx_data = in_rx(DdrInput(4, self._rx_delay))
        m.submodules.rx_ctl = rx_ctl = in_rx(DdrInput(1, self._rx_delay))
        m.submodules.tx_data = tx_data = in_tx(DdrOutput(4))
        m.submodules.tx_ctl = tx_ctl = in_tx(DdrOutput(1))
        m.submodules.tx_clk = tx_clk = in_tx(DdrOutput(1, self._tx_clock_delay))
        m.d.comb += [
            rx_data.pins.eq(self.rx_data),
            rx_ctl.pins.eq(self.rx_ctl),
            received.data[:4].eq(rx_data.o_first),
            received.data[4:].eq(rx_data.o_second),
            received.dv.eq(rx_ctl.o_first),
            received.er.eq(rx_ctl.o_first ^ rx_ctl.o_second),
            tx_data.i_first.eq(sent.data[:4]),
            tx_data.i_second.eq(sent.data[4:]),
            tx_ctl.i_first.eq(sent.dv),
            tx_ctl.i_second.eq(sent.dv),
            tx_clk.i_first.eq(sent.clock[0]),
            tx_clk.i_second.eq(sent.clock[1]),
            self.tx_data.eq(tx_data.pins),
            self.tx_ctl.eq(tx_ctl.pins),
            self.tx_clk.eq(tx_clk.pins),
        ]
        return m
