"""What the lexer's marks say of a head, gathered beat by beat."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import MAX_FIELDS
from hybridmesh.contract.verdict import Method, Reason

from ..layout import FrameInfo, lexed_beat
from .beat import PLACES, BeatFacts, Said

__all__ = ["Facts", "HeadFacts"]

Facts = data.StructLayout(
    {
        "info": FrameInfo,
        "bank": 1,
        "token": 1,  # the payload begins as a request may
        "reasons": 32,  # one bit per Reason, but for those that the table decides
        "method": 4,
        "head_length": 16,
        "path_offset": 16,
        "path_length": 16,
        "host_offset": 16,
        "host_length": 8,
        "has_length": 1,  # a Content-Length line
        "chunked": 1,  # a Transfer-Encoding line that says just so
        "touch": 1,  # a field that a proxy must interpret
        "http_1_0": 1,
        "more": 1,  # payload beyond the head
    }
)

LONGEST_HOST = 255
"""A host of so many bytes, or more, is said to have so many."""


class HeadFacts(wiring.Component):
    """Gather the facts of each frame's head.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    s1          lanes of the beat reduced                           1
    gathered    facts of the beats so far; field lines of the beat  2
    o           reasons, lengths, valid after the last beat         3
    ==========  ==================================================  =======

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of lexed_beat, always ready
    o : stream of Facts, always ready
        One for each beat with ``last``.
    """

    latency = BeatFacts.latency + 2

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        super().__init__(
            {
                "i": In(stream.Signature(lexed_beat(geometry), always_ready=True)),
                "o": Out(stream.Signature(Facts, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.s1 = s1 = BeatFacts(self._geometry)
        connect(m, wiring.flipped(self.i), s1.i)
        beat = s1.o.p

        # gathered
        said, before, again = Signal(Said), Signal(Said), Signal(Said)
        places = data.StructLayout(dict.fromkeys(PLACES, 16))
        place, placed = Signal(places, reset_less=True), Signal(places, reset_less=True)
        kept = Signal(Said)  # ``said`` and ``placed`` before a frame's last beat
        info, bank = Signal(FrameInfo, reset_less=True), Signal(reset_less=True)
        valid, first, last = Signal(), Signal(), Signal()
        lines = Signal(range(self._geometry.width + 1), reset_less=True)
        m.d.comb += [
            before.eq(Mux(beat.first, 0, kept)),
            again.host_again.eq(before.seen.host_start & beat.said.seen.host_start),
            again.framing_again.eq(
                (before.length | before.coding) & (beat.said.length | beat.said.coding)
            ),
            again.more.eq(before.seen.head_end & beat.payload),
        ]
        m.d.sync += [
            valid.eq(s1.o.valid),
            first.eq(beat.first),
            last.eq(beat.last),
            lines.eq(sum(beat.lines)),
            info.eq(beat.info),
            bank.eq(beat.bank),
        ]
        now, places_now = Signal(Said), Signal(places)
        m.d.comb += now.eq(before.as_value() | beat.said.as_value() | again.as_value())
        for name in PLACES:
            found = (beat.offset + beat.lane[name])[:16]
            m.d.comb += places_now[name].eq(Mux(beat.said.seen[name], found, placed[name]))
        with m.If(s1.o.valid):
            m.d.sync += [said.eq(now), place.eq(places_now)]
            with m.If(~beat.last):
                m.d.sync += [kept.eq(now), placed.eq(places_now)]

        # o
        o = self.o.p
        too_many = self._count(m, valid, first, last, lines)
        complete = said.seen.head_end
        host_bytes = Signal(16)
        reasons = {
            Reason.METHOD: complete & (said.method == Method.OTHER),
            Reason.HOST_REPEATED: said.host_again,
            Reason.HOST_MISSING: complete & ~said.seen.host_start,
            Reason.FRAMING: (
                said.framing_again
                | (complete & (said.coding ^ said.chunked))
                | (said.coding & said.http_1_0)
            ),
            Reason.FIELD_COUNT: too_many,
            Reason.INCOMPLETE: ~complete,
        }
        m.d.comb += host_bytes.eq(place.host_end - place.host_start)
        m.d.sync += [
            self.o.valid.eq(valid & last),
            o.info.eq(info),
            o.bank.eq(bank),
            o.token.eq(said.token),
            o.reasons.eq(said.rules | Cat(reasons.get(n, Const(0, 1)) for n in range(32))),
            o.method.eq(said.method),
            o.head_length.eq(place.head_end),
            o.path_offset.eq(place.path_start),
            o.path_length.eq(place.path_end - place.path_start),
            o.host_offset.eq(place.host_start),
            o.host_length.eq(Mux(host_bytes > LONGEST_HOST, LONGEST_HOST, host_bytes)),
            o.has_length.eq(said.length),
            o.chunked.eq(said.chunked),
            o.touch.eq(said.touch),
            o.http_1_0.eq(said.http_1_0),
            o.more.eq(said.more),
        ]
        return m

    def _count(self, m: Module, valid: Value, first: Value, last: Value, lines: Value) -> Signal:
        """Whether too many field lines have begun, *lines* of them in this beat."""
        fields, over = Signal(range(MAX_FIELDS + 1)), Signal()  # of the beats before
        total, too_many = Signal(range(MAX_FIELDS + self._geometry.width + 1)), Signal()
        m.d.comb += [
            total.eq(Mux(first, 0, fields) + lines),
            too_many.eq((total > MAX_FIELDS) | (over & ~first)),
        ]
        with m.If(valid & ~last):
            m.d.sync += [fields.eq(total), over.eq(too_many)]
        return too_many
