"""A board at the RGMII pins of both ports, with a model of the registers in the pads."""

from amaranth.hdl import ClockDomain, DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import PORTS
from hybridmesh.rtl.board.board import Board
from hybridmesh.rtl.ethernet.rgmii import RgmiiPins

from ..lib.design import Design

__all__ = ["DESIGNS", "GEOMETRY"]

_DOMAINS = {"sync": "", "tx": "tx_", "wire_rx": "wire_rx_", "host_rx": "host_rx_"}
"""And what the names of their pins begin with."""

_RECEIVED = {"rx_data": 4, "rx_ctl": 1}
_SENT = {"tx_clk": 1, "tx_data": 4, "tx_ctl": 1}


class BoardAtPins(wiring.Component):
    """The two as a platform joins them."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        ports = {f"{prefix}{pin}": In(1) for prefix in _DOMAINS.values() for pin in ("clk", "rst")}
        for port in PORTS:
            ports |= {f"{port}_rgmii_{pin}": In(bits) for pin, bits in _RECEIVED.items()}
            ports |= {f"{port}_rgmii_{pin}": Out(bits) for pin, bits in _SENT.items()}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # By name: those that nobody makes come in another order each time, and builds are kept.
        for name, prefix in _DOMAINS.items():
            domain = ClockDomain(name)
            m.domains += domain
            m.d.comb += [
                domain.clk.eq(getattr(self, f"{prefix}clk")),
                domain.rst.eq(getattr(self, f"{prefix}rst")),
            ]
        m.submodules.board = board = Board(self._geometry)
        for port in PORTS:
            pins = RgmiiPins()
            m.submodules[f"{port}_pins"] = DomainRenamer({"rx": f"{port}_rx"})(pins)
            gmii = getattr(board, port)
            m.d.comb += [
                gmii.received.eq(pins.gmii_rx),
                pins.gmii_tx.eq(gmii.sent),
                *(getattr(pins, pin).eq(getattr(self, f"{port}_rgmii_{pin}")) for pin in _RECEIVED),
                *(getattr(self, f"{port}_rgmii_{pin}").eq(getattr(pins, pin)) for pin in _SENT),
            ]
        return m


GEOMETRY = Geometry(
    width=1,
    rows=32,
    path_bytes=16,
    host_bytes=16,
    header_bytes=16,
    hosts=16,
    predicates=16,
    flows=64,
    max_frame=1536,
)

DESIGNS = (Design("small", lambda: BoardAtPins(GEOMETRY), GEOMETRY),)
