"""The priority encoder: number of the lowest set bit, in time that hardly grows with the bits."""

from amaranth.hdl import Array, Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PriorityEncoder", "group_size", "lowest_of"]

GROUP = 16
"""Bits that are looked at in one clock; of more than its square, twice as many."""


def group_size(bits: int) -> int:
    """Bits that are looked at in one clock, for two clocks to suffice."""
    return min(bits, GROUP if bits <= GROUP**2 else 2 * GROUP)


def lowest_of(m: Module, group: Value) -> Value:
    """Number of the lowest set bit of *group*, in the same clock; 0 where none is."""
    lowest = Signal(range(max(len(group), 2)))
    for n in reversed(range(len(group))):
        with m.If(group[n]):
            m.d.comb += lowest.eq(n)
    return lowest


class PriorityEncoder(wiring.Component):
    """Number of the lowest set bit.

    ==========  ==================================================  ==============
    stage       what happens                                        latency
    ==========  ==================================================  ==============
    level k     lowest of each group, its number's next digit       1 + k
    ==========  ==================================================  ==============

    Parameters
    ----------
    bits : int
        Bits to look at, a power of two.

    Members
    -------
    i : in, bits
    number : out
        Number of the lowest set bit; 0 where none is.
    found : out
        Whether any bit is set.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._group = group_size(bits)
        self.latency = 0
        while self._group**self.latency < bits:
            self.latency += 1
        super().__init__(
            {"i": In(bits), "number": Out(range(bits)), "found": Out(1)},
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        found, numbers = self.i, []
        for level in range(self.latency):
            above, digits = [], []
            for k in range(0, len(found), self._group):
                group = found[k : k + self._group]
                lowest = lowest_of(m, group)
                any_ = Signal(name=f"any{level}_{k}")
                whole = (
                    Cat(Array(numbers[k : k + self._group])[lowest], lowest) if numbers else lowest
                )
                number = Signal(len(whole), name=f"number{level}_{k}")
                m.d.sync += [any_.eq(group.any()), number.eq(whole)]
                above.append(any_)
                digits.append(number)
            found, numbers = Cat(above), digits
        m.d.comb += [self.found.eq(found), self.number.eq(numbers[0])]
        return m
