"""Fields: runs of bytes that start and end anywhere in a beat, turned into keys for a TCAM.

A field's byte *n* must meet the table memory of position *n*: lane ``n % width``, word
``n // width``.  A byte rotator does that; a field costs no clock beyond the beats it stands in.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["FieldAligner", "first_lane", "key_beat", "marked_beat"]


def marked_beat(width: int) -> data.StructLayout:
    """A beat with one field's marks.

    Members
    -------
    data : 8 * width
    start, end : width
        Lane of the field's first byte, lane of the byte after its last; each at most once a beat.
    bank, first : 1
        As in :func:`~hybridmesh.rtl.layout.payload_beat`.
    """
    return data.StructLayout(
        {"data": 8 * width, "start": width, "end": width, "bank": 1, "first": 1}
    )


def key_beat(width: int, positions: int) -> data.StructLayout:
    """Up to *width* bytes of a key; lane *t* holds byte ``word[t] * width + t``.

    Members
    -------
    data : 8 * width
        The terminator's lane is zero.
    mask : width
        Lanes to be looked up: bytes of the key and its terminator, below *positions*.
    word : array of width
    begin, end : 1
        The key's first byte, its terminator is in this beat.
    length : 16
        Bytes of the key; valid with ``end``, of keys shorter than *positions*.
    bank, first : 1
        Of the frame; ``first`` in the frame's first beat, whether or not it has lanes of a key.
    """
    words = exact_log2(positions // width)
    return data.StructLayout(
        {
            "data": 8 * width,
            "mask": width,
            "word": data.ArrayLayout(words, width),
            "begin": 1,
            "end": 1,
            "length": 16,
            "bank": 1,
            "first": 1,
        }
    )


def first_lane(m: Module, lanes: Value, name: str) -> Signal:
    """Number of the lowest set bit of *lanes*; 0 where none is."""
    number = Signal(range(max(len(lanes), 2)), name=name)
    for lane in reversed(range(len(lanes))):
        with m.If(lanes[lane]):
            m.d.comb += number.eq(lane)
    return number


class FieldAligner(wiring.Component):
    """Cut one field out of the beats and rotate it into place.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    s1_cut      lanes of the field, its terminator zeroed           1
    o           rotated, word addresses by lane                     2
    ==========  ==================================================  =======

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

    latency = 2

    def __init__(self, width: int, positions: int) -> None:
        self._width = width
        self._positions = positions
        super().__init__(
            {
                "i": In(stream.Signature(marked_beat(width), always_ready=True)),
                "o": Out(stream.Signature(key_beat(width, positions), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._width
        lanes = range(width)
        limit = self._positions // width
        i = self.i.p
        open_ = Signal()  # the field goes on from the beat before
        words = Signal(range(limit + 2))  # beats since the field's first
        shift = Signal(range(max(width, 2)))  # lane of the field's first byte

        # s1_cut
        began = i.start.any()
        goes_on = open_ & ~i.first & ~began
        inside = Cat((goes_on | i.start[: lane + 1].any()) & ~i.end[:lane].any() for lane in lanes)
        start = first_lane(m, i.start, "start_lane")
        stop = first_lane(m, i.end, "end_lane")
        valid = Signal()
        cut = Signal(data.StructLayout({"data": 8 * width, "mask": width, "stop": stop.shape()}))
        flags = Signal(data.StructLayout({"begin": 1, "end": 1, "bank": 1, "first": 1}))
        m.d.sync += valid.eq(self.i.valid)
        with m.If(self.i.valid):
            ends = i.end.any() & (goes_on | began)
            m.d.sync += [
                cut.data.eq(Cat(Mux(i.end[n], 0, i.data.word_select(n, 8)) for n in lanes)),
                cut.mask.eq(inside),
                cut.stop.eq(stop),
                flags.begin.eq(began),
                flags.end.eq(ends),
                flags.bank.eq(i.bank),
                flags.first.eq(i.first),
                open_.eq((goes_on | began) & ~ends),
            ]
            with m.If(began):
                m.d.sync += [shift.eq(start), words.eq(0)]
            with m.Elif(words <= limit):
                m.d.sync += words.eq(words + 1)

        # o: lane t takes the byte of lane (t + shift) % width, which is of the word before where
        # that wrapped around
        o = self.o.p
        m.d.sync += self.o.valid.eq(valid)
        with m.If(valid):
            m.d.sync += [
                o.data.eq(_rotate(cut.data, shift, 8)),
                o.begin.eq(flags.begin),
                o.end.eq(flags.end),
                o.bank.eq(flags.bank),
                o.first.eq(flags.first),
                o.length.eq(words * width + cut.stop - shift),
            ]
            mask = _rotate(cut.mask, shift, 1)
            for lane in lanes:
                wrapped = (lane + shift >= width) if lane else 0
                word = Signal(range(limit + 2), name=f"word{lane}")
                m.d.comb += word.eq(words - wrapped)
                m.d.sync += [o.word[lane].eq(word), o.mask[lane].eq(mask[lane] & (word < limit))]
        return m


def _rotate(vector: Value, shift: Value, unit: int) -> Value:
    """*vector* rotated right by *shift* units of *unit* bits."""
    count = len(vector) // unit
    return Array(vector.rotate_right(n * unit) for n in range(count))[shift]
