"""The core's end of the queue of frames to send: whole ones and good ones leave it."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..stream import packets

__all__ = ["Outbox", "OutboxEvents", "Written"]

Written = data.StructLayout({"data": 8, "last": 1})
"""What is queued of a frame's octet."""

OutboxEvents = data.StructLayout({"frames": 1, "dropped": 1, "oversize": 1})
"""A frame's end was taken, and it will be sent; or it was marked bad and will not; or it is too
long, and what there is of it will not (``dropped`` does not count it)."""


class Outbox(wiring.Component):
    """Write frames into the queue on trial; commit the good ones, take the others back.

    ======  ==============================================  =======
    stage   what happens                                    latency
    ======  ==============================================  =======
    write   the octet                                       0
    ======  ==============================================  =======

    Parameters
    ----------
    longest : int
        Bytes of the longest frame; the queue must hold one.

    Members
    -------
    i : packet stream, 1 byte wide
        Waits while the queue is full, but never in a frame that is dropped.
    full : in
    write, data, commit, rewind : out
        Those of :class:`~hybridmesh.rtl.ethernet.crossing.Crossing`.
    events : out
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        super().__init__(
            {
                "i": In(packets(1)),
                "full": In(1),
                "write": Out(1),
                "data": Out(Written),
                "commit": Out(1),
                "rewind": Out(1),
                "events": Out(OutboxEvents),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i
        size = Signal(range(self._longest))  # of the frame so far
        too_long = Signal()  # it was as long as it may be, and not at its end
        ends = Signal()
        events = Signal(OutboxEvents)

        m.d.comb += [
            i.ready.eq(~self.full | too_long),
            ends.eq(i.valid & i.ready & i.p.last),
            self.write.eq(i.valid & i.ready & ~too_long),
            self.data.data.eq(i.p.data),
            self.data.last.eq(i.p.last),
            events.oversize.eq(ends & too_long),
            events.dropped.eq(ends & ~too_long & i.p.error),
            events.frames.eq(ends & ~too_long & ~i.p.error),
            self.commit.eq(events.frames),
            self.rewind.eq(events.dropped | events.oversize | too_long),
        ]
        m.d.sync += self.events.eq(events)
        with m.If(ends):
            m.d.sync += [size.eq(0), too_long.eq(0)]
        with m.Elif(self.write):
            m.d.sync += [size.eq(size + 1), too_long.eq(size == self._longest - 1)]
        return m
