"""Colorlight 5A-75B, revision 7.0: an LFE5U-25F-6 and two Broadcom B50612D, a receiver card for LED
walls that is sold for little.

Pins are those of ``amaranth_boards.colorlight_5a75b_r7_0``, found by chubby75
(https://github.com/q3k/chubby75, ``5a-75b/hardware_V7.0.md``).  The PHYs share reset, MDC and MDIO,
and the oscillator of 25 MHz with the FPGA, so their reset does not stop it.  They come up as RGMII
and negotiate by themselves, so MDIO is left alone.  They shift the transmit clock themselves; what
they send is made late by 2 ns in the pads, about what its clock takes to the registers there.
LiteEth runs on this board with these delays (LiteX-Boards,
``litex_boards/targets/colorlight_5a_75x.py``).
"""

from amaranth.build import Attrs, PinsN, Resource
from amaranth_boards.colorlight_5a75b_r7_0 import Colorlight_5A75B_R70Platform

from hybridmesh.contract.geometry import Geometry

from .top import BoardPlatform, rgmii

__all__ = ["Colorlight5a75b"]

_USED = (("clk25", 0), ("led", 0))


class Colorlight5a75b(BoardPlatform, Colorlight_5A75B_R70Platform):
    """Both are ports of the board's Amaranth platform, without what the NIC does not use."""

    name = "colorlight_5a75b"
    doc = "Colorlight 5A-75B, revision 7.0"
    geometry = Geometry(width=1, rows=64, hosts=16, predicates=16, max_frame=1984)
    rx_delay = 2000
    tx_clock_delay = 0
    program = ("openFPGALoader", "--board", "colorlight", "--cable", "ft232")
    connectors = ()
    resources = (
        *(r for r in Colorlight_5A75B_R70Platform.resources if (r.name, r.number) in _USED),
        *(rgmii(Colorlight_5A75B_R70Platform, number) for number in range(2)),
        Resource("phy_rst", 0, PinsN("P5", dir="o"), Attrs(IO_TYPE="LVCMOS33")),
    )
