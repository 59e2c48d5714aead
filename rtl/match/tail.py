"""The tail of a field: its last bytes, in place whatever lane it ends in."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..pipeline import bits_of
from .field import lane_number
from .shift import shift_latency, shifted

__all__ = ["Tail"]


class Tail(wiring.Component):
    """The last *count* units before a marked lane.

    ==========  ==================================================  ========================
    stage       what happens                                        latency
    ==========  ==================================================  ========================
    s1_window   the beat behind the *count* units before it         1
    o           shifted                                             1 + shift_latency(width)
    ==========  ==================================================  ========================

    Parameters
    ----------
    width : int
        Lanes of a beat, a power of two.
    count : int
    unit : int
        Bits of a unit; there is one in each lane.

    Members
    -------
    valid, last, data, end : in
        A beat, which is none of before the next one if ``last``, and the marked lane: at most one.
    o : out, unit * count
        The units before the lane marked last, the nearest lowest; those before the stream's first
        beat are of no meaning.
    """

    def __init__(self, width: int, count: int, unit: int) -> None:
        self._width = width
        self._count = count
        self._unit = unit
        self.latency = 1 + shift_latency(width)
        super().__init__(
            {
                "valid": In(1),
                "last": In(1),
                "data": In(unit * width),
                "end": In(width),
                "o": Out(unit * count),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit, count = self._unit, self._count
        before = Signal(unit * count)
        window = Cat(before, self.data)
        s1_window = Signal(unit * (count + self._width - 1))
        shift = Signal(bits_of(self._width))
        with m.If(self.valid):
            with m.If(~self.last):
                m.d.sync += before.eq(window[-unit * count :])
            with m.If(self.end.any()):
                m.d.sync += [s1_window.eq(window), shift.eq(lane_number(self.end))]
        units = shifted(m, s1_window, shift, unit, count, self._width)
        m.d.comb += self.o.eq(Cat(units.word_select(n, unit) for n in reversed(range(count))))
        return m
