"""Content-Length: its decimal digits to binary."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.grammar import MAX_LENGTH_DIGITS

from ..pipeline import delayed
from .tail import Tail

__all__ = ["Decimal"]

GROUP = 3
"""Digits that are put together in one clock."""

UNIT = 5
"""Bits of a lane: the byte's low nibble, and whether it is a digit."""


class Decimal(wiring.Component):
    """Value of a field of digits (RFC 9110, 8.6), a fixed time after its end.

    ==========  ==================================================  =================
    stage       what happens                                        latency
    ==========  ==================================================  =================
    tail        last bytes before the end                           Tail.latency
    units       registered                                          ... + 1
    digits      all before the first digit zeroed                   ... + 2
    groups      three digits each                                   ... + 3
    thousands   two groups put together                             ... + 5
    value       all groups                                          ... + 7
    ==========  ==================================================  =================

    Parameters
    ----------
    width : int

    Members
    -------
    valid, last, data : in
        A beat, which is none of before the next one if ``last``.
    end : in, width
        Lane of the byte after the last digit; at most one.
    value : out, 32
        Value of the field that ended last.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._tail = Tail(width, MAX_LENGTH_DIGITS, UNIT)
        self.latency = self._tail.latency + 3 + 2 * (MAX_LENGTH_DIGITS // GROUP - 1)
        super().__init__(
            {
                "valid": In(1),
                "last": In(1),
                "data": In(8 * width),
                "end": In(width),
                "value": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.tail = tail = self._tail
        lanes = [self.data.word_select(lane, 8) for lane in range(self._width)]
        digits = [(byte[4:] == 3) & ~(byte[3] & (byte[1] | byte[2])) for byte in lanes]
        m.d.comb += [
            tail.valid.eq(self.valid),
            tail.last.eq(self.last),
            tail.end.eq(self.end),
            tail.data.eq(
                Cat(Cat(byte[:4], digit) for byte, digit in zip(lanes, digits, strict=True))
            ),
        ]

        # units, digits: the lowest is the last one
        last_ones = delayed(m, tail.o, 1)
        units = [last_ones.word_select(n, UNIT) for n in range(MAX_LENGTH_DIGITS)]
        kept = [Signal(4, name=f"digit{n}") for n in range(MAX_LENGTH_DIGITS)]
        for n, digit in enumerate(kept):
            inside = Cat(unit[4] for unit in units[: n + 1]).all()
            m.d.sync += digit.eq(Mux(inside, units[n][:4], 0))

        # groups
        groups = []
        for n in range(0, MAX_LENGTH_DIGITS, GROUP):
            ones, tens, hundreds = kept[n : n + GROUP]
            group = Signal(10, name=f"group{n // GROUP}")
            m.d.sync += group.eq(ones + _ten(tens) + _ten(_ten(hundreds)))
            groups.append(group)

        # thousands, value
        *lower, value = groups
        while lower:
            value = _add(m, value, lower.pop())
            lower = [_twice_late(m, group) for group in lower]
        m.d.comb += self.value.eq(value)
        return m


def _ten(value: Value) -> Value:
    return (value << 3) + (value << 1)


def _add(m: Module, thousands: Value, low: Value) -> Value:
    """1000 * *thousands* + *low*, two clocks later: 1000 is 1024 + 8 - 32."""
    bits = len(thousands) + 10
    more, less = Signal(bits + 1), Signal(bits + 1)
    total = Signal(bits)
    m.d.sync += [
        more.eq((thousands << 10) + low),
        less.eq((thousands << 5) - (thousands << 3)),
        total.eq(more - less),
    ]
    return total


def _twice_late(m: Module, value: Value) -> Value:
    late, later = Signal.like(value), Signal.like(value)
    m.d.sync += [late.eq(value), later.eq(late)]
    return later
