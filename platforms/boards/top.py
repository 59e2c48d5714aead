"""What all boards have in common: the NIC between two RGMII ports, its clocks, its lights."""

from typing import ClassVar

from amaranth.build import Attrs, Resource, Subsignal
from amaranth.build.res import PortGroup
from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Elaboratable, Module
from amaranth.lib import io
from amaranth.vendor import LatticeECP5Platform

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import PORTS
from hybridmesh.rtl.board.board import Board
from hybridmesh.rtl.board.lights import LIGHTS
from hybridmesh.rtl.ethernet.rgmii import RgmiiPins

from ..ecp5 import TableMemories
from ..ecp5.ddr import DdrPins
from .startup import Startup

__all__ = ["LINE_HZ", "BoardPlatform", "Top", "rgmii"]

LINE_HZ = 125e6
"""Of the clocks that go with data, at 1000 Mb/s."""


class BoardPlatform(DdrPins, TableMemories):
    """Mixin for an Amaranth platform of an ECP5: what a board's file says of the board.

    Its resources are those that the NIC uses and no others: the clock, ``eth_rgmii`` 0 for the wire
    and 1 for the host, ``phy_rst``, and ``led`` as far as there are, up to three.

    Attributes
    ----------
    name : str
        As the command line has it.
    doc : str
        What to ask for in a shop.
    geometry : Geometry
        The sizes it is built with where nobody says others.
    rx_delay, tx_clock_delay : int
        As :class:`~hybridmesh.rtl.ethernet.rgmii.RgmiiPins` has them.
    program : tuple of str
        The command that loads a bitstream, which follows.
    """

    name: ClassVar[str]
    doc: ClassVar[str]
    geometry: ClassVar[Geometry]
    rx_delay: ClassVar[int]
    tx_clock_delay: ClassVar[int]
    program: ClassVar[tuple[str, ...]]


def rgmii(platform: type[LatticeECP5Platform], number: int) -> Resource:
    """``eth_rgmii`` *number* of another *platform*, without what the PHYs may share, and with one
    name for each signal: ``rx_clk``, ``rx_ctl``, ``rx_data``, and the same of ``tx``."""
    for resource in platform.resources:
        if (resource.name, resource.number) == ("eth_rgmii", number):
            signals = [
                Subsignal(signal.name.replace("ctrl", "ctl"), *signal.ios)
                for signal in resource.ios
                if signal.name not in ("rst", "mdc", "mdio")
            ]
            return Resource("eth_rgmii", number, *signals, Attrs(**resource.attrs))
    raise LookupError(f"{platform.__name__} has no eth_rgmii {number}")


class Top(Elaboratable):
    """The board as it is built.

    Parameters
    ----------
    geometry : Geometry
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry

    def elaborate(self, platform: BoardPlatform) -> Module:
        m = Module()
        m.submodules.board = board = Board(self._geometry)
        m.submodules.startup = startup = Startup(round(platform.default_clk_frequency / 1e6))
        m.submodules.clk = clk = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.submodules.phy_rst = rst = io.Buffer("o", platform.request("phy_rst", dir="-"))
        m.d.comb += [startup.clk.eq(clk.i), rst.o.eq(startup.phy_rst.replicate(len(rst.o)))]

        m.domains.sync = ClockDomain(reset_less=True)
        m.domains.tx = ClockDomain(reset_less=True)
        m.d.comb += [
            ClockSignal("sync").eq(startup.sync_clk),
            ClockSignal("tx").eq(startup.sync_clk),
        ]
        for number, port in enumerate(PORTS):
            pads = platform.request("eth_rgmii", number, dir="-")
            platform.add_clock_constraint(pads.rx_clk.io, LINE_HZ)
            self._connect(m, platform, port, pads, board, startup)
        for number, name in enumerate(LIGHTS):
            if ("led", number) in platform.resources:
                led = io.Buffer("o", platform.request("led", number, dir="-"))
                m.submodules[f"led_{name}"] = led
                m.d.comb += led.o.eq(board.lights[name])
        return m

    def _connect(
        self,
        m: Module,
        platform: BoardPlatform,
        port: str,
        pads: PortGroup,
        board: Board,
        startup: Startup,
    ) -> None:
        """Pads of *port* to its symbols and its clock."""
        domain = f"{port}_rx"
        m.domains += ClockDomain(domain, reset_less=True)
        pins = RgmiiPins(rx_delay=platform.rx_delay, tx_clock_delay=platform.tx_clock_delay)
        m.submodules[f"{port}_pins"] = DomainRenamer({"rx": domain})(pins)
        for name in ("rx_clk", "rx_data", "rx_ctl", "tx_clk", "tx_data", "tx_ctl"):
            way = "i" if name.startswith("rx") else "o"
            m.submodules[f"{port}_{name}"] = buffer = io.Buffer(way, getattr(pads, name))
            if name == "rx_clk":
                m.d.comb += getattr(startup, domain).eq(buffer.i)
            elif way == "i":
                m.d.comb += getattr(pins, name).eq(buffer.i)
            else:
                m.d.comb += buffer.o.eq(getattr(pins, name))
        gmii = getattr(board, port)
        m.d.comb += [
            ClockSignal(domain).eq(getattr(startup, f"{domain}_clk")),
            gmii.received.eq(pins.gmii_rx),
            pins.gmii_tx.eq(gmii.sent),
        ]
