"""The joiner: beats of a head's bytes, the same however they were cut into segments and frames.

A beat holds the bytes *n* times the width and on of the payload, or of the head that a segment goes
on with.  The last beat of a segment, which is not full, comes again when the next segment has
filled it; so whoever takes the beats in must not keep what that one changes (``last``).
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.geometry import Geometry

from ..layout import Connection, FrameInfo, payload_beat
from ..match.shift import rotated, shift_latency
from ..pipeline import bits_of, delayed
from .succession import Succession

__all__ = ["Joiner"]


class Joiner(wiring.Component):
    """Join segments.

    ==========  ==================================================  ==========================
    stage       what happens                                        latency
    ==========  ==================================================  ==========================
    succession  whether the frame goes on with the head before      3
    rotated     bytes brought to their lanes                        3 + shift_latency(width)
    o           full beats                                          4 + shift_latency(width)
    o           what is left, with ``last``                         5 + shift_latency(width)
    ==========  ==================================================  ==========================

    A frame has one beat for each *width* bytes, and the one with ``last``.

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of payload_beat, always ready
    connection : in, Connection
        That of the frame, in the beats with its payload.
    o : stream of payload_beat, always ready
        ``first`` in a head's first beat, whenever it comes; ``info.seq`` is the head's.

    Attributes
    ----------
    latency : int
        Clocks from the beat of ``i`` with ``last`` to that of ``o``.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self.latency = Succession.latency + shift_latency(geometry.width) + 2
        super().__init__(
            {
                "i": In(stream.Signature(payload_beat(geometry), always_ready=True)),
                "connection": In(Connection),
                "o": Out(stream.Signature(payload_beat(geometry), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._geometry.width
        m.submodules.succession = succession = Succession(self._geometry)
        wiring.connect(m, wiring.flipped(self.i), succession.i)
        m.d.comb += succession.connection.eq(self.connection)

        # rotated
        late = shift_latency(width)
        placed = succession.o.p
        turned = rotated(m, placed.data, placed.turn, 8)
        valid = delayed(m, succession.o.valid, late)
        beat = data.View(placed.shape(), delayed(m, placed.as_value(), late))

        # o: what is left over is kept in the lanes where it belongs
        left, level = Signal(8 * width), Signal(bits_of(width))
        offset, now = Signal(16), Signal(16)
        occupied, fill = Signal.like(level), Signal(range(2 * width))
        seq = Signal(32)  # the head's
        m.d.comb += [
            occupied.eq(Mux(beat.anew, 0, level)),
            now.eq(Mux(beat.anew, 0, offset)),
            fill.eq(occupied + beat.count),
        ]
        full = fill[exact_log2(width)]
        merged = Cat(
            Mux(occupied > n, left.word_select(n, 8), turned.word_select(n, 8))
            for n in range(width)
        )
        with m.If(valid & (beat.count != 0)):
            m.d.sync += [
                left.eq(Mux(full, turned, merged)),
                level.eq(fill[: exact_log2(width)]),
                offset.eq(Mux(full, now + width, now)),
            ]
        with m.If(valid & beat.anew):
            m.d.sync += seq.eq(beat.info.seq)

        final, shown, bank = Signal(), Signal(), Signal()
        info = Signal(FrameInfo)
        m.d.sync += [
            final.eq(valid & beat.last),
            shown.eq(beat.shown),
            bank.eq(beat.bank),
            info.eq(beat.info),
        ]
        o = self.o.p
        m.d.sync += [
            self.o.valid.eq(final | (valid & full)),
            o.last.eq(final),
            o.info.eq(info),
            o.info.seq.eq(Mux(shown, seq, info.seq)),
        ]
        with m.If(final):
            m.d.sync += [
                o.data.eq(left),
                o.mask.eq(Cat(shown & (level > n) for n in range(width))),
                o.offset.eq(offset),
                o.first.eq(shown & (offset == 0)),
                o.bank.eq(bank),
            ]
        with m.Else():
            m.d.sync += [
                o.data.eq(merged),
                o.mask.eq(-1),
                o.offset.eq(now),
                o.first.eq(now == 0),
                o.bank.eq(beat.bank),
            ]
        return m
