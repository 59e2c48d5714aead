"""Proofs of the Ethernet MAC: whatever comes over the pins, each frame has one end."""

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal
from amaranth.lib import wiring

from hybridmesh.rtl.ethernet.gmii import SFD, Symbol
from hybridmesh.rtl.ethernet.intake import Queued
from hybridmesh.rtl.ethernet.receiver import FrameOctet

from .proof import Fault, Proof, Spec, past
from .streams import offers_stay

__all__ = ["PROOFS"]

LONGEST = 6
PATIENCE = 3


class Carriers(Spec):
    """A receiver gives a frame for each carrier with an SFD, with one first and one last octet."""

    def __init__(self, receiver: wiring.Component) -> None:
        super().__init__()
        self.receiver = receiver

    def claim(self, m: Module) -> None:
        m.submodules.receiver = receiver = self.receiver
        i, o, events = receiver.i, receiver.o, receiver.events.as_value()
        m.d.comb += [i.valid.eq(self.free(1, "valid")), i.p.eq(self.free(Symbol, "symbol"))]
        within, size = Signal(), Signal(range(LONGEST + 2))
        had = Signal()  # this carrier's frame
        ends, down = o.valid & o.p.last, past(m, i.valid & ~i.p.dv)
        m.d.sync += had.eq(~down & (had | ends))
        fresh, due = Signal(), Signal()  # all of this carrier has been seen; it has an SFD
        with m.If(i.valid & ~i.p.dv):
            m.d.sync += [fresh.eq(1), due.eq(0)]
        with m.Elif(i.valid & fresh & (i.p.data == SFD)):
            m.d.sync += due.eq(1)
        with m.If(o.valid):
            m.d.sync += [within.eq(~o.p.last), size.eq(Mux(o.p.last, 0, size + 1))]
        m.d.comb += [
            Assert(~o.valid | (o.p.first == ~within)),
            Assert(~down | ~within | ends),
            Assert(~had | ~o.valid),
            Assert(~down | ((had | ends) == past(m, due))),
            Assert(size < LONGEST),
            Assert(sum(events) == ends),
            Assert(~o.valid | o.p.last | ~o.p.error),
            Assert(~ends | (o.p.error == ~receiver.events.frames)),
        ]


class Written(Spec):
    """What is written into a queue that may be full in any clock: frames, torn ones with a mark."""

    def __init__(self, intake: wiring.Component) -> None:
        super().__init__()
        self.intake = intake

    def claim(self, m: Module) -> None:
        m.submodules.intake = intake = self.intake
        i = intake.i
        m.d.comb += [
            i.valid.eq(self.free(1, "valid")),
            i.p.eq(self.free(FrameOctet, "octet")),
            intake.full.eq(self.free(1, "full")),
        ]
        within, written, extra = Signal(), Signal(), Signal()
        with m.If(i.valid):
            m.d.sync += within.eq(~i.p.last)
        with m.If(intake.write):
            m.d.sync += written.eq(~intake.data.last)
        m.d.sync += extra.eq(intake.full & (extra | intake.write))
        torn = intake.write & intake.data.last & ~i.p.last
        m.d.comb += [
            Assume(~i.valid | (i.p.first == ~within)),
            Assert(~written | within),
            Assert(~written | ~i.valid | intake.write),
            Assert(~intake.write | i.valid),
            Assert(~intake.write | written | i.p.first),
            Assert(~torn | intake.data.error),
            Assert(~(intake.write & i.p.last) | intake.data.last),
            Assert(~(extra & intake.full & intake.write)),
            Assert(intake.overrun == (i.valid & (i.p.first | written) & intake.full)),
            Assert(~intake.write | intake.full | (Cat(intake.data.error) == i.p.error)),
        ]


class Arrives(Spec):
    """What the core gets of a queue that may fall silent at any time: frames that end."""

    def __init__(self, arrival: wiring.Component) -> None:
        super().__init__()
        self.arrival = arrival

    def claim(self, m: Module) -> None:
        m.submodules.arrival = arrival = self.arrival
        i, o = arrival.i, arrival.o
        m.d.comb += [
            i.valid.eq(self.free(1, "valid")),
            i.p.eq(self.free(Queued, "queued")),
            o.ready.eq(self.free(1, "ready")),
        ]
        most = PATIENCE + 4
        within, silent = Signal(), Signal(range(most + 1))
        ahead = Signal(3, init=3)  # of ends that came in, those that went out, plus 3
        taken, given = i.valid & i.ready, o.valid & o.ready
        with m.If(given):
            m.d.sync += within.eq(~o.p.last)
        with m.If(i.valid | ~o.ready):
            m.d.sync += silent.eq(0)
        with m.Elif(silent != most):
            m.d.sync += silent.eq(silent + 1)
        m.d.sync += ahead.eq(ahead + (given & o.p.last) - (taken & i.p.last))
        m.d.comb += [
            Assume(offers_stay(m, i)),
            Assume(i.p.last | ~i.p.error),
            Assert(offers_stay(m, o)),
            Assert(~given | o.p.last | ~o.p.error),
            Assert((ahead >= 1) & (ahead <= 4)),
            Assert((silent != most) | ~within),
        ]


def _patient(module) -> wiring.Component:
    return type("Arrival", (module.Arrival,), {"PATIENCE": PATIENCE})()


_ETHERNET = "hybridmesh.rtl.ethernet"

PROOFS = (
    Proof(
        "mac-receiver",
        "a carrier with an SFD is one frame, which has one first octet and one last",
        f"{_ETHERNET}.receiver",
        lambda module: Carriers(module.Receiver(LONGEST)),
        (
            Fault("m.d.sync += [o.valid.eq(1), first.eq(0), g", "m.d.sync += [o.valid.eq(1), g"),
            Fault("with m.If(given == self._longest - 1):", "with m.If(given == self._longest):"),
            Fault('m.next = "ended"', 'm.next = "waits"'),
            Fault("with m.If(~i.p.dv):", "with m.If(~i.p.dv & full):"),
        ),
    ),
    Proof(
        "mac-intake",
        "whenever the queue is full, a frame that has begun ends, with a mark if it is torn",
        f"{_ETHERNET}.intake",
        lambda module: Written(module.Intake()),
        (
            Fault("i.p.error | self.full", "i.p.error"),
            Fault("begun.eq(~self.data.last)", "begun.eq(~i.p.last)"),
            Fault("(begun | (i.p.first & ~self.full))", "(begun | i.p.first)"),
        ),
    ),
    Proof(
        "mac-arrival",
        "whenever the queue falls silent, a frame that has begun ends, and only once",
        f"{_ETHERNET}.intake",
        lambda module: Arrives(_patient(module)),
        (
            Fault("[begun.eq(0), late.eq(1), waited.eq(0)", "[begun.eq(0), waited.eq(0)"),
            Fault("over & given.ready", "over"),
            Fault("begun.eq(~i.p.last & ~late)", "begun.eq(~i.p.last & begun)"),
        ),
    ),
)
