"""Lattice ECP5-5G Versa Development Board: an LFE5UM5G-45F-8 and two Marvell 88E1512.

Pins are those of ``amaranth_boards.versa_ecp5_5g``.  Both PHYs come up from their straps as RGMII
to copper and negotiate by themselves, so MDIO is left alone.  They shift both clocks themselves
(88E1512, register 21 of page 2), so the pads add nothing: LiteEth runs on this board without delays
(LiteX-Boards, ``litex_boards/targets/lattice_versa_ecp5.py``).
"""

from amaranth.build import Attrs, PinsN, Resource
from amaranth_boards.versa_ecp5_5g import VersaECP55GPlatform

from hybridmesh.contract.geometry import Geometry

from .top import BoardPlatform, rgmii

__all__ = ["VersaEcp55g"]

_USED = (("clk100", 0), *(("led", number) for number in range(3)))


class VersaEcp55g(BoardPlatform, VersaECP55GPlatform):
    """Both are ports of the board's Amaranth platform, without what the NIC does not use."""

    name = "versa_ecp5_5g"
    doc = "Lattice ECP5-5G Versa Development Board (LFE5UM5G-45F-VERSA-EVN)"
    geometry = Geometry(width=1, rows=256, hosts=32, predicates=16, max_frame=1984)
    rx_delay = tx_clock_delay = 0
    program = ("openFPGALoader", "--cable", "ft2232")
    default_rst = None
    connectors = ()
    resources = (
        *(r for r in VersaECP55GPlatform.resources if (r.name, r.number) in _USED),
        *(rgmii(VersaECP55GPlatform, number) for number in range(2)),
        Resource("phy_rst", 0, PinsN("U17 F20", dir="o"), Attrs(IO_TYPE="LVCMOS25")),
    )
