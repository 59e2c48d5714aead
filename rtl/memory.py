"""A memory with a write port and a read port whose addresses never meet in a clock.

A table is written in one bank and searched in the other, a queue is read behind what was written:
what a read gives at the address of a write in the same clock does not matter, and no logic is
spent on it.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["TableMemory"]


class TableMemory(wiring.Component):
    """Entries of *bits* bits; what is not read is zero.

    Mismatch bits are ORed, so a lane that is not looked up is one that reads zero.

    =============  ============  ===============================  =======
    stage          distributed   what happens                     latency
    =============  ============  ===============================  =======
    memory         no            entry read                       1
    ``r_data``     no            registered, zero if not read     2
    ``r_data``     yes           entry read and registered        1
    =============  ============  ===============================  =======

    Parameters
    ----------
    bits, depth : int
    distributed : bool
        LUT RAM, for few entries; else block RAM with its output register.

    Members
    -------
    w_en, w_addr, w_data : in
    r_en, r_addr : in
    r_data : out
        The entry, or zero where ``r_en`` was low, ``latency`` clocks after.

    Notes
    -----
    A platform that has a method ``get_table_memory(memory)`` gives the module of it, as with
    ``amaranth.lib.cdc``.
    """

    def __init__(self, bits: int, depth: int, *, distributed: bool) -> None:
        self.bits = bits
        self.depth = depth
        self.distributed = distributed
        self.latency = 1 if distributed else 2
        super().__init__(
            {
                "w_en": In(1),
                "w_addr": In(range(depth)),
                "w_data": In(bits),
                "r_en": In(1),
                "r_addr": In(range(depth)),
                "r_data": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_table_memory"):
            return platform.get_table_memory(self)
        m = Module()
        style = "distributed" if self.distributed else "block"
        m.submodules.memory = memory = Memory(
            shape=self.bits, depth=self.depth, init=[], attrs={"ram_style": style}
        )
        write = memory.write_port()
        m.d.comb += [
            write.en.eq(self.w_en),
            write.addr.eq(self.w_addr),
            write.data.eq(self.w_data),
        ]
        if self.distributed:
            read, wanted = memory.read_port(domain="comb"), self.r_en
        else:
            read, wanted = memory.read_port(), Signal()
            m.d.comb += read.en.eq(self.r_en)
            m.d.sync += wanted.eq(self.r_en)
        m.d.comb += read.addr.eq(self.r_addr)
        m.d.sync += self.r_data.eq(Mux(wanted, read.data, 0))
        return m
