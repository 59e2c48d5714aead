"""Table memories in the ECP5's block RAMs, with the output register that the blocks have.

The register takes clock-to-output from 5.7 to 1.0 ns, and synthesis never uses it by itself.  Block
RAM DP16KD: Lattice FPGA-TN-02204, "ECP5 and ECP5-5G Memory User Guide".
"""

from dataclasses import dataclass

from amaranth.hdl import (
    Cat,
    ClockSignal,
    Const,
    Elaboratable,
    Instance,
    Module,
    Mux,
    Signal,
    Value,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.rtl.ethernet.places import CrossingMemory
from hybridmesh.rtl.memory import TableMemory

__all__ = ["BlockTableMemory", "TableMemories"]

PORT_BITS = 18
"""Data pins of one of the block's two ports."""


@dataclass(frozen=True)
class _Shape:
    """How a block is used: *entries* of *bits*; pins ``skip`` and up take the address."""

    entries: int
    bits: int
    skip: int


SHAPES = (_Shape(512, 36, 5), _Shape(1024, 18, 4), _Shape(2048, 9, 3))
"""All ways to use the blocks' parity bits as data, shallow ones first."""


class TableMemories:
    """Mixin for an Amaranth platform: memories in block RAM."""

    def get_table_memory(self, memory: TableMemory) -> Module:
        """What stands for *memory*; LUT RAM is what synthesis makes of it by itself."""
        if memory.distributed:
            return memory.elaborate(None)
        m = Module()
        m.submodules.blocks = blocks = BlockTableMemory(memory.bits, memory.depth)
        wiring.connect(m, wiring.flipped(memory), blocks)
        return m

    def get_crossing_memory(self, memory: CrossingMemory) -> Module:
        """What stands for *memory*."""
        m = Module()
        m.submodules.blocks = blocks = BlockTableMemory(
            memory.bits, memory.depth, w_domain=memory.w_domain, r_domain=memory.r_domain
        )
        m.d.comb += [
            blocks.w_en.eq(memory.w_en),
            blocks.w_addr.eq(memory.w_addr),
            blocks.w_data.eq(memory.w_data),
            blocks.r_en.eq(1),
            blocks.r_addr.eq(memory.r_addr),
            memory.r_data.eq(blocks.r_data),
        ]
        return m


class BlockTableMemory(wiring.Component):
    """A table memory of any depth.

    ======  ==========================================  =======
    stage   what happens                                latency
    ======  ==========================================  =======
    read    the entry is in the block's latch           1
    r_data  the entry is in the block's register        2
    ======  ==========================================  =======

    As many blocks side by side as the columns take, in the shallowest shape that is deep enough;
    where none is, slices of the deepest shape, their outputs ORed.

    Parameters
    ----------
    bits, depth : int
    w_domain, r_domain : str
        The clocks that it is written and read by.

    Members
    -------
    w_en, w_addr, w_data
        The entry at ``w_addr`` is written.  Nobody reads it before the next clock.
    r_en, r_addr, r_data
        The entry at ``r_addr``, or zero where ``r_en`` is low, two clocks later.
    """

    def __init__(
        self, bits: int, depth: int, *, w_domain: str = "sync", r_domain: str = "sync"
    ) -> None:
        self._domains = w_domain, r_domain
        self.shape = next((shape for shape in SHAPES if shape.entries >= depth), SHAPES[-1])
        self._depth = depth
        super().__init__(_ports(bits, depth))

    @property
    def blocks(self) -> int:
        """Block RAMs that it takes."""
        width = len(self.w_data)
        return -(-width // self.shape.bits) * -(-self._depth // self.shape.entries)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width, entries, bits = len(self.w_data), self.shape.entries, self.shape.bits
        inner = (entries - 1).bit_length()  # address bits within a slice
        read = Value.cast(0)
        for first in range(0, self._depth, entries):
            depth = min(entries, self._depth - first)
            w_here = self.w_addr[inner:] == first // entries
            r_here = self.r_addr[inner:] == first // entries
            parts = []
            for low in range(0, width, bits):
                part = _Slice(self.shape, min(bits, width - low), depth, *self._domains)
                m.submodules[f"entries{first}_bits{low}"] = part
                m.d.comb += [
                    part.w_en.eq(self.w_en & w_here),
                    part.w_addr.eq(self.w_addr[:inner]),
                    part.w_data.eq(self.w_data[low : low + bits]),
                    part.r_en.eq(self.r_en & r_here),
                    part.r_addr.eq(self.r_addr[:inner]),
                ]
                parts.append(part.r_data)
            read = read | Cat(parts)
        m.d.comb += self.r_data.eq(read)
        return m


class _Slice(wiring.Component):
    """One block RAM: port A writes, port B reads.

    Zeros come out of entries that nobody writes, where the block has enough to spare, or else
    through an AND behind the block.  The block's reset could give them, but no guide says that it
    clears the output register alone, and not the latch before it too, which holds the next entry.

    Members are those of :class:`BlockTableMemory`.
    """

    def __init__(self, shape: _Shape, bits: int, depth: int, w_domain: str, r_domain: str) -> None:
        self._shape = shape
        self._domains = w_domain, r_domain
        self._spare = depth <= shape.entries // 2
        super().__init__(_ports(bits, depth))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        address_bits = (self._shape.entries - 1).bit_length()
        w_address, r_address = Signal(address_bits), Signal(address_bits)
        block = Signal(self._shape.bits)
        m.submodules.block = self._block(w_address, r_address, block)
        m.d.comb += [w_address.eq(self.w_addr), r_address.eq(self.r_addr)]
        if self._spare:  # the lower half stays as it was configured: zero
            m.d.comb += [w_address[-1].eq(1), r_address[-1].eq(self.r_en), self.r_data.eq(block)]
        else:
            latched, enabled = Signal(), Signal()
            m.d[self._domains[1]] += [latched.eq(self.r_en), enabled.eq(latched)]
            m.d.comb += self.r_data.eq(Mux(enabled, block, 0))
        return m

    def _block(self, w_address: Value, r_address: Value, read: Signal) -> Elaboratable:
        shape = self._shape
        low = Const(0, shape.skip)
        wide = shape.bits > PORT_BITS
        # The lowest address pins are byte enables where 18 bits or more are written.
        enables = (1 << shape.bits // 9) - 1 if shape.bits >= PORT_BITS else 0
        outputs = {"DOA": read[:PORT_BITS], "DOB": read[PORT_BITS:]} if wide else {"DOB": read}
        inputs = {
            "ADA": Cat(Const(enables, shape.skip), w_address),
            "ADB": Cat(low, r_address),
            "DIA": self.w_data[:PORT_BITS],
            "DIB": self.w_data[PORT_BITS:],
        }
        return Instance(
            "DP16KD",
            p_DATA_WIDTH_A=shape.bits,
            p_DATA_WIDTH_B=shape.bits,
            p_REGMODE_A="OUTREG",
            p_REGMODE_B="OUTREG",
            p_RESETMODE="SYNC",
            p_GSR="DISABLED",
            i_CLKA=ClockSignal(self._domains[0]),
            i_CLKB=ClockSignal(self._domains[1]),
            **{f"i_OCE{port}": Const(1) for port in "AB"},
            **{f"i_RST{port}": Const(0) for port in "AB"},
            **{f"i_CS{port}{n}": Const(0) for port in "AB" for n in range(3)},
            i_CEA=self.w_en,
            i_WEA=Const(1),
            i_CEB=Const(1),
            i_WEB=Const(0),
            **{f"i_{bus}{n}": bit for bus, bits in inputs.items() for n, bit in enumerate(bits)},
            **{f"o_{bus}{n}": bit for bus, bits in outputs.items() for n, bit in enumerate(bits)},
        )


def _ports(bits: int, depth: int) -> dict[str, wiring.Member]:
    return {
        "w_en": In(1),
        "w_addr": In(range(depth)),
        "w_data": In(bits),
        "r_en": In(1),
        "r_addr": In(range(depth)),
        "r_data": Out(bits),
    }
