"""Both ends of the queue that brings received frames to the core's clock.

At the clock of the wire nothing can wait, at the core's nobody knows of the wire: each side sees to
it that a frame that goes wrong on its way ends, once, marked as bad.
"""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream import RegisterSlice, packets
from .receiver import FrameOctet

__all__ = ["Arrival", "Intake", "Queued"]

Queued = data.StructLayout({"data": 8, "last": 1, "error": 1})
"""What is queued of a frame's octet."""


class Intake(wiring.Component):
    """Write frames into the queue; where it is full, the frame ends.

    ======  ==========================================================  =======
    stage   what happens                                                latency
    ======  ==========================================================  =======
    write   the octet, or in place of it the end of a frame that has    0
            no more room
    ======  ==========================================================  =======

    Members
    -------
    i : stream of FrameOctet, always ready
    full : in
    write, data : out
        One write at most while ``full`` is high: the end takes it.
    overrun : out
        A frame was lost: cut short, or as a whole when there was no room for its beginning.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(FrameOctet, always_ready=True)),
                "full": In(1),
                "write": Out(1),
                "data": Out(Queued),
                "overrun": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i
        begun = Signal()  # a frame is in the queue without its end
        m.d.comb += [
            self.write.eq(i.valid & (begun | (i.p.first & ~self.full))),
            self.data.data.eq(i.p.data),
            self.data.last.eq(i.p.last | self.full),
            self.data.error.eq(i.p.error | self.full),
            self.overrun.eq(i.valid & self.full & (begun | i.p.first)),
        ]
        with m.If(self.write):
            m.d.sync += begun.eq(~self.data.last)
        return m


class Arrival(wiring.Component):
    """Frames from the queue to the core; a frame that stops coming ends.

    ======  ===================================================  =======
    stage   what happens                                         latency
    ======  ===================================================  =======
    o       ``i``, registered; or the end of a frame of which    1
            nothing has come for :attr:`PATIENCE` clocks
    ======  ===================================================  =======

    PHYs stop their clock when the link goes, also within a frame.  What comes of that frame when
    the clock runs again is dropped.

    Members
    -------
    i : stream of Queued
    o : packet stream, 1 byte wide
    stopped : out
        A frame was ended for that.
    """

    PATIENCE = 1024
    """Clocks; at 10 Mb/s octets are 100 apart, and the queue hands some at a time."""

    def __init__(self) -> None:
        super().__init__(
            {"i": In(stream.Signature(Queued)), "o": Out(packets(1)), "stopped": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        m.submodules.slice = register = RegisterSlice(o.payload.shape())
        begun, late = Signal(), Signal()  # a frame has begun; its rest comes too late
        waited, over = Signal(range(self.PATIENCE)), Signal()  # the patience
        given = register.i

        wiring.connect(m, register.o, wiring.flipped(o))
        m.d.comb += [
            given.p.data.eq(i.p.data),
            given.p.keep.eq(Const(1)),
            given.p.last.eq(i.p.last | self.stopped),
            given.p.error.eq(i.p.error | self.stopped),
            given.valid.eq((i.valid & ~late) | self.stopped),
            i.ready.eq((given.ready | late) & ~self.stopped),
        ]
        with m.If(i.valid & i.ready):
            m.d.sync += [begun.eq(~i.p.last & ~late), late.eq(late & ~i.p.last)]
        with m.If(i.valid | ~begun):
            m.d.sync += [waited.eq(0), over.eq(0)]
        with m.Elif(~over):
            m.d.sync += [waited.eq(waited + 1), over.eq(waited == self.PATIENCE - 1)]
        m.d.comb += self.stopped.eq(over & given.ready)
        with m.If(self.stopped):
            m.d.sync += [begun.eq(0), late.eq(1), waited.eq(0), over.eq(0)]
        return m
