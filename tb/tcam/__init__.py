"""The streaming TCAM behind its aligner, which turns marked fields into keys."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.layout import TableRead, TableWrite
from hybridmesh.rtl.match.field import FieldAligner, marked_beat
from hybridmesh.rtl.match.tcam import Tcam

from ..lib.design import Design

__all__ = ["DESIGNS", "FieldMatcher"]

GEOMETRIES = [Geometry(width=w, rows=64, path_bytes=max(w, 16)) for w in (1, 8, 64)]


class FieldMatcher(wiring.Component):
    """Match one field of each frame against the path space.

    Members
    -------
    i : stream of marked_beat, always ready
    table : TableWrite
    ask : TableRead
    match, end : out
        As in :class:`~hybridmesh.rtl.match.tcam.Tcam`.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._aligner = FieldAligner(geometry.width, geometry.path_bytes)
        self._tcam = Tcam(geometry.path, geometry.width)
        self.latency = self._aligner.latency + self._tcam.latency
        super().__init__(
            {
                "i": In(stream.Signature(marked_beat(geometry.width), always_ready=True)),
                "table": In(TableWrite),
                "ask": In(TableRead),
                "match": Out(geometry.rows),
                "end": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.aligner = aligner = self._aligner
        m.submodules.tcam = tcam = self._tcam
        connect(m, wiring.flipped(self.i), aligner.i)
        connect(m, aligner.o, tcam.i)
        connect(m, wiring.flipped(self.table), tcam.table)
        connect(m, wiring.flipped(self.ask), tcam.ask)
        m.d.comb += [self.match.eq(tcam.match), self.end.eq(tcam.end)]
        return m


DESIGNS = tuple(
    Design(f"width{geometry.width}", lambda geometry=geometry: FieldMatcher(geometry), geometry)
    for geometry in GEOMETRIES
)
