"""The flow guard, and before it what the host tells of connections among the messages of frames.

With few connections, and with as many as need block RAM.
"""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import register
from hybridmesh.rtl.control.registers import register_port
from hybridmesh.rtl.flow.guard import FlowGuard, Message, Place
from hybridmesh.rtl.flow.told import ToldHeads
from hybridmesh.rtl.pipeline import delayed

from ..lib.design import Design

__all__ = ["DESIGNS", "LEAD"]

LEAD = 8
"""Clocks from a message's announcement to the message."""

SIZES = ((1, 16), (8, 16), (8, 1024), (16, 16), (64, 16))

GEOMETRIES = {f"width{width}_{flows}": Geometry(width=width, flows=flows) for width, flows in SIZES}


class GuardedFlows(wiring.Component):
    """The two parts as the NIC has them; a message is announced when it comes, and goes on ``LEAD``
    clocks later.  ``said`` is what the guard is told."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        messages = stream.Signature(Message, always_ready=True)
        super().__init__(
            {
                "i": In(messages),
                **{name: In(register_port(register(name))) for name in ToldHeads.registers},
                "telling": Out(1),
                "said": Out(messages),
                "o": Out(Place),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.guard = guard = FlowGuard(self._geometry)
        m.submodules.told = told = ToldHeads(LEAD, guard.apart)
        wiring.connect(m, told.o, guard.i)
        for name in told.registers:
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(told, name))
        m.d.comb += [
            told.coming.eq(self.i.valid & (self.i.p.opens | self.i.p.payload)),
            told.i.valid.eq(delayed(m, self.i.valid, LEAD)),
            told.i.payload.eq(delayed(m, self.i.p.as_value(), LEAD)),
            self.telling.eq(told.telling),
            self.said.valid.eq(told.o.valid),
            self.said.payload.eq(told.o.payload),
            self.o.eq(guard.o),
        ]
        return m


DESIGNS = tuple(
    Design(name, lambda geometry=geometry: GuardedFlows(geometry), geometry)
    for name, geometry in GEOMETRIES.items()
)
