"""Field lines: every ``name: value`` of a head against the predicates and the watch columns.

Two lines can share a beat, so lines take turns between two engines.  A line of the same turn can
not be closer than a whole beat, for lines of six bytes are never decided (``SHORT_LINE``).
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.watch import TOUCH_COLUMNS, Column

from ..layout import TableWrite
from .field import FieldAligner, marked_beat
from .tcam import Tcam

__all__ = ["LineMatcher"]


class LineMatcher(wiring.Component):
    """Which columns the lines of a head hit, once or more than once.

    ==========  ==================================================  ==================
    stage       what happens                                        latency
    ==========  ==================================================  ==================
    turns       each line's marks go to its engine                  0
    aligner     lines cut and rotated                               2
    tcam        lines matched                                       2 + Tcam.latency
    o           gathered over the frame                             3 + Tcam.latency
    ==========  ==================================================  ==================

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of marked_beat, always ready
        Marks of all lines of the head.
    table : TableWrite
    seen : out, header_columns
        Columns that a line has hit since the frame's first beat.
    repeated : out, header_columns
        Columns that two lines have hit.
    touched : out
        A line has hit a touch column, and not the excuse.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._engines = [Tcam(geometry.header, geometry.width) for _ in range(2)]
        self.latency = FieldAligner.latency + self._engines[0].latency + 1
        columns = geometry.header_columns
        super().__init__(
            {
                "i": In(stream.Signature(marked_beat(geometry.width), always_ready=True)),
                "table": In(TableWrite),
                "seen": Out(columns),
                "repeated": Out(columns),
                "touched": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry = self._geometry
        lanes = range(geometry.width)
        i = self.i.p

        # turns: of the line that each lane belongs to
        turn = Signal()
        turns = Signal(geometry.width)
        before = turn & ~i.first
        m.d.comb += turns.eq(Cat(before ^ i.start[: lane + 1].xor() for lane in lanes))
        with m.If(self.i.valid):
            m.d.sync += turn.eq(turns[-1])

        gathered = []
        for number, tcam in enumerate(self._engines):
            m.submodules[f"aligner{number}"] = aligner = FieldAligner(
                geometry.width, geometry.header_bytes
            )
            m.submodules[f"tcam{number}"] = tcam
            mine = turns if number else ~turns
            m.d.comb += [
                aligner.i.valid.eq(self.i.valid),
                aligner.i.p.eq(i),
                aligner.i.p.start.eq(i.start & mine),
                aligner.i.p.end.eq(i.end & mine),
            ]
            connect(m, aligner.o, tcam.i)
            connect(m, wiring.flipped(self.table), tcam.table)
            gathered.append(self._gather(m, tcam))

        (seen, repeated, touched), (seen1, repeated1, touched1) = gathered
        m.d.comb += [
            self.seen.eq(seen | seen1),
            self.repeated.eq(repeated | repeated1 | (seen & seen1)),
            self.touched.eq(touched | touched1),
        ]
        return m

    def _gather(self, m: Module, tcam: Tcam) -> tuple[Signal, Signal, Signal]:
        """Columns seen, columns repeated, and touch, over the lines of one engine."""
        hits = Mux(tcam.end, tcam.match, 0)
        watch = hits[self._geometry.predicates :]
        touch = watch[:TOUCH_COLUMNS].any() & ~watch[Column.EXCUSE]
        seen, repeated = Signal.like(tcam.match), Signal.like(tcam.match)
        touched = Signal()
        with m.If(tcam.first):
            m.d.sync += [seen.eq(hits), repeated.eq(0), touched.eq(touch)]
        with m.Elif(tcam.end):
            m.d.sync += [
                seen.eq(seen | hits),
                repeated.eq(repeated | (seen & hits)),
                touched.eq(touched | touch),
            ]
        return seen, repeated, touched
