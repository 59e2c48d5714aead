"""The control side as the host sees it: AXI4-Lite bridge, registers, table, counters."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import register
from hybridmesh.rtl.control.axi import AxiLite, AxiLiteBridge
from hybridmesh.rtl.control.control import Control
from hybridmesh.rtl.control.counters import Events
from hybridmesh.rtl.control.registers import register_port
from hybridmesh.rtl.frame.cursor import FrameContext
from hybridmesh.rtl.frame.payload import ListenPorts
from hybridmesh.rtl.layout import TableRead, TableWrite

from ..lib.design import Design

__all__ = ["DESIGNS"]

GEOMETRY = Geometry(width=4, rows=128, hosts=32, max_frame=1024)


class ControlSide(wiring.Component):
    """Control behind its bridge."""

    axi: In(AxiLite)
    table: Out(TableWrite)
    ask: Out(TableRead)
    context: Out(FrameContext)
    ports: Out(ListenPorts)
    events: In(Events)
    started: In(1)
    judged: In(1)
    flow_hash: Out(register_port(register("flow_hash")))
    flow_syn: Out(register_port(register("flow_syn")))
    telling: In(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bridge = bridge = AxiLiteBridge()
        m.submodules.control = control = Control(GEOMETRY, 16)
        wiring.connect(m, wiring.flipped(self.axi), bridge.axi)
        wiring.connect(m, bridge.bus, control.bus)
        wiring.connect(m, control.table, wiring.flipped(self.table))
        wiring.connect(m, control.ask, wiring.flipped(self.ask))
        for name in ("flow_hash", "flow_syn"):
            wiring.connect(m, getattr(control, name), wiring.flipped(getattr(self, name)))
        m.d.comb += [
            self.context.eq(control.context),
            self.ports.eq(control.ports),
            control.events.eq(self.events),
            control.started.eq(self.started),
            control.judged.eq(self.judged),
            control.telling.eq(self.telling),
        ]
        return m


DESIGNS = (Design("axi", ControlSide, GEOMETRY),)
