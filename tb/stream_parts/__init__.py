"""The parts that every stream is built of: register slice and queues."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.layout import packet_beat
from hybridmesh.rtl.stream import Fifo, RegisterSlice, SmallFifo

from ..lib.design import Design

__all__ = ["DESIGNS"]

WIDE = Geometry(width=8)

DESIGNS = (
    Design("register_slice", lambda: RegisterSlice(packet_beat(8)), WIDE),
    Design("fifo", lambda: Fifo(packet_beat(8), 16), WIDE),
    Design("small_fifo", lambda: SmallFifo(packet_beat(8), 16), WIDE),
)
