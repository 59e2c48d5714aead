"""The Ethernet MAC at its RGMII pins, with a model of the registers in the pads."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.rtl.ethernet.gmii import Speed
from hybridmesh.rtl.ethernet.mac import EthernetMac, MacEvents
from hybridmesh.rtl.ethernet.rgmii import RgmiiPins
from hybridmesh.rtl.stream import packets

from ..lib.design import Design

__all__ = ["DESIGNS"]


class MacAtPins(wiring.Component):
    """The two as a board joins them."""

    def __init__(self) -> None:
        super().__init__(
            {
                "rgmii_rx_data": In(4),
                "rgmii_rx_ctl": In(1),
                "rgmii_tx_clk": Out(1),
                "rgmii_tx_data": Out(4),
                "rgmii_tx_ctl": Out(1),
                "speed": In(Speed),
                "rx": Out(packets(1)),
                "tx": In(packets(1)),
                "events": Out(MacEvents),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.mac = mac = EthernetMac(longest=1514)
        m.submodules.pins = pins = RgmiiPins()
        wiring.connect(m, mac.rx, wiring.flipped(self.rx))
        wiring.connect(m, mac.tx, wiring.flipped(self.tx))
        m.d.comb += [
            mac.speed.eq(self.speed),
            mac.gmii_rx.eq(pins.gmii_rx),
            pins.gmii_tx.eq(mac.gmii_tx),
            pins.rx_data.eq(self.rgmii_rx_data),
            pins.rx_ctl.eq(self.rgmii_rx_ctl),
            self.rgmii_tx_clk.eq(pins.tx_clk),
            self.rgmii_tx_data.eq(pins.tx_data),
            self.rgmii_tx_ctl.eq(pins.tx_ctl),
            self.events.eq(mac.events),
        ]
        return m


DESIGNS = (Design("mac", MacAtPins),)
"""Its geometry is of no account."""
