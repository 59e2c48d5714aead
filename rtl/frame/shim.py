"""The shim inserter: what the verdict says is done to the frame on its way to the host.

The shim stands between the MAC addresses and the original EtherType.  It moves the bytes behind it
by a constant, so there is no barrel shifter: whole beats, and at widths that do not divide the
shim's size a fixed rotation, each beat merged with what is left of the one before it.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
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

        steps = -(-(ADDRESSES + SHIM.size) // width)
        step = Signal(steps + 1, init=1)  # one-hot; the last: the shim is behind
        flush = Signal()  # the frame's last bytes are in ``left``
        left = Signal(packet_beat(width))  # of the beat before, rotated
        piece = Signal(packet_beat(width))  # of the shim, in this step; of none in the first
        m.submodules.merge = merge = _Merge(width, steps)
        m.d.comb += [
            merge.beat.eq(i.p),
            merge.left.eq(left),
            merge.flush.eq(flush),
            merge.step.eq(step),
            merge.insert.eq(insert),
            merge.shim.eq(verdict.p.shim),
            merge.piece.eq(piece),
        ]

        free = ~o.valid | o.ready
        go = Signal()
        take = Signal()
        spill = Signal()
        done = Signal()
        waits = range(split, split + hold)  # steps that take nothing
        held = Signal()  # this is one of them; of the first step it is known with the verdict
        m.d.comb += [
            go.eq(free & verdict.valid & (i.valid | flush)),
            take.eq(go & ~flush & ~held & ~(insert & step[0] & (0 in waits))),
            spill.eq(insert & i.p.keep[width - shift] if shift else 0),
            done.eq(flush | (take & i.p.last & ~spill)),
            i.ready.eq(take),
            verdict.ready.eq(go & done),
        ]
        with m.If(free):
            m.d.sync += o.valid.eq(go & ~verdict.p.drop)
        with m.If(go):
            m.d.sync += [
                o.p.eq(merge.o),
                o.p.last.eq(done),
                flush.eq(take & i.p.last & spill),
                left.eq(merge.rotated),
            ]
            with m.If(done):
                m.d.sync += step.eq(1)
            with m.Elif(insert):
                m.d.sync += step.eq(Cat(C(0, 1), step[:-2], step[-2:].any()))
            with m.If(insert):  # a frame never ends in a step before these
                m.d.sync += [
                    piece.eq(merge.next),
                    held.eq(Cat(step[k - 1] for k in waits if k).any()),
                ]
        return m


class _Merge(wiring.Component):
    """One beat of a frame; combinational.

    Each lane is the OR of what it can be, each under steps of its own: a step is a register, and
    nothing is decoded.  The shim's bytes are chosen a step ahead, but for those of the first.

    Members
    -------
    beat, left : packet_beat
        The frame's beat, and the one before it as it was ``rotated``.
    flush : 1
        There is no beat, only ``left``.
    step : one-hot number of the beat to be made, the last of them for all behind the shim
        The first where nothing is inserted.
    insert : 1
    shim : 320
    piece : packet_beat
        What ``next`` was in the step before; nothing in the first.
    next : packet_beat
        The shim's bytes in the step after this one.
    o, rotated : packet_beat, without ``last``
    """

    def __init__(self, width: int, steps: int) -> None:
        self._width = width
        self._steps = steps
        super().__init__(
            {
                "beat": In(packet_beat(width)),
                "left": In(packet_beat(width)),
                "flush": In(1),
                "step": In(steps + 1),
                "insert": In(1),
                "shim": In(8 * SHIM.size),
                "piece": In(packet_beat(width)),
                "next": Out(packet_beat(width)),
                "rotated": Out(packet_beat(width)),
                "o": Out(packet_beat(width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shift = SHIM.size % self._width
        beat, rotated, left = (_lanes(p) for p in (self.beat, self.rotated, self.left))
        out, piece, following = (_lanes(p) for p in (self.o, self.piece, self.next))
        for n in range(self._width):
            m.d.comb += rotated[n].eq(beat[(n - shift) % self._width])
            behind = left[n] if n < shift else rotated[n] & ~self.flush.replicate(9)
            m.d.comb += out[n].eq(self._lane(n, beat[n], behind) | piece[n])
            chosen = [
                Mux(self.step[k - 1], self._shim_byte(k, n), 0)
                for k in range(1, self._steps)
                if self._has_shim(k, n)
            ]
            m.d.comb += following[n].eq(reduce(or_, chosen, C(0, 9)))
        m.d.comb += self.o.error.eq(self.beat.error & ~self.insert)
        return m

    def _lane(self, n: int, beat: Value, behind: Value) -> Value:
        """What lane *n* is: of the *beat*, *behind* the shim, of the shim in the first step."""
        before, after, first = [], [self.step[-1]], C(0, 9)
        for k in range(self._steps):
            step, place = self.step[k], self._place(k, n)
            if k == 0 and place >= 0:  # there is a shim only if there is one to be inserted
                before.append(step & ~self.insert)
                step &= self.insert
            if place < 0:
                before.append(step)
            elif place >= SHIM.size:
                after.append(step)
            elif k == 0:
                first = Mux(step, self._shim_byte(k, n), 0)
        return Mux(Cat(before).any(), beat, 0) | Mux(Cat(after).any(), behind, 0) | first

    def _place(self, k: int, n: int) -> int:
        """Place in the shim of lane *n* in step *k*, if it is within."""
        return k * self._width + n - ADDRESSES

    def _has_shim(self, k: int, n: int) -> bool:
        return 0 <= self._place(k, n) < SHIM.size

    def _shim_byte(self, k: int, n: int) -> Value:
        return Cat(self.shim.word_select(self._place(k, n), 8), C(1, 1))


def _lanes(p: data.View) -> list[Value]:
    """The bytes of a beat, each with its ``keep`` on top."""
    return [Cat(p.data.word_select(n, 8), keep) for n, keep in enumerate(p.keep)]
