"""Export of the NIC as Verilog, with the port names of AXI4-Stream and AXI4-Lite."""

from amaranth.back import verilog
from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

from .control.axi import AxiLite, AxiLiteBridge
from .nic import NicCore

__all__ = ["TOP", "HybridMeshNic", "to_verilog"]

TOP = "hybridmesh_nic"
"""Name of the exported module."""

_INTO = {"s_axis_rx": "wire_rx", "s_axis_tx": "host_tx"}
_PAYLOAD = {"tdata": "data", "tkeep": "keep", "tlast": "last", "tuser": "error"}
_OUT_OF = {"m_axis_rx": "host_rx", "m_axis_tx": "wire_tx"}


class HybridMeshNic(wiring.Component):
    """NicCore under the names that the world outside expects, one port for each signal.

    Members
    -------
    s_axis_rx_* : tdata, tkeep, tvalid, tready, tlast, tuser
        From the wire.  TUSER with TLAST marks a bad frame.
    m_axis_rx_*
        To the host.
    s_axis_tx_*
        From the host.
    m_axis_tx_*
        To the wire.
    s_axil_*
        Registers: the members of :data:`~hybridmesh.rtl.control.axi.AxiLite`.
    clk, rst
        The reset, high and synchronous, counts from the clock on after it.  It reaches thousands of
        registers; and a simulator need not work out at every change of an input what they would do.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        ports = {}
        for names, towards, back in ((_INTO, In, Out), (_OUT_OF, Out, In)):
            for prefix in names:
                ports |= {
                    f"{prefix}_tdata": towards(8 * geometry.width),
                    f"{prefix}_tkeep": towards(geometry.width),
                    f"{prefix}_tlast": towards(1),
                    f"{prefix}_tuser": towards(1),
                    f"{prefix}_tvalid": towards(1),
                    f"{prefix}_tready": back(1),
                }
        ports |= {f"s_axil_{name}": member.flip() for name, member in AxiLite.members.items()}
        super().__init__({"clk": In(1), "rst": In(1), **ports})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain()
        reset = Signal(init=1, reset_less=True)
        m.d.sync += reset.eq(self.rst)
        m.d.comb += [domain.clk.eq(self.clk), domain.rst.eq(reset)]
        m.submodules.core = core = NicCore(self._geometry)
        m.submodules.bridge = bridge = AxiLiteBridge()
        wiring.connect(m, bridge.bus, core.bus)

        def pair(outside: str, inside: object, towards: bool) -> None:
            port = getattr(self, outside)
            m.d.comb += inside.eq(port) if towards else port.eq(inside)

        for names, towards in ((_INTO, True), (_OUT_OF, False)):
            for prefix, name in names.items():
                stream = getattr(core, name)
                for port, member in _PAYLOAD.items():
                    pair(f"{prefix}_{port}", stream.payload[member], towards)
                pair(f"{prefix}_tvalid", stream.valid, towards)
                pair(f"{prefix}_tready", stream.ready, not towards)
        for name, member in AxiLite.members.items():
            pair(f"s_axil_{name}", getattr(bridge.axi, name), member.flow is Out)
        return m


def to_verilog(geometry: Geometry) -> str:
    """The NIC of *geometry* as Verilog, module :data:`TOP`, clock ``clk``, reset ``rst``.

    The same geometry and sources give the same text.
    """
    nic = HybridMeshNic(geometry)
    return verilog.convert(nic, name=TOP, emit_src=False, strip_internal_attrs=True)
