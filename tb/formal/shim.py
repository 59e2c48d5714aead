"""Proof of the shim inserter: 40 bytes come in at the right place, and nothing else changes."""

from amaranth.hdl import Assert, Assume, C, Module, Mux, Signal, Value
from amaranth.lib import data, wiring

from hybridmesh.contract.verdict import SHIM
from hybridmesh.rtl.frame.shim import ADDRESSES
from hybridmesh.rtl.layout import frame_verdict, packet_beat

from .proof import Fault, Proof, Spec, past
from .streams import offers_stay

__all__ = ["PROOFS"]

BEATS = 8
"""Beats of a frame at most, beyond those that the shim is in."""


class Insertion(Spec):
    """Each byte of a frame that comes out is the right one.

    One place in the frame is chosen at will, and the byte that belongs there is kept as it goes in.
    As it could be any place, the frame is right as a whole.
    """

    def __init__(self, inserter: wiring.Component, width: int) -> None:
        super().__init__()
        self.inserter = inserter
        self.width = width
        self.beats = BEATS + -(-(ADDRESSES + SHIM.size) // width)

    def claim(self, m: Module) -> None:
        m.submodules.inserter = inserter = self.inserter
        i, o, verdict, width = inserter.i, inserter.o, inserter.verdict, self.width
        m.d.comb += [
            i.valid.eq(self.free(1, "valid")),
            i.payload.eq(self.free(packet_beat(width), "beat")),
            verdict.valid.eq(self.free(1, "verdict_valid")),
            verdict.payload.eq(self.free(frame_verdict(), "verdict")),
            o.ready.eq(self.free(1, "ready")),
        ]
        place = self.constant(m, range((self.beats + 2) * width), "place")

        # what goes in; a beat that is on offer may be used before it is taken
        number, length = Signal(range(self.beats)), Signal(range((self.beats + 1) * width))
        kept, chosen, whole = Signal(8), Signal(), Signal()
        lanes, insert, drop = i.p.keep, verdict.p.insert, verdict.p.drop
        taken, ended = i.valid & i.ready, verdict.valid & verdict.ready
        wanted = Signal.like(place)  # where the chosen place's byte stood
        behind = insert & (place >= ADDRESSES + SHIM.size)
        now = Signal(data.StructLayout({"kept": 8, "chosen": 1, "whole": 1, "length": len(length)}))
        m.d.comb += [
            Assume(offers_stay(m, i)),
            Assume(offers_stay(m, verdict)),
            Assume(lanes.all() | (i.p.last & lanes[0] & ~(lanes & ~(lanes << 1 | 1)).any())),
            Assume(~(insert & drop)),
            Assume((number != self.beats - 1) | i.p.last),
            Assume(~(insert & i.valid & i.p.last) | (length + _count(lanes) > ADDRESSES)),
            wanted.eq(Mux(behind, place - SHIM.size, place)),
            now.kept.eq(kept),
            now.chosen.eq(chosen),
            now.whole.eq(whole | (taken & i.p.last)),
            now.length.eq(length + Mux(taken, _count(lanes), 0)),
        ]
        for lane in range(width):
            here = (wanted == number * width + lane) & lanes[lane]
            with m.If(i.valid & verdict.valid & ~whole & here):
                m.d.comb += [now.kept.eq(i.p.data.word_select(lane, 8)), now.chosen.eq(1)]
        m.d.sync += [
            kept.eq(now.kept),
            chosen.eq(now.chosen & ~ended),
            whole.eq(now.whole & ~ended),
            length.eq(Mux(ended, 0, now.length)),
            number.eq(Mux(ended, 0, number + taken)),
        ]

        # what comes out is offered first in the clock after what it is made of
        was = data.View(now.shape(), past(m, now))
        said = data.View(verdict.p.shape(), past(m, verdict.p))
        over = past(m, ended)
        new = o.valid & ~past(m, o.valid & ~o.ready)
        at, first = Signal(range(self.beats + 2)), Signal.like(place)
        m.d.comb += first.eq(at * width)
        with m.If(new):
            m.d.sync += at.eq(Mux(o.p.last, 0, at + 1))
        of_shim = said.insert & (place >= ADDRESSES) & (place < ADDRESSES + SHIM.size)
        there = of_shim | was.chosen
        byte = Mux(of_shim, said.shim.word_select((place - ADDRESSES)[:6], 8), was.kept)
        came = Signal(data.StructLayout({"keep": 1, "byte": 8}))
        for lane in range(width):
            with m.If(place == first + lane):
                m.d.comb += [
                    came.keep.eq(o.p.keep[lane]),
                    came.byte.eq(o.p.data.word_select(lane, 8)),
                ]
        shown = new & (place >= first) & (place < first + width)
        total = was.length + Mux(said.insert, SHIM.size, 0)
        m.d.comb += [
            Assert(offers_stay(m, o)),
            Assert(~shown | (came.keep == there)),
            Assert(~(shown & there) | (came.byte == byte)),
            Assert(~(new & o.p.last) | (first + _count(o.p.keep) == total)),
            Assert(~new | ((o.p.last == over) & ~said.drop)),
            Assert(~over | (was.whole & (new | said.drop))),
        ]

        # progress: something goes in, or comes out, as soon as it can
        can = past(m, verdict.valid & i.valid & (o.ready | ~o.valid))
        m.d.comb += Assert(~can | new | said.drop)


def _count(lanes: Value) -> Value:
    return sum((lanes[n] for n in range(len(lanes))), C(0, 1))


def _proof(width: int, clocks: int) -> Proof:
    return Proof(
        f"shim-{width}",
        f"{width} bytes a beat: 40 bytes of shim come in behind byte 12, the rest stays as it is",
        "hybridmesh.rtl.frame.shim",
        lambda module: Insertion(module.ShimInserter(width), width),
        (
            Fault("flush.eq(take & i.p.last & spill)", "flush.eq(take & i.p.last)"),
            Fault("behind = left[n] if n < shift else", "behind = left[n] if n <= shift else"),
            *([Fault("step &= self.insert", "step &= 1")] if width > ADDRESSES else []),
            *([Fault("piece.eq(merge.next)", "piece.eq(0)")] if width < SHIM.size else []),
        ),
        clocks=clocks,
    )


PROOFS = (_proof(64, 8), _proof(16, 12), _proof(8, 16))
