"""The board as Verilog for simulation: at the octets that its PHYs have, with one clock for all."""

from amaranth.back import verilog
from amaranth.hdl import ClockDomain, DomainRenamer, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import PORTS

from ..ethernet.gmii import Symbol
from .board import Board
from .lights import Shown

__all__ = ["TOP", "HybridMeshBoard", "to_verilog"]

TOP = "hybridmesh_board"
"""Name of the exported module."""

_DOMAINS = ("tx", "wire_rx", "host_rx")


class HybridMeshBoard(wiring.Component):
    """Board with one port for each signal, and all of its clocks the same.

    An octet passes in each clock and direction, as at 1000 Mb/s.

    Members
    -------
    wire_rx_*, host_rx_* : data, dv, er
        What a PHY gives; between frames ``data`` has the state of the link.
    wire_tx_*, host_tx_* : data, dv
        What it gets; registered.
    lights
    clk, rst
        The reset, high and synchronous, counts from the clock on after it.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._board = Board(geometry)
        ports = {"lights": Out(Shown)}
        for port in PORTS:
            ports |= {f"{port}_rx_{name}": In(shape) for name, shape in Symbol.members.items()}
            ports |= {f"{port}_tx_data": Out(8), f"{port}_tx_dv": Out(1)}
        super().__init__({"clk": In(1), "rst": In(1), **ports})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain()
        reset = Signal(init=1, reset_less=True)
        m.d.sync += reset.eq(self.rst)
        m.d.comb += [domain.clk.eq(self.clk), domain.rst.eq(reset)]
        board = self._board
        m.submodules.board = DomainRenamer(dict.fromkeys(_DOMAINS, "sync"))(board)
        for port in PORTS:
            gmii = getattr(board, port)
            m.d.comb += [
                *(
                    gmii.received[name].eq(getattr(self, f"{port}_rx_{name}"))
                    for name in Symbol.members
                ),
                getattr(self, f"{port}_tx_data").eq(gmii.sent.data),
                getattr(self, f"{port}_tx_dv").eq(gmii.sent.dv),
            ]
        m.d.comb += self.lights.eq(board.lights)
        return m


def to_verilog(geometry: Geometry) -> str:
    """The board of *geometry* as Verilog, module :data:`TOP`, clock ``clk``, reset ``rst``.

    The same geometry and sources give the same text.
    """
    board = HybridMeshBoard(geometry)
    return verilog.convert(board, name=TOP, emit_src=False, strip_internal_attrs=True)
