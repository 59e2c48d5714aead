"""The shim inserter: what the verdict says is done to the frame on its way to the host.

The shim stands between the MAC addresses and the original EtherType.  It moves the bytes behind it
by a constant, so there is no barrel shifter: whole beats, and at widths that do not divide the
shim's size a fixed rotation, each beat merged with what is left of the one before it.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.verdict import SHIM

from ..layout import frame_verdict, packet_beat
from ..stream import packets

__all__ = ["ADDRESSES", "ShimInserter"]

ADDRESSES = 12
"""Bytes before the shim: the two MAC addresses."""


class ShimInserter(wiring.Component):
    """Insert the shim into a frame, drop the frame, or pass it.

    ======  ====================================================  =======
    stage   what happens                                          latency
    ======  ====================================================  =======
    o       a beat of the frame, of the shim, or of both          1
    ======  ====================================================  =======

    One beat per clock, frames without a bubble between them.  With the beats of a frame numbered
    from 0, ``split`` the one that holds byte 12, ``hold`` the whole beats in a shim and ``shift``
    the bytes it has beyond them, beat k of a frame with the shim is made of:

    ======================  ===========  =========================================
    bytes                   lanes        from
    ======================  ===========  =========================================
    before 12               all          beat k
    12 to 51                all          the shim
    from 52 on              >= shift     beat k - hold, rotated by ``shift``
    from 52 on              < shift      beat k - hold - 1, rotated by ``shift``
    ======================  ===========  =========================================

    so that beat ``split`` is held for ``hold`` clocks, and what the last beat's rotation pushes out
    of it goes into one more.

    Parameters
    ----------
    width : int
        Bytes per beat.

    Members
    -------
    i : packet stream
    verdict : stream of frame_verdict
        One for each frame, taken with the frame's end.  A frame waits for its verdict, and need not
        be there as a whole.  ``insert`` asks for a frame of 13 bytes at least.
    o : packet stream
    """

    def __init__(self, width: int) -> None:
        self._width = width
        super().__init__(
            {
                "i": In(packets(width)),
                "verdict": In(stream.Signature(frame_verdict())),
                "o": Out(packets(width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._width
        split, (hold, shift) = ADDRESSES // width, divmod(SHIM.size, width)
        i, o, verdict = self.i, self.o, self.verdict
        insert = verdict.p.insert

        step = Signal(range(-(-(ADDRESSES + SHIM.size) // width) + 1))  # saturates
        flush = Signal()  # the frame's last bytes are in ``left``
        left = Signal(packet_beat(width))  # of the beat before, rotated
        merged = Signal(packet_beat(width))
        m.submodules.merge = merge = _Merge(width)
        m.d.comb += [
            merge.beat.eq(i.p),
            merge.left.eq(left),
            merge.flush.eq(flush),
            merge.step.eq(step),
            merge.shim.eq(verdict.p.shim),
            merged.eq(Mux(insert, merge.o, i.p)),
        ]

        free = ~o.valid | o.ready
        go = Signal()
        take = Signal()
        spill = Signal()
        done = Signal()
        held = insert & (step >= split) & (step < split + hold)
        m.d.comb += [
            go.eq(free & verdict.valid & (i.valid | flush)),
            take.eq(go & ~flush & ~held),
            spill.eq(insert & i.p.keep[width - shift] if shift else 0),
            done.eq(flush | (take & i.p.last & ~spill)),
            i.ready.eq(take),
            verdict.ready.eq(go & done),
        ]
        with m.If(free):
            m.d.sync += o.valid.eq(go & ~verdict.p.drop)
        with m.If(go):
            m.d.sync += [
                o.p.eq(merged),
                o.p.last.eq(done),
                flush.eq(take & i.p.last & spill),
                left.eq(merge.rotated),
            ]
            with m.If(done):
                m.d.sync += step.eq(0)
            with m.Elif(insert & ~merge.beyond):
                m.d.sync += step.eq(step + 1)
        return m


class _Merge(wiring.Component):
    """One beat of a frame with a shim; combinational.

    Members
    -------
    beat, left : packet_beat
        The frame's beat, and the one before it as it was ``rotated``.
    flush : 1
        There is no beat, only ``left``.
    step : number of the beat to be made, as far as it matters
    beyond : 1
        ``step`` has passed the shim.
    shim : 320
    o, rotated : packet_beat, without ``last``
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._steps = -(-(ADDRESSES + SHIM.size) // width)
        super().__init__(
            {
                "beat": In(packet_beat(width)),
                "left": In(packet_beat(width)),
                "flush": In(1),
                "step": In(range(self._steps + 1)),
                "shim": In(8 * SHIM.size),
                "beyond": Out(1),
                "rotated": Out(packet_beat(width)),
                "o": Out(packet_beat(width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._width
        shift = SHIM.size % width
        lanes = data.ArrayLayout(8, width)
        beat, shim = (
            data.View(lanes, self.beat.data),
            data.View(data.ArrayLayout(8, SHIM.size), self.shim),
        )
        out, rotated = data.View(lanes, self.o.data), data.View(lanes, self.rotated.data)
        left = data.View(lanes, self.left.data)

        m.d.comb += self.beyond.eq(self.step == self._steps)
        for n in range(width):
            m.d.comb += [
                rotated[n].eq(beat[(n - shift) % width]),
                self.rotated.keep[n].eq(self.beat.keep[(n - shift) % width]),
                out[n].eq(left[n] if n < shift else rotated[n]),
                self.o.keep[n].eq(
                    self.left.keep[n] if n < shift else self.rotated.keep[n] & ~self.flush
                ),
            ]
        with m.Switch(self.step):
            for k in range(self._steps):
                with m.Case(k):
                    for n, place in enumerate(range(k * width, (k + 1) * width)):
                        if place < ADDRESSES:
                            m.d.comb += [out[n].eq(beat[n]), self.o.keep[n].eq(self.beat.keep[n])]
                        elif place < ADDRESSES + SHIM.size:
                            m.d.comb += [out[n].eq(shim[place - ADDRESSES]), self.o.keep[n].eq(1)]
        return m
