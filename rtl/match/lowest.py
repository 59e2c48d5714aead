"""The lowest column that matches, and its entry of a plain space.

Each group of columns has a memory of its own, which is read at the group's lowest column: the
entry is there as soon as the number is, and both are ORed from groups that are zero but for one.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.geometry import Space

from ..layout import TableRead, TableWrite
from ..memory import TableMemory
from ..pipeline import delayed
from .array import Answer, TableWord
from .priority import group_size, lowest_of

__all__ = ["LowestEntry"]

TOGETHER = 8
"""Groups whose entries are ORed without a register behind them."""


class LowestEntry(wiring.Component):
    """Find the lowest set bit and read its entry.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    lowest      of each group, the number of its lowest bit         1
    memories    the entry of the lowest group's                     2
    ``o``       ORed; registered where there are many groups        2 or 3
    ==========  ==================================================  =======

    Parameters
    ----------
    space : Space
        A plain space; bit *n* stands for its entry *n*.

    Members
    -------
    i : in, entries
    valid, bank : in
        The entry is asked for of the bits that were given ``lead`` clocks before.
    found, number : out
        Whether any bit is set; the lowest one's number, 0 where none is.
    o : out, columns
        The entry, zero where there is none; of no meaning where none was asked for.
    table : TableWrite
    ask : TableRead

    Attributes
    ----------
    latency, lead : int
    """

    lead = 1

    def __init__(self, space: Space) -> None:
        self._space = space
        self._group = group_size(space.entries)
        self._late = space.entries // self._group > TOGETHER
        self.latency = 2 + self._late
        super().__init__(
            {
                "i": In(space.entries),
                "valid": In(1),
                "bank": In(1),
                "found": Out(1),
                "number": Out(range(space.entries)),
                "o": Out(space.columns),
                "table": In(TableWrite),
                "ask": In(TableRead),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        group, entries = self._group, self._space.entries
        write = TableWord(m, self.table, self._space)
        answer = Answer(m, self.ask, self._space, Signal(init=1), ~self.valid)
        within = exact_log2(group)
        before = []  # whether any bit is set, by group so far
        parts = []
        for n, low in enumerate(range(0, entries, group)):
            # lowest
            bits = self.i[low : low + group]
            any_, digit = Signal(name=f"any{n}"), Signal(within, name=f"digit{n}")
            m.d.sync += [any_.eq(bits.any()), digit.eq(lowest_of(m, bits))]
            lowest = Signal(name=f"lowest{n}")
            m.d.comb += lowest.eq(any_ & ~Cat(before).any())
            before.append(any_)

            # memories
            memory = TableMemory(self._space.columns, 2 * group, distributed=True)
            m.submodules[f"group{n}"] = memory
            asked = answer.wanted & (answer.entry[within:] == n)
            m.d.comb += [
                memory.w_en.eq(write.hit & (write.entry[within:] == n)),
                memory.w_addr.eq(Cat(write.entry[:within], write.bank)),
                memory.w_data.eq(write.data),
                memory.r_en.eq(Mux(self.valid, lowest, asked)),
                memory.r_addr.eq(
                    Mux(
                        self.valid,
                        Cat(digit, self.bank),
                        Cat(answer.entry[:within], answer.bank),
                    )
                ),
            ]
            number = Signal(1 + exact_log2(entries), name=f"number{n}")
            m.d.sync += number.eq(
                Mux(lowest, Cat(1, digit, Const(n, exact_log2(entries) - within)), 0)
            )
            parts.append(Cat(memory.r_data, number))

        # o
        o = delayed(m, reduce(or_, parts), int(self._late))
        m.d.comb += Cat(self.o, self.found, self.number).eq(o)
        answer.give(self.o, self.latency - self.lead)
        return m
