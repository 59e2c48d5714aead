"""The table reader: words of either bank for the host, one at a time."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import register

from ..layout import TableRead
from .registers import register_port
from .table import table_has

__all__ = ["TableReader"]


class TableReader(wiring.Component):
    """Ask for the word at ``read_address``, keep it for ``read_data``, then ask for the next.

    ======  =====================================================  ==============
    stage   what happens                                           latency
    ======  =====================================================  ==============
    look    has the table such a word                              1
    ask     the word is asked for until its memory answers         1 + the answer
    there   it can be read                                         2 + the answer
    ======  =====================================================  ==============

    Members
    -------
    read_address, read_data : register_port
    ask : TableRead
    bank : in
        Bank in use.
    reading : out
        A word has been asked for and is not there yet.
    """

    registers = ("read_address", "read_data")

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        super().__init__(
            {
                **{name: In(register_port(register(name))) for name in self.registers},
                "ask": Out(TableRead),
                "bank": In(1),
                "reading": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        asked, taken = self.read_address, self.read_data
        address = Signal.like(asked.w_data)
        look, asking, there = Signal(), Signal(), Signal()
        plain = Signal(32)  # the address as a load takes it, without its bank
        m.d.comb += [
            plain.eq(Cat(address.word, address.space)),
            asked.r_data.eq(address),
            asked.w_refuse.eq(self.reading),
            taken.r_refuse.eq(~there),
            self.reading.eq(look | asking),
            self.ask.en.eq(asking),
            self.ask.space.eq(address.space),
            self.ask.word.eq(address.word),
        ]

        m.d.sync += look.eq(asked.w_en | taken.r_en)
        with m.If(asked.w_en):
            m.d.sync += address.eq(asked.w_data)
        with m.Elif(taken.r_en):
            m.d.sync += address.word.eq(address.word + 1)
        with m.If(look):
            m.d.sync += [
                asking.eq(table_has(self._geometry, plain)),
                self.ask.bank.eq(self.bank ^ address.spare),
            ]
        with m.If(asking & self.ask.done):
            m.d.sync += [asking.eq(0), there.eq(1), taken.r_data.word.eq(self.ask.data)]
        with m.Elif(asked.w_en | taken.r_en):
            m.d.sync += there.eq(0)
        return m
