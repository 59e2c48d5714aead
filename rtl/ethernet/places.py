"""A memory between two clocks, whose entries are read long after they are written."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["CrossingMemory"]

BLOCK = 18 * 1024
"""Bits of a block RAM.  The memory is slices that have each entry in one block, for blocks are too
slow to choose between their outputs."""


class CrossingMemory(wiring.Component):
    """Entries of *bits* bits, written by one clock and read by another.

    ======  ============  ====================
    stage   what happens  latency
    ======  ============  ====================
    memory  entry read    1 of *r_domain*
    r_data  registered    2 of *r_domain*
    ======  ============  ====================

    Parameters
    ----------
    bits : int
    depth : int
        A power of two.
    w_domain, r_domain : str

    Members
    -------
    w_en, w_addr, w_data : in
        In *w_domain*.
    r_addr : in
    r_data : out
        The entry, two clocks after; any value if it was written meanwhile.

    Notes
    -----
    A platform that has a method ``get_crossing_memory(memory)`` gives the module of it, as with
    ``amaranth.lib.cdc``.
    """

    def __init__(self, bits: int, depth: int, *, w_domain: str, r_domain: str) -> None:
        self.bits, self.depth = bits, depth
        self.w_domain, self.r_domain = w_domain, r_domain
        super().__init__(
            {
                "w_en": In(1),
                "w_addr": In(range(depth)),
                "w_data": In(bits),
                "r_addr": In(range(depth)),
                "r_data": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_crossing_memory"):
            return platform.get_crossing_memory(self)
        m = Module()
        slice_bits = max(BLOCK // self.depth, 1)
        for low in range(0, self.bits, slice_bits):
            part = self.w_data[low : low + slice_bits]
            m.submodules[f"bits{low}"] = memory = Memory(
                shape=len(part), depth=self.depth, init=[], attrs={"ram_style": "block"}
            )
            write = memory.write_port(domain=self.w_domain)
            read = memory.read_port(domain=self.r_domain)
            m.d.comb += [
                write.en.eq(self.w_en),
                write.addr.eq(self.w_addr),
                write.data.eq(part),
                read.addr.eq(self.r_addr),
            ]
            m.d[self.r_domain] += self.r_data[low : low + slice_bits].eq(read.data)
        return m
