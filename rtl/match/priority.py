"""The priority encoder: number of the lowest set bit, in time that hardly grows with the bits."""

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PriorityEncoder"]

GROUP = 16
"""Bits that are looked at in one clock; of more than its square, twice as many."""


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
        self._group = GROUP if bits <= GROUP**2 else 2 * GROUP
        self.latency = 0
        while self._group**self.latency < bits:
            self.latency += 1
        super().__init__(
            {"i": In(bits), "number": Out(range(bits)), "found": Out(1)},
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        found = list(self.i)
        numbers = []
        for level in range(self.latency):
            above, digits = [], []
            for k in range(0, len(found), self._group):
                group = found[k : k + self._group]
                lowest = Signal(range(max(len(group), 2)), name=f"lowest{level}_{k}")
                for n in reversed(range(len(group))):
                    with m.If(group[n]):
                        m.d.comb += lowest.eq(n)
                any_ = Signal(name=f"any{level}_{k}")
                whole = (
                    Cat(Array(numbers[k : k + self._group])[lowest], lowest) if numbers else lowest
                )
                number = Signal(len(whole), name=f"number{level}_{k}")
                m.d.sync += [any_.eq(Cat(group).any()), number.eq(whole)]
                above.append(any_)
                digits.append(number)
            found, numbers = above, digits
        m.d.comb += [self.found.eq(found[0]), self.number.eq(numbers[0])]
        return m
