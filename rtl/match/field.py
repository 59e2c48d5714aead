"""Fields: runs of bytes that start and end anywhere in a beat, turned into keys for a TCAM.

A field's byte *n* must meet the table memory of position *n*: lane ``n % width``, word
``n // width``.  A byte rotator does that; a field costs no clock beyond the beats it stands in.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..pipeline import bits_of, delayed
from .shift import rotated, shift_latency

__all__ = ["FieldAligner", "key_beat", "lane_number", "marked_beat", "terminated"]


def marked_beat(width: int) -> data.StructLayout:
    """A beat with one field's marks.

    Members
    -------
    data : 8 * width
        The lane of the terminator holds it, see :func:`terminated`.
    start : width
        Lane of the field's first byte; at most one.
    mask : width
        Lanes of the field and its terminator.
    end : width
        Lane of the terminator; at most one.
    bank, first, last : 1
        As in :func:`~hybridmesh.rtl.layout.payload_beat`.
    """
    lanes = dict.fromkeys(("start", "mask", "end"), width)
    return data.StructLayout({"data": 8 * width, **lanes, "bank": 1, "first": 1, "last": 1})


def key_beat(width: int, positions: int) -> data.StructLayout:
    """Up to *width* bytes of a key; lane *t* holds byte ``word[t] * width + t``.

    Members
    -------
    data : 8 * width
    mask : width
        Lanes to be looked up: bytes of the key and its terminator, below *positions*.
    used : 1
        Some lane may be looked up.
    word : array of width
    begin, end : 1
        The key's first byte, its terminator is in this beat.
    bank, first, last : 1
        Of the beat, whether or not it has lanes of a key.
    """
    words = bits_of(positions // width)
    return data.StructLayout(
        {
            "data": 8 * width,
            "mask": width,
            "used": 1,
            "word": data.ArrayLayout(words, width),
            "begin": 1,
            "end": 1,
            "bank": 1,
            "first": 1,
            "last": 1,
        }
    )


def lane_number(lanes: Value) -> Value:
    """Number of the one set bit of *lanes*; of no meaning where there are more."""
    bits = (len(lanes) - 1).bit_length()
    return Cat(Cat(lane for n, lane in enumerate(lanes) if n >> k & 1).any() for k in range(bits))


def terminated(beat: Value, end: Value, terminator: Value | int = 0) -> Value:
    """*beat* with *terminator* in the lane of *end*."""
    return Cat(Mux(lane, terminator, beat.word_select(n, 8)) for n, lane in enumerate(end))


class FieldAligner(wiring.Component):
    """Cut one field out of the beats and rotate it into place.

    ==========  ==================================================  ========================
    stage       what happens                                        latency
    ==========  ==================================================  ========================
    s1_cut      shift and number of the beat known                  1
    o           rotated, word addresses by lane                     1 + shift_latency(width)
                registered, if the rotation has no register         ... + 1
    ==========  ==================================================  ========================

    Parameters
    ----------
    width : int
        Bytes per beat.
    positions : int
        Key bytes; those beyond are masked.

    Members
    -------
    i : stream of marked_beat, always ready
    o : stream of key_beat, always ready
    """

    def __init__(self, width: int, positions: int) -> None:
        self._width = width
        self._positions = positions
        # The shift has many multiplexers to reach; behind them is the choice of what is read.
        self._settle = int(width > 1 and shift_latency(width) == 0)
        self.latency = 1 + shift_latency(width) + self._settle
        super().__init__(
            {
                "i": In(stream.Signature(marked_beat(width), always_ready=True)),
                "o": Out(stream.Signature(key_beat(width, positions), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._width
        limit = self._positions // width
        i = self.i.p

        # s1_cut: the field's lanes from ``shift`` on are of the word before where they wrap around
        s1_beat = Signal(marked_beat(width))
        s1_valid = Signal()
        cut = data.StructLayout(
            {
                "shift": bits_of(width),
                "wraps": width,  # by lane after the rotation
                "words": range(limit + 2),  # beats since the field's first
            }
        )
        now, kept, s1_cut = Signal(cut), Signal(cut), Signal(cut)
        m.d.comb += now.eq(kept)
        with m.If(i.start.any()):
            from_top = [i.start[width - lane :].any() if lane else 0 for lane in range(width)]
            m.d.comb += [
                now.shift.eq(lane_number(i.start)),
                now.wraps.eq(Cat(from_top)),
                now.words.eq(0),
            ]
        with m.Elif(kept.words <= limit):
            m.d.comb += now.words.eq(kept.words + 1)
        m.d.sync += s1_valid.eq(self.i.valid)
        with m.If(self.i.valid):
            m.d.sync += [s1_beat.eq(i), s1_cut.eq(now)]
            with m.If(~i.last):
                m.d.sync += kept.eq(now)
        shift, wraps, words = s1_cut.shift, s1_cut.wraps, s1_cut.words

        # o
        o, late = Signal(self.o.p.shape()), shift_latency(width)
        turned = rotated(m, s1_beat.data, shift, 8)
        taken = s1_beat.mask & s1_valid.replicate(width)
        mask = rotated(m, taken, shift, 1)
        whole, before = words < limit, (words - 1)[: len(words)] < limit
        inside = Cat(Mux(wrap, before, whole) for wrap in wraps)
        m.d.comb += [
            o.data.eq(turned),
            o.mask.eq(mask & delayed(m, inside, late)),
            o.used.eq(delayed(m, taken.any(), late)),
            o.begin.eq(delayed(m, s1_beat.start.any(), late)),
            o.end.eq(delayed(m, s1_beat.end.any(), late)),
            o.bank.eq(delayed(m, s1_beat.bank, late)),
            o.first.eq(delayed(m, s1_beat.first, late)),
            o.last.eq(delayed(m, s1_beat.last, late)),
            self.o.valid.eq(delayed(m, s1_valid, late + self._settle)),
            self.o.p.eq(delayed(m, o.as_value(), self._settle)),
        ]
        late_wraps, late_words = delayed(m, wraps, late), delayed(m, words, late)
        earlier = Signal.like(late_words)
        m.d.comb += earlier.eq(late_words - 1)
        for lane in range(width):
            m.d.comb += o.word[lane].eq(Mux(late_wraps[lane], earlier, late_words))
        return m
