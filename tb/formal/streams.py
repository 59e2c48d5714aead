"""Proofs of the stream parts: order, stability, progress."""

from amaranth.hdl import Assert, Module, Signal, Value
from amaranth.lib import wiring

from .proof import Fault, Proof, Spec, past

__all__ = ["PROOFS", "offers_stay"]

BITS = 1
"""Of a payload.  A queue does not look at what it carries, so one is as good as any number."""


def offers_stay(m: Module, source) -> object:
    """Whether what *source* offered in the clock before and nobody took is offered still."""
    refused = past(m, source.valid & ~source.ready)
    same = Value.cast(source.payload) == past(m, source.payload)
    return ~refused | (source.valid & same)


class Queue(Spec):
    """Whatever is taken comes out once, in order, and as long as anybody takes it, in time.

    One transfer is picked at will and followed: how many are ahead of it is counted, and when none
    is, it is next.  As any could be picked, all come out so.
    """

    def __init__(self, dut: wiring.Component, holds: int, clocks: int) -> None:
        super().__init__()
        self.dut = dut
        self.holds = holds
        self.clocks = clocks

    def claim(self, m: Module) -> None:
        m.submodules.dut = dut = self.dut
        i, o = dut.i, dut.o
        m.d.comb += [
            i.valid.eq(self.free(1, "valid")),
            i.payload.eq(self.free(BITS, "payload")),
            o.ready.eq(self.free(1, "ready")),
        ]
        taken, given = i.valid & i.ready, o.valid & o.ready
        m.d.comb += Assert(offers_stay(m, o))

        # order
        inside = Signal(range(self.holds + 2))
        followed, ahead, payload = Signal(), Signal.like(inside), Signal(BITS)
        m.d.sync += inside.eq(inside + taken - given)
        with m.If(taken & self.free(1, "pick") & ~followed):
            m.d.sync += [followed.eq(1), ahead.eq(inside - given), payload.eq(i.payload)]
        with m.Elif(followed & given):
            m.d.sync += [followed.eq(ahead != 0), ahead.eq(ahead - 1)]
        m.d.comb += [
            Assert(inside <= self.holds),
            Assert(~o.valid | (inside != 0)),
            Assert(~(followed & (ahead == 0) & given) | (o.payload == payload)),
        ]

        # progress: with a sink that is ready, what is inside comes, and nothing outside waits
        ready_for, waited = Signal(range(self.clocks + 1)), Signal(range(self.clocks + 1))
        with m.If(~o.ready):
            m.d.sync += ready_for.eq(0)
        with m.Elif(ready_for != self.clocks):
            m.d.sync += ready_for.eq(ready_for + 1)
        with m.If((inside == 0) | given | ~o.ready):
            m.d.sync += waited.eq(0)
        with m.Else():
            m.d.sync += waited.eq(waited + 1)
        always = Signal(init=1)
        m.d.sync += always.eq(always & o.ready)
        m.d.comb += [
            Assert(waited != self.clocks),
            Assert((ready_for != self.clocks) | i.ready),
            Assert(~always | i.ready),
        ]


PROOFS = (
    Proof(
        "register-slice",
        "a register slice loses, repeats, reorders and delays nothing",
        "hybridmesh.rtl.stream",
        lambda module: Queue(module.RegisterSlice(BITS), holds=2, clocks=3),
        (
            Fault("with m.Elif(i.valid & ~full):", "with m.Elif(i.valid):"),
            Fault("spare.eq(i.payload), full.eq(1)]", "spare.eq(i.payload), full.eq(0)]"),
            Fault("[o.valid.eq(i.valid | full), full.eq(0)]", "[o.valid.eq(i.valid), full.eq(0)]"),
        ),
    ),
    Proof(
        "small-fifo",
        "a FIFO of LUT RAM loses, repeats and reorders nothing, and is never full for long",
        "hybridmesh.rtl.stream",
        lambda module: Queue(module.SmallFifo(BITS, 4), holds=5, clocks=4),
        (
            Fault("i.ready.eq(level != self._places)", "i.ready.eq(1)"),
            Fault("pop.eq((level != 0) & (~o.valid | o.ready))", "pop.eq(~o.valid | o.ready)"),
            Fault("m.d.sync += o.valid.eq(pop)", "m.d.sync += o.valid.eq(pop | o.valid)"),
        ),
    ),
    Proof(
        "fifo",
        "a FIFO of block RAM loses, repeats and reorders nothing, never reads where it writes, "
        "and is never full for long",
        "hybridmesh.rtl.stream",
        lambda module: Queue(module.Fifo(BITS, 8), holds=15, clocks=8),
        (
            Fault("level >= self._places - 2", "level >= self._places - 1"),
            Fault("(claimed != self.AHEAD)", "(claimed != self.AHEAD + 1)"),
            Fault("delayed(m, pop, memory.latency)", "delayed(m, pop, memory.latency - 1)"),
        ),
    ),
)
