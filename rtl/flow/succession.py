"""Succession: whether a segment goes on with the head that the one before it left unended.

See :mod:`hybridmesh.contract.flow`.  Segments that follow one another without a gap are told apart
too: all that one leaves for the next is there a clock after its last beat.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.flow import BEGINNINGS, HEADERS, JOINED
from hybridmesh.contract.geometry import Geometry

from ..layout import Connection, FrameInfo, payload_beat
from ..match.field import lane_number
from ..pipeline import bits_of, delayed

__all__ = ["Succession", "placed_beat"]

CR, LF = 0x0D, 0x0A

Context = data.StructLayout({"connection": Connection, "epoch": 16, "bank": 1, "enable": 1})
"""What two segments of a head have in common."""

_SECONDS = {
    initial: frozenset(second for first, second in BEGINNINGS if first == initial)
    for initial, _ in BEGINNINGS
}
LETTERS = {
    seconds: [initial for initial in _SECONDS if _SECONDS[initial] == seconds]
    for seconds in dict.fromkeys(_SECONDS[initial] for initial in sorted(_SECONDS))
}
"""First letters of heads, by the letters that may come second."""
_Letters = data.StructLayout(
    {
        "waits": len(LETTERS),  # the first byte came alone: what it is
        "begins": 1,  # the first bytes begin a head
        "seconds": len(LETTERS),  # what the first byte may come second to
    }
)

GROUP = 8
"""Bits that are compared in one clock; whether all of them were equal is asked in the next."""


def placed_beat(geometry: Geometry) -> data.StructLayout:
    """A beat of a frame, and where its bytes belong.

    Members
    -------
    data : 8 * width
    count : range(width + 1)
        Bytes of payload.
    turn : range(width)
        Lanes that they have to move down, round the beat's end.
    anew : 1
        They begin a head.
    shown : 1
        The frame has shown payload.
    bank, last, info
        As in :func:`~hybridmesh.rtl.layout.payload_beat`; ``seq`` is the segment's.
    """
    width = geometry.width
    return data.StructLayout(
        {
            "data": 8 * width,
            "count": range(width + 1),
            "turn": bits_of(width),
            "anew": 1,
            "shown": 1,
            "bank": 1,
            "last": 1,
            "info": FrameInfo,
        }
    )


class Succession(wiring.Component):
    """Tell what a segment goes on with.

    ======  ==================================================  =======
    stage   what happens                                        latency
    ======  ==================================================  =======
    s1      compared with the segment before; bytes counted     1
    s2      whether it follows that one                         2
    o       joined or begun anew; the head's end looked for     3
    ======  ==================================================  =======

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of payload_beat, always ready
    connection : in, Connection
        That of the frame, in the beats with its payload.
    o : stream of placed_beat, always ready
    """

    latency = 3

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        super().__init__(
            {
                "i": In(stream.Signature(payload_beat(geometry), always_ready=True)),
                "connection": In(Connection),
                "o": Out(stream.Signature(placed_beat(geometry), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._geometry.width
        i = self.i.p

        # s1
        context, shown, starts = Signal(Context), Signal(), Signal()
        m.d.comb += [
            starts.eq(i.mask.any() & (i.first | ~shown)),
            context.connection.eq(self.connection),
            context.epoch.eq(i.info.epoch),
            context.bank.eq(i.bank),
            context.enable.eq(i.info.enable),
        ]
        with m.If(self.i.valid):
            m.d.sync += shown.eq((shown & ~i.first) | i.mask.any())
        # Where a frame has more beats than one, its context need not be there at once.
        newest = data.StructLayout({"starts": 1, "context": Context, "seq": 32})
        came, before = Signal(newest), Signal(newest)
        m.d.comb += [
            came.starts.eq(self.i.valid & starts),
            came.context.eq(context),
            came.seq.eq(i.info.seq),
        ]
        came = data.View(newest, delayed(m, came.as_value(), width < HEADERS))
        with m.If(came.starts):
            m.d.sync += before.eq(came)
        valid, beat = delayed(m, self.i.valid, 1), Signal.like(i)
        s1 = Signal(
            data.StructLayout(
                {
                    "starts": 1,
                    "same": -(-Context.size // GROUP),  # by groups of its bits
                    "away": 32,  # bytes from the start of the segment before
                    "begin": bits_of(width),  # first lane
                    "count": range(width + 1),
                    "some": 1,
                    "length": 16,  # bytes of the segment so far
                    "first": 8,  # its bytes
                    "second": 8,
                    "lf": width,
                    "cr": width,
                }
            )
        )
        lowest = i.mask & ~(i.mask << 1)
        some, first_lane = i.mask.any(), lane_number(lowest)
        end = lane_number(i.mask & ~(i.mask >> 1)) + 1
        pairs = (
            (v.as_value()[at : at + GROUP] for v in (context, before.context)) for at in _groups()
        )
        bytes_ = [i.data.word_select(n, 8) for n in range(width)]
        m.d.sync += [
            beat.eq(i),
            s1.starts.eq(starts),
            s1.same.eq(Cat(a == b for a, b in pairs)),
            s1.away.eq(i.info.seq - before.seq),
            s1.begin.eq(first_lane),
            s1.count.eq(Mux(some, end - first_lane, 0)),
            s1.some.eq(some),
            s1.length.eq(i.offset + end),
            s1.first.eq(_chosen(bytes_, lowest)),
            s1.second.eq(_chosen(bytes_[1:], lowest)),
            s1.lf.eq(Cat(byte == LF for byte in bytes_) & i.mask),
            s1.cr.eq(Cat(byte == CR for byte in bytes_) & i.mask),
        ]
        # s2
        follows, length_before = Signal(), Signal(16)
        with m.If(valid & s1.some):
            m.d.sync += length_before.eq(s1.length)
        m.d.sync += follows.eq(s1.same.all() & (s1.away == length_before))
        s2 = data.View(s1.shape(), delayed(m, s1.as_value(), 1))
        letters = Signal(_Letters)
        initial, seconds = (_among(s1.first, LETTERS.values()), _among(s1.second, LETTERS))
        m.d.sync += [
            letters.waits.eq(Mux(s1.count == 1, initial, 0)),
            letters.begins.eq(Mux(s1.count == 1, initial.any(), (initial & seconds).any())),
            letters.seconds.eq(_among(s1.first, LETTERS)),
        ]
        late_beat = data.View(beat.shape(), delayed(m, beat.as_value(), 1))
        self._place(m, delayed(m, valid, 1), late_beat, s2, letters, follows, delayed(m, shown, 1))
        return m

    def _place(
        self,
        m: Module,
        valid: Value,
        beat: data.View,
        s2: data.View,
        letters: data.View,
        follows: Value,
        shown: Value,
    ) -> None:
        """Join the segment or begin anew, and keep what the next one may go on with."""
        bits, some = exact_log2(self._geometry.width), s2.some
        open_ = Signal()  # the segment before has left its head unended
        total = Signal(bits_of(JOINED + self._geometry.max_frame))
        base, now = Signal.like(total), Signal.like(total)
        turn, kept_turn = Signal.like(s2.begin), Signal.like(s2.begin)
        joined, kept_joined, anew = Signal(), Signal(), Signal()
        begins, kept_begins = Signal(), Signal()  # the head begins like one
        waits = Signal.like(letters.waits)  # one byte of it has come: what the next may be
        # whether it is joined is known last: all else waits for it in two forms
        goes_on = follows & open_ & self._joins(total)
        m.d.comb += [
            joined.eq(Mux(s2.starts, goes_on, kept_joined)),
            anew.eq(s2.starts & ~goes_on),
            begins.eq(
                Mux(
                    anew,
                    letters.begins,
                    Mux(waits.any(), (waits & letters.seconds).any(), kept_begins),
                )
            ),
            now.eq(
                Mux(
                    s2.starts,
                    Mux(goes_on, total + s2.length, s2.length),
                    base + s2.length,
                )
            ),
            turn.eq(
                Mux(
                    s2.starts,
                    Mux(goes_on, s2.begin - total[:bits], s2.begin),
                    kept_turn,
                )
            ),
        ]
        ended = self._ended(m, valid, beat.mask, s2, anew)
        with m.If(valid & some):
            m.d.sync += [
                kept_joined.eq(joined),
                kept_begins.eq(begins),
                waits.eq(Mux(anew, letters.waits, 0)),
                kept_turn.eq(turn),
                total.eq(now),
            ]
            with m.If(s2.starts):
                m.d.sync += base.eq(Mux(goes_on, total, 0))
        with m.If(valid & beat.last & shown):
            begun = Mux(some, begins, kept_begins)
            m.d.sync += open_.eq(beat.info.candidate & ~ended & begun)

        o = self.o.p
        m.d.sync += [
            self.o.valid.eq(valid),
            o.data.eq(beat.data),
            o.count.eq(s2.count),
            o.turn.eq(turn),
            o.anew.eq(anew),
            o.shown.eq(shown),
            o.bank.eq(beat.bank),
            o.last.eq(beat.last),
            o.info.eq(beat.info),
            o.info.joined.eq(shown & joined),
        ]

    def _joins(self, length: Value) -> Value:
        """As :func:`~hybridmesh.contract.flow.joins`."""
        width = self._geometry.width
        fits = ~length[exact_log2(JOINED) :].any()
        return fits if width <= HEADERS else fits & (length[: exact_log2(width)] < HEADERS)

    def _ended(self, m: Module, valid: Value, mask: Value, s2: data.View, anew: Value) -> Value:
        """Whether an empty line has come since the head began, this beat's bytes included."""
        last, last_but_one = Signal(2), Signal()  # CR and LF; LF: of the bytes before this beat
        cr, lf = last
        kept, inside, across = Signal(), Signal(len(mask)), Signal(len(mask))
        lanes, crs, lfs = (Cat(C(0, 2), lanes) for lanes in (mask, s2.cr, s2.lf))
        for n in range(len(mask)):
            # before the first lane of the mask stand the bytes of the beat before
            far, near = lanes[n], lanes[n + 1]
            older = Mux(near, lf & crs[n + 1], last_but_one & cr)
            m.d.comb += [
                inside[n].eq(s2.lf[n] & far & crs[n + 1] & lfs[n]),
                across[n].eq(s2.lf[n] & ~far & older),
            ]
        ended = inside.any() | (~anew & (kept | across.any()))
        top = mask & ~(mask >> 1)
        single = ~(mask & (mask >> 1)).any()
        with m.If(valid & s2.some):
            m.d.sync += [
                kept.eq(ended),
                last.eq(Cat((s2.cr & top).any(), (s2.lf & top).any())),
                last_but_one.eq(Mux(single, lf & ~anew, (s2.lf & (top >> 1)).any())),
            ]
        return ended


def _chosen(bytes_: Sequence[Value], lane: Value) -> Value:
    """The byte in *lane*, one-hot; 0 if it has none."""
    return reduce(or_, (Mux(lane[n], byte, 0) for n, byte in enumerate(bytes_)), C(0, 8))


def _among(byte: Value, sets: Iterable[Collection[int]]) -> Value:
    """Of which of *sets* the byte is, one bit each."""
    return Cat(byte.matches(*members) for members in sets)


def _groups() -> range:
    return range(0, Context.size, GROUP)
