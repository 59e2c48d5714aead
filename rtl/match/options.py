"""Options of a table: the few bits of it that hold for every head."""

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Space

from ..layout import TableRead, TableWrite
from .array import Answer, TableWord

__all__ = ["Options"]


class Options(wiring.Component):
    """Registers for each bank.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    o           that of ``bank``                                    0
    ==========  ==================================================  =======

    Parameters
    ----------
    space : Space
        Of one entry.

    Members
    -------
    bank : in
    o : out, columns
    table : TableWrite
    ask : TableRead
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        super().__init__(
            {
                "bank": In(1),
                "o": Out(space.columns),
                "table": In(TableWrite),
                "ask": In(TableRead),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        banks = Array(Signal(self._space.columns, name=f"bank{n}") for n in range(2))
        write = TableWord(m, self.table, self._space)
        answer = Answer(m, self.ask, self._space, Signal(init=1), Signal(init=1))
        with m.If(write.hit):
            m.d.sync += banks[write.bank].eq(write.data)
        m.d.comb += self.o.eq(banks[self.bank])
        answer.give(Cat(banks[answer.bank]), latency=0)
        return m
