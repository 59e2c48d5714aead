"""Field lines and query parameters: every one of a head against the predicates."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hybridmesh.contract.geometry import QUERY_BIT, QUERY_TERMINATOR, TERMINATOR, Geometry

from ..layout import TableRead, TableWrite
from ..pipeline import delayed
from .field import FieldAligner
from .tcam import Tcam
from .turns import CrowdingCheck, Turns

__all__ = ["KeyMatcher", "keyed_beat"]


def keyed_beat(geometry: Geometry) -> data.StructLayout:
    """A beat with the marks of its field lines and query parameters.

    Members
    -------
    data : 8 * width
    start, mask, end : width
        Lanes of first bytes, of all bytes and terminators, of terminators.
    query : width
        Lanes of the query; those of ``mask`` that are in it belong to query parameters.
    offset, bank, first, last
        As in :func:`~hybridmesh.rtl.layout.payload_beat`.
    """
    width = geometry.width
    lanes = dict.fromkeys(("start", "mask", "end", "query"), width)
    beat = {"offset": 16, "bank": 1, "first": 1, "last": 1}
    return data.StructLayout({"data": 8 * width, **lanes, **beat})


class KeyMatcher(wiring.Component):
    """Which predicates the keys of a head hit, once or more than once.

    ==========  ==================================================  ======================
    stage       what happens                                        latency
    ==========  ==================================================  ======================
    turns       query bytes told from others, terminators set;      max(1, Turns.latency)
                each key given to an engine
    aligner     keys cut and rotated                                + FieldAligner.latency
    tcam        keys matched                                        + Tcam.latency
    seen        hits of all engines gathered over the frame         + 1
    ==========  ==================================================  ======================

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of keyed_beat, always ready
    table : TableWrite
    ask : TableRead
    seen : out, predicates
        Predicates that a key has hit since the frame's first beat.
    repeated : out
        Some predicate has been hit twice.
    crowded : out
        More short keys came than can be looked up; nothing else is of meaning then.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        width, engines = geometry.width, geometry.key_engines
        self._turns = Turns(width, engines)
        self._aligners = [FieldAligner(width, geometry.header_bytes) for _ in range(engines)]
        self._tcams = [Tcam(geometry.header, width) for _ in range(engines)]
        self._shared = max(1, self._turns.latency)
        self.latency = self._shared + self._aligners[0].latency + self._tcams[0].latency + 1
        super().__init__(
            {
                "i": In(stream.Signature(keyed_beat(geometry), always_ready=True)),
                "table": In(TableWrite),
                "ask": In(TableRead),
                "seen": Out(geometry.predicates),
                "repeated": Out(1),
                "crowded": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width, shared = self._geometry.width, self._shared
        i = self.i.p

        # turns
        m.submodules.turns = turns = self._turns
        m.d.comb += [
            turns.valid.eq(self.i.valid),
            turns.first.eq(i.first),
            turns.last.eq(i.last),
            turns.start.eq(i.start),
        ]
        keyed = Signal(keyed_beat(self._geometry))
        m.d.comb += [keyed.eq(i), keyed.data.eq(_key_bytes(i))]
        valid = delayed(m, self.i.valid, shared)
        beat = data.View(keyed.shape(), delayed(m, keyed.as_value(), shared))

        crowded = []
        engines = zip(self._aligners, self._tcams, turns.o, strict=True)
        for number, (aligner, tcam, lanes) in enumerate(engines):
            mine = delayed(m, lanes, shared - turns.latency)
            m.submodules[f"aligner{number}"] = aligner
            m.submodules[f"tcam{number}"] = tcam
            m.submodules[f"crowding{number}"] = check = CrowdingCheck(width)
            field = aligner.i.p
            m.d.comb += [
                aligner.i.valid.eq(valid),
                check.valid.eq(valid),
                field.data.eq(beat.data),
                field.start.eq(beat.start & mine),
                field.mask.eq(beat.mask & mine),
                field.end.eq(beat.end & mine),
                field.bank.eq(beat.bank),
                field.first.eq(beat.first),
                field.last.eq(beat.last),
                check.offset.eq(beat.offset),
                check.first.eq(beat.first),
                check.last.eq(beat.last),
                check.start.eq(field.start),
                check.end.eq(field.end),
            ]
            connect(m, aligner.o, tcam.i)
            connect(m, flipped(self.table), tcam.table)
            crowded.append(check.o)
        # the engines hold the same, so the first one answers for all
        connect(m, flipped(self.ask), self._tcams[0].ask)

        late = self.latency - shared - CrowdingCheck.latency
        m.d.comb += self.crowded.eq(delayed(m, Cat(crowded).any(), late))
        self._gather(m)
        return m

    def _gather(self, m: Module) -> None:
        """Predicates that keys have hit, and whether any was hit twice."""
        now = again = C(0, self._geometry.predicates)
        for tcam in self._tcams:
            hits = Mux(tcam.end, tcam.match, 0)
            now, again = now | hits, again | (now & hits)
        found = data.StructLayout(dict.fromkeys(("seen", "twice"), self._geometry.predicates))
        before, kept, total, o = (Signal(found) for _ in range(4))
        m.d.comb += [
            before.eq(Mux(self._tcams[0].first, 0, kept)),
            total.seen.eq(before.seen | now),
            total.twice.eq(before.twice | again | (before.seen & now)),
            self.seen.eq(o.seen),
            self.repeated.eq(o.twice.any()),
        ]
        m.d.sync += o.eq(total)
        with m.If(~self._tcams[0].last):
            m.d.sync += kept.eq(total)


def _key_bytes(beat: data.View) -> Value:
    """The bytes as they are looked up: those of the query marked, and terminators."""
    lanes = []
    for lane, query in enumerate(beat.query):
        byte = beat.data.word_select(lane, 8) | Mux(query, QUERY_BIT, 0)
        lanes.append(Mux(beat.end[lane], Mux(query, QUERY_TERMINATOR, TERMINATOR), byte))
    return Cat(lanes)
