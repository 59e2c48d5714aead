"""Streams of the NIC, and the parts that every path through it is built of.

A packet stream is a ready/valid stream of :func:`~hybridmesh.rtl.layout.packet_beat`.  The rules
of ``amaranth.lib.stream`` hold: a transfer takes place where ``valid`` and ``ready`` are both high,
and a payload that was offered stays as it is until it is taken.
"""

from amaranth.hdl import Module, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .layout import packet_beat
from .memory import TableMemory
from .pipeline import delayed

__all__ = ["Fifo", "RegisterSlice", "SmallFifo", "packets"]


def packets(width: int) -> stream.Signature:
    """Signature of a packet stream, ``width`` bytes per beat."""
    return stream.Signature(packet_beat(width))


class RegisterSlice(wiring.Component):
    """Register in both directions of a stream: no path from any input to any output.

    ======  =======================================================  =======
    stage   what happens                                             latency
    ======  =======================================================  =======
    o       ``i`` is taken; into ``spare`` when ``o`` is stalled     1
    ======  =======================================================  =======

    Parameters
    ----------
    shape : ShapeLike
        Payload of the stream.

    Members
    -------
    i, o : stream of ``shape``
        One transfer per clock; ``i.ready`` is the register "``spare`` is empty".
    """

    def __init__(self, shape: ShapeLike) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})
        self._shape = shape

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        spare = Signal(self._shape)
        full = Signal()

        m.d.comb += i.ready.eq(~full)
        with m.If(~o.valid | o.ready):
            m.d.sync += [o.valid.eq(i.valid | full), full.eq(0)]
            with m.If(full):
                m.d.sync += o.payload.eq(spare)
            with m.Elif(i.valid):
                m.d.sync += o.payload.eq(i.payload)
        with m.Elif(i.valid & ~full):
            m.d.sync += [spare.eq(i.payload), full.eq(1)]
        return m


class SmallFifo(wiring.Component):
    """Queue of payloads in LUT RAM, for those that are few.

    ======  ======================================  =======
    stage   what happens                            latency
    ======  ======================================  =======
    memory  ``i`` is written                        1
    o       the oldest payload is read              2
    ======  ======================================  =======

    Parameters
    ----------
    shape : ShapeLike
        Payload of the stream.
    depth : int
        Payloads that it holds at least: rounded up to a power of two, which the memory is, and one
        for its output register.

    Members
    -------
    i, o : stream of ``shape``
        One transfer per clock; ``o`` is registered.
    """

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})
        self._bits = Shape.cast(shape).width
        self._places = 1 << (depth - 1).bit_length()
        self.depth = self._places + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        m.submodules.memory = memory = Memory(
            shape=self._bits, depth=self._places, init=[], attrs={"ram_style": "distributed"}
        )
        write, read = memory.write_port(), memory.read_port()
        level = Signal(range(self._places + 1))
        push, pop = write.en, read.en

        m.d.comb += [
            i.ready.eq(level != self._places),
            push.eq(i.valid & i.ready),
            pop.eq((level != 0) & (~o.valid | o.ready)),
            write.data.eq(i.payload),
            Value.cast(o.payload).eq(read.data),
        ]
        m.d.sync += [
            level.eq(level + push - pop),
            write.addr.eq(write.addr + push),
            read.addr.eq(read.addr + pop),
        ]
        with m.If(~o.valid | o.ready):
            m.d.sync += o.valid.eq(pop)
        return m


class Fifo(wiring.Component):
    """Queue of payloads in block RAM, read through its output register.

    ======  ==================================================  =======
    stage   what happens                                        latency
    ======  ==================================================  =======
    memory  ``i`` is written                                    1
    read    the oldest payload is in the output register        3
    o       it has passed a small queue, which takes what is    5
            on its way when ``o`` stalls
    ======  ==================================================  =======

    Parameters
    ----------
    shape : ShapeLike
        Payload of the stream.
    depth : int
        Payloads that it holds at least: the memory is the next power of two, whose last places are
        not taken, and there are those of the small queue.

    Members
    -------
    i, o : stream of ``shape``
        One transfer per clock.
    """

    AHEAD = 8
    """Payloads that are read ahead: more than the clocks from a read to its payload's place."""

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})
        self._shape = shape
        self._places = 1 << (depth - 1).bit_length()
        self.depth = self._places - 1 + self.AHEAD

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = Shape.cast(self._shape).width
        m.submodules.memory = memory = TableMemory(bits, self._places, distributed=False)
        m.submodules.ahead = ahead = SmallFifo(self._shape, self.AHEAD)
        level = Signal(range(self._places))
        full = Signal()  # or may be, after what comes in this clock
        claimed = Signal(range(self.AHEAD + 1))  # of the small queue's places
        push, pop = Signal(), memory.r_en

        wiring.connect(m, ahead.o, wiring.flipped(self.o))
        m.d.comb += [
            self.i.ready.eq(~full),
            push.eq(self.i.valid & self.i.ready),
            # whatever is offered, on every clock: the place behind the newest payload is nobody's
            memory.w_en.eq(1),
            memory.w_data.eq(self.i.payload),
            pop.eq((level != 0) & (claimed != self.AHEAD)),
            ahead.i.valid.eq(delayed(m, pop, memory.latency)),
            Value.cast(ahead.i.payload).eq(memory.r_data),
        ]
        m.d.sync += [
            level.eq(level + push - pop),
            full.eq(level >= self._places - 2),
            claimed.eq(claimed + pop - (self.o.valid & self.o.ready)),
            memory.w_addr.eq(memory.w_addr + push),
            memory.r_addr.eq(memory.r_addr + pop),
        ]
        return m
