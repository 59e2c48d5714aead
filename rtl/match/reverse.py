"""The host, last byte first: so that ``*.example.com`` is a prefix of the key."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.geometry import TERMINATOR

from ..pipeline import bits_of, delayed
from .field import key_beat, lane_number
from .shift import shift_latency, shifted

__all__ = ["Reverser"]


class Reverser(wiring.Component):
    """Give a field's last bytes out again in reverse, a word a clock.

    ==========  ==================================================  ===========================
    stage       what happens                                        latency
    ==========  ==================================================  ===========================
    s1_window   the field's last beat behind the bytes before it,   1 + k
                then those of word k from the history
    o           word k of the reversed key                          1 + shift_latency(width) + k
    ==========  ==================================================  ===========================

    The latency counts from the beat with the field's end.  A beat's window is that beat behind the
    *lanes* bytes before it: whatever the lane the field ends in, the word is a piece of a window,
    and the words before it are the same piece of earlier ones.

    Parameters
    ----------
    width : int
        Bytes per beat.
    positions : int
        Bytes of the reversed key that are given out.
    lanes : int
        Bytes of a word: the width, or a multiple of it.

    Members
    -------
    valid, last, data, bank : in
        A beat, which is none of before the next one if ``last``.
    start, end : in, width
        Lane of the field's first byte, lane of the byte after its last; at most one.
    o : out, key_beat(lanes, positions)
    o_valid : out

    Notes
    -----
    A field that ends before the last word of the one before it is out spoils that one.
    """

    def __init__(self, width: int, positions: int, lanes: int) -> None:
        self._width = width
        self._lanes = lanes
        self._positions = positions
        self.words = positions // lanes
        self.latency = 1 + shift_latency(width)
        super().__init__(
            {
                "valid": In(1),
                "last": In(1),
                "data": In(8 * width),
                "bank": In(1),
                "start": In(width),
                "end": In(width),
                "o": Out(key_beat(lanes, positions)),
                "o_valid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width, lanes = self._width, self._lanes

        # s1_window
        before = Signal(8 * lanes)
        passed = Cat(before, self.data)
        s1_window = Signal(8 * (lanes + width - 1))
        busy = Signal()
        turn = Signal(bits_of(self.words))
        bank = Signal()
        starts, ends = self.valid & self.start.any(), self.valid & self.end.any()
        kept = self.valid & ~self.last
        with m.If(kept):
            m.d.sync += before.eq(passed[-8 * lanes :])
        earlier = self._history(m, passed, ends) if self.words > 1 else passed
        m.d.sync += [s1_window.eq(earlier), turn.eq(turn + 1)]
        with m.If(turn == self.words - 1):
            m.d.sync += busy.eq(0)
        with m.If(ends):
            m.d.sync += [s1_window.eq(passed), bank.eq(self.bank), turn.eq(0), busy.eq(1)]

        # bytes of the field in the beats before; bytes from word ``turn`` on
        positions = self._positions
        so_far = Signal(range(positions + width))
        left = Signal(range(-positions, positions + 2 * width))
        shift = Signal(bits_of(width))
        first, end = lane_number(self.start), lane_number(self.end)
        with m.If(kept & self.start.any()):
            m.d.sync += so_far.eq(width - first)
        with m.Elif(kept & (so_far < positions)):
            m.d.sync += so_far.eq(so_far + width)
        m.d.sync += left.eq(left - lanes)
        with m.If(ends):
            m.d.sync += [shift.eq(end), left.eq(Mux(starts, end - first, so_far + end))]

        # o
        late = shift_latency(width)
        units = shifted(m, s1_window, shift, 8, lanes, width)
        # left >= lane, and left == lane, without a carry
        lane_bits = exact_log2(lanes)
        low, more = left[:lane_bits], left[lane_bits:-1].any()
        inside = Cat(busy & ~left[-1] & (more | (low >= lane)) for lane in range(lanes))
        over = Cat(~left[-1] & ~more & (low == lane) for lane in range(lanes))
        over, o = delayed(m, over, late), self.o
        m.d.comb += [
            self.o_valid.eq(delayed(m, busy, late)),
            o.data.eq(
                Cat(
                    Mux(over[lane], TERMINATOR, units.word_select(lanes - 1 - lane, 8))
                    for lane in range(lanes)
                )
            ),
            o.mask.eq(delayed(m, inside, late)),
            o.used.eq(delayed(m, busy, late)),
            o.begin.eq(delayed(m, turn == 0, late)),
            o.end.eq(delayed(m, turn == self.words - 1, late)),
            o.bank.eq(delayed(m, bank, late)),
            *(word.eq(delayed(m, turn, late)) for word in o.word),
        ]
        return m

    def _history(self, m: Module, passed: Value, ends: Value) -> Value:
        """The windows before the last that ended a field, a word's worth of beats a clock."""
        step = self._lanes // self._width  # beats from a word to the next
        # as far back as the first word is, and not where the beats since the end were written
        depth = 1 << ((self.words - 1) * (step + 1) - 1).bit_length()
        m.submodules.history = memory = Memory(
            shape=len(passed), depth=depth, init=[], attrs={"ram_style": "distributed"}
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        place, back = Signal(range(depth)), Signal(range(depth))
        with m.If(self.valid & ~self.last):
            m.d.sync += place.eq(place + 1)
        m.d.sync += back.eq(Mux(ends, place, back) - step)
        m.d.comb += [
            write.en.eq(self.valid),
            write.addr.eq(place),
            write.data.eq(passed),
            read.addr.eq(back),
        ]
        return read.data
