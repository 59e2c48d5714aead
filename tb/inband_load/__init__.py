"""In-band control in front of the NIC's own registers: a driver's work, frame by frame."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.control.control import Control
from hybridmesh.rtl.control.inband import InbandControl
from hybridmesh.rtl.layout import TableRead, TableWrite
from hybridmesh.rtl.stream import packets

from ..lib.design import Design

__all__ = ["DESIGNS"]

FRAMES = 64


class Registers(wiring.Component):
    """The registers behind control frames; the table's memories are the bench's."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        super().__init__(
            {
                "host_tx": In(packets(1)),
                "core_tx": Out(packets(1)),
                "core_rx": In(packets(1)),
                "host_rx": Out(packets(1)),
                "table": Out(TableWrite),
                "ask": Out(TableRead),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inband = inband = InbandControl()
        m.submodules.control = control = Control(self._geometry, FRAMES)
        wiring.connect(m, inband.bus, control.bus)
        for name in ("host_tx", "core_tx", "core_rx", "host_rx"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(inband, name))
        wiring.connect(m, control.table, wiring.flipped(self.table))
        wiring.connect(m, control.ask, wiring.flipped(self.ask))
        return m


SMALL = Geometry(
    width=1, rows=32, path_bytes=16, host_bytes=16, header_bytes=16, hosts=16, predicates=16
)

DESIGNS = (Design("small", lambda: Registers(SMALL), SMALL),)
