"""The filter: control frames are taken out of what goes from the host to the wire."""

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.inband import ADDRESSES, ETHERTYPE

from ..layout import packet_beat
from ..stream import packets

__all__ = ["ControlFilter"]


class ControlFilter(wiring.Component):
    """Let all frames go on but those that have the EtherType of control frames.

    ========  ======================================================  =============
    stage     what happens                                            latency
    ========  ======================================================  =============
    memory    a byte is written; one of a control frame is forgotten  1
    known     the frame goes on from its EtherType or its end on      14, or fewer
    o         its oldest byte is read                                 15, or fewer
    ========  ======================================================  =============

    The EtherType is known with a frame's 14th byte.  Bytes are written as they come; they may be
    read once their frame is known to go on, and those before the EtherType of a control frame are
    written over.  One byte per clock; frames that follow each other without a gap leave so.

    Members
    -------
    i, o : packet stream of width 1
        ``i`` waits for ``o`` alone, and for a clock at the most within a control frame behind its
        EtherType.
    control : out
        The frame under way is a control frame; from its 15th byte, or its end, up to the first byte
        of the next.
    """

    PLACES = 32
    """Bytes of the memory, a power of two: those up to the EtherType, and what is on its way."""

    def __init__(self) -> None:
        super().__init__({"i": In(packets(1)), "o": Out(packets(1)), "control": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        m.submodules.memory = memory = Memory(
            shape=Shape.cast(packet_beat(1)).width,
            depth=self.PLACES,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        write, read = memory.write_port(), memory.read_port()
        pointer = range(2 * self.PLACES)  # one bit more than an address: full is not empty
        written, known, taken = Signal(pointer), Signal(pointer), Signal(pointer)

        number = Signal(range(ADDRESSES + 3))  # of the byte in its frame; behind the EtherType all
        high = Signal()  # the byte before is the EtherType's first one
        behind = number == ADDRESSES + 2
        claims, drop, transfer = Signal(), Signal(), Signal()
        used, room = Signal(pointer), Signal(init=1)
        # A clock late, so a place more is taken for used: who asks is far away.
        m.d.sync += room.eq(used <= self.PLACES - 2)
        m.d.comb += [
            used.eq(written - taken),
            i.ready.eq(room),
            transfer.eq(i.valid & i.ready),
            claims.eq((number == ADDRESSES + 1) & high & (i.p.data == ETHERTYPE & 0xFF)),
            drop.eq(claims | (behind & self.control)),
            write.en.eq(room),  # counts where ``written`` moves on
            write.addr.eq(written),
            write.data.eq(Value.cast(i.payload)),
        ]
        with m.If(transfer):
            m.d.sync += [
                number.eq(Mux(i.p.last, 0, number + ~behind)),
                high.eq(i.p.data == ETHERTYPE >> 8),
                self.control.eq(drop),
                written.eq(Mux(drop, known, written + 1)),
            ]
            with m.If(~drop & (i.p.last | (number > ADDRESSES))):
                m.d.sync += known.eq(written + 1)

        m.d.comb += [
            read.addr.eq(taken),
            read.en.eq((taken != known) & (~o.valid | o.ready)),
            Value.cast(o.payload).eq(read.data),
        ]
        m.d.sync += taken.eq(taken + read.en)
        with m.If(~o.valid | o.ready):
            m.d.sync += o.valid.eq(read.en)
        return m
