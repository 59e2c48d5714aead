"""A delay line in memory: for wide values that must wait for a longer pipeline beside them."""

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Delay"]


class Delay(wiring.Component):
    """``o`` is what ``i`` was *clocks* clocks before.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    memory      written, read ``clocks`` - 1 clocks later           clocks
    ==========  ==================================================  =======

    Parameters
    ----------
    shape : shape-like
    clocks : int
        At least 2.
    """

    def __init__(self, shape: ShapeLike, clocks: int) -> None:
        if clocks < 2:
            raise ValueError(f"A delay line needs at least 2 clocks, not {clocks}")
        self._shape = shape
        self._clocks = clocks
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self._shape,
            depth=self._clocks,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        write, read = memory.write_port(), memory.read_port()
        put, get = Signal(range(self._clocks)), Signal(range(self._clocks), init=1)
        for pointer in (put, get):
            with m.If(pointer == self._clocks - 1):
                m.d.sync += pointer.eq(0)
            with m.Else():
                m.d.sync += pointer.eq(pointer + 1)
        m.d.comb += [
            write.addr.eq(put),
            write.data.eq(self.i),
            write.en.eq(1),
            read.addr.eq(get),
            self.o.eq(read.data),
        ]
        return m
