"""Turns: which engine each field line and query parameter of a head goes to.

They go round the engines in order, so that several can begin in one beat.  A key that comes to its
engine less than a beat after the key before it has ended there might meet it in one beat; whether
it does depends on where beats begin, so the bytes between them decide, and the head is *crowded*.
"""

from collections.abc import Callable
from functools import reduce
from operator import and_, or_, xor

from amaranth.hdl import C, Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..pipeline import delayed
from .field import lane_number

__all__ = ["CrowdingCheck", "Turns"]

STEP = 4
"""Terms of a sum in one level of a prefix."""


def _prefix(lanes: Value, operator: Callable[[Value, Value], Value]) -> Value:
    """By lane, the bits up to and including it put together."""
    span, width = 1, len(lanes)
    while span < width:
        terms = [(lanes << (span * k))[:width] for k in range(STEP)]
        lanes = reduce(operator, terms)
        span *= STEP
    return lanes


class Turns(wiring.Component):
    """Share the keys of a head out among the engines.

    ==========  ==================================================  =================
    stage       what happens                                        latency
    ==========  ==================================================  =================
    bit n       bit n of each lane's number                         1 + n
    ==========  ==================================================  =================

    Parameters
    ----------
    width : int
    engines : int
        A power of two.

    Members
    -------
    valid, first, last : in
        A beat; the turns begin anew; after it they go on as before it.
    start : in, width
        Lanes in which a key starts.
    o : out, array of width
        By engine, the lanes of its keys; of no meaning where there is no key.
    """

    def __init__(self, width: int, engines: int) -> None:
        self._width = width
        self._bits = (engines - 1).bit_length()
        self.latency = self._bits
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "last": In(1),
                "start": In(width),
                "o": Out(width).array(engines),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept, first, steps = self.valid & ~self.last, self.first, self.start
        digits = []
        for bit in range(self._bits):
            # a step carries into the next bit where it takes this one from 1 to 0
            carried, digit = Signal(name=f"carried{bit}"), Signal(self._width, name=f"digit{bit}")
            now = Signal(self._width, name=f"now{bit}")
            m.d.comb += now.eq(_prefix(steps, xor) ^ (carried & ~first).replicate(self._width))
            next_steps = Signal(self._width, name=f"steps{bit}")
            m.d.sync += [digit.eq(now), next_steps.eq(steps & ~now)]
            with m.If(kept):
                m.d.sync += carried.eq(now[-1])
            digits = [delayed(m, earlier, 1) for earlier in digits] + [digit]
            kept, first, steps = delayed(m, kept, 1), delayed(m, first, 1), next_steps
        for number, o in enumerate(self.o):
            same = [d if number >> bit & 1 else ~d for bit, d in enumerate(digits)]
            m.d.comb += o.eq(reduce(and_, same, C(-1, self._width)))
        return m


class CrowdingCheck(wiring.Component):
    """Find the keys of one engine that begin less than a beat after the end of the one before.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    s1_places   offsets of start and end                            1
    s2_apart    bytes from the last end to the start                2
    o           compared, gathered over the frame                   3
    ==========  ==================================================  =======

    Parameters
    ----------
    width : int

    Members
    -------
    valid, first, last : in
        A beat; what came before is forgotten; it is none of before the next one.
    offset : in, 16
        Payload offset of lane 0.
    start, end : in, width
        Lanes in which keys of the engine start and end.
    o : out
        Some key since ``first`` was too close.
    """

    latency = 3

    def __init__(self, width: int) -> None:
        self._width = width
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "last": In(1),
                "offset": In(16),
                "start": In(width),
                "end": In(width),
                "o": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._width
        begun = _prefix(self.start, or_)

        # s1_places
        valid, first, last = delayed(m, Cat(self.valid, self.first, self.last), 1)
        starts, ends, together = Signal(), Signal(), Signal()
        start, end = Signal(16), Signal(16)
        m.d.sync += [
            starts.eq(self.start.any()),
            ends.eq(self.end.any()),
            # an end in a lane before a start's, or two starts
            together.eq(((self.end & ~begun).any() & self.start.any()) | _several(self.start)),
            start.eq(self.offset + lane_number(self.start)),
            end.eq(self.offset + lane_number(self.end)),
        ]

        # s2_apart
        ended, follows, close = Signal(), Signal(), Signal()
        last_end, apart = Signal(16), Signal(16)
        m.d.sync += [
            apart.eq(start - last_end),
            follows.eq(starts & ended & ~first),
            close.eq(together),
        ]
        with m.If(valid & ~last):
            m.d.sync += ended.eq((ended & ~first) | ends)
            with m.If(ends):
                m.d.sync += last_end.eq(end)

        # o
        crowded, now = Signal(), Signal()
        valid, first, last = delayed(m, Cat(valid, first, last), 1)
        m.d.comb += now.eq((crowded & ~first) | close | (follows & (apart < width)))
        with m.If(valid):
            m.d.sync += self.o.eq(now)
        with m.If(valid & ~last):
            m.d.sync += crowded.eq(now)
        return m


def _several(lanes: Value) -> Value:
    """Whether more than one bit is set."""
    pairs = [(lane, C(0)) for lane in lanes]  # any, several
    while len(pairs) > 1:
        pairs = [
            (a | b, more | again | (a & b))
            for (a, more), (b, again) in zip(pairs[::2], pairs[1::2], strict=True)
        ]
    return pairs[0][1]
