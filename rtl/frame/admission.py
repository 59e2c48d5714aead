"""Admission of frames: a place for the frame's verdict is kept from its first beat on."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..stream import packets

__all__ = ["Admission"]


class Admission(wiring.Component):
    """Let a frame begin where there is room for its verdict; verdicts cannot wait.

    ======  ================================================  =======
    stage   what happens                                      latency
    ======  ================================================  =======
    o       ``i``, held before a first beat without room      0
    ======  ================================================  =======

    Parameters
    ----------
    width : int
        Bytes per beat.
    frames : int
        Verdicts that there is room for.

    Members
    -------
    i, o : packet stream
    started : out
        A frame's first beat is transferred.
    released : in
        A verdict has left its place.
    """

    def __init__(self, width: int, frames: int) -> None:
        self._frames = frames
        super().__init__(
            {
                "i": In(packets(width)),
                "o": Out(packets(width)),
                "started": Out(1),
                "released": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        first = Signal(init=1)
        waiting = Signal(range(self._frames + 1))
        open_ = Signal()
        transfer = i.valid & i.ready

        m.d.comb += [
            open_.eq(~first | (waiting != self._frames)),
            o.payload.eq(i.payload),
            o.valid.eq(i.valid & open_),
            i.ready.eq(o.ready & open_),
            self.started.eq(transfer & first),
        ]
        with m.If(transfer):
            m.d.sync += first.eq(i.payload.last)
        with m.If(self.started & ~self.released):
            m.d.sync += waiting.eq(waiting + 1)
        with m.If(self.released & ~self.started):
            m.d.sync += waiting.eq(waiting - 1)
        return m
