"""The host's class: the lowest host pattern that matches, by the table's plain memory."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hybridmesh.contract.geometry import Geometry

from ..layout import TableWrite
from .field import FieldAligner, marked_beat
from .priority import PriorityEncoder
from .reverse import LONG_KEY, Reverser
from .tcam import TableWord, Tcam, table_memory

__all__ = ["HostMatcher"]


class HostMatcher(wiring.Component):
    """Class of the host, a fixed time after its end at the latest, until the next one's.

    ==========  ==================================================  =============================
    stage       what happens                                        latency
    ==========  ==================================================  =============================
    aligner     host cut and rotated                                2
    reverser    last word of the reversed host                      4 + host_bytes / width - 1
    tcam        patterns matched                                    ... + Tcam.latency
    first       number of the lowest pattern                        ... + PriorityEncoder.latency
    o           class read                                          ... + 1
    ==========  ==================================================  =============================

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of marked_beat, always ready
    table : TableWrite
    bank : in
        Bank of the frame whose host's class is wanted in the next clock.
    host_class : out, 8
        The class; 0 where no pattern matches.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._tcam = Tcam(geometry.host, geometry.width)
        self._first = PriorityEncoder(geometry.hosts)
        words = geometry.host_bytes // geometry.width
        self.latency = (
            FieldAligner.latency
            + Reverser.latency
            + (words - 1)
            + self._tcam.latency
            + self._first.latency
            + 1
        )
        super().__init__(
            {
                "i": In(stream.Signature(marked_beat(geometry.width), always_ready=True)),
                "table": In(TableWrite),
                "bank": In(1),
                "host_class": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry = self._geometry
        space = geometry.host_class
        m.submodules.aligner = aligner = FieldAligner(geometry.width, LONG_KEY)
        m.submodules.reverser = reverser = Reverser(geometry.width, geometry.host_bytes)
        m.submodules.tcam = tcam = self._tcam
        m.submodules.first = first = self._first
        connect(m, wiring.flipped(self.i), aligner.i)
        connect(m, aligner.o, reverser.i)
        connect(m, reverser.o, tcam.i)
        connect(m, wiring.flipped(self.table), tcam.table)
        m.d.comb += first.i.eq(tcam.match)

        word = TableWord(m, self.table, space)
        found = Signal()
        m.d.sync += found.eq(first.found)
        classes = table_memory(
            m,
            "classes",
            space,
            2 * space.entries,
            word,
            address=Cat(word.entry, word.bank),
            chosen=1,
            read=Cat(first.number, self.bank),
            enable=1,
        )
        m.d.comb += self.host_class.eq(Mux(found, classes, 0))
        return m
