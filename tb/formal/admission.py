"""Proof of admission: no more frames than there are places for their verdicts, and none changed."""

from amaranth.hdl import Assert, Assume, Module, Signal
from amaranth.lib import wiring

from hybridmesh.rtl.layout import packet_beat

from .proof import Fault, Proof, Spec
from .streams import offers_stay

__all__ = ["PROOFS"]

WIDTH, FRAMES = 2, 3


class Places(Spec):
    """Frames pass as they are; one begins where a place is free, and then is not held."""

    def __init__(self, admission: wiring.Component) -> None:
        super().__init__()
        self.admission = admission

    def claim(self, m: Module) -> None:
        m.submodules.admission = admission = self.admission
        i, o = admission.i, admission.o
        released = self.free(1, "released")
        m.d.comb += [
            i.valid.eq(self.free(1, "valid")),
            i.payload.eq(self.free(packet_beat(WIDTH), "beat")),
            o.ready.eq(self.free(1, "ready")),
            admission.released.eq(released),
        ]
        begins, waiting = Signal(init=1), Signal(range(FRAMES + 2))
        taken = i.valid & i.ready
        with m.If(taken):
            m.d.sync += begins.eq(i.p.last)
        m.d.sync += waiting.eq(waiting + (taken & begins) - released)
        m.d.comb += [
            Assume(offers_stay(m, i)),
            Assume(~released | (waiting != 0)),
            Assert(waiting <= FRAMES),
            Assert(o.p.as_value() == i.p.as_value()),
            Assert(taken == (o.valid & o.ready)),
            Assert(admission.started == (taken & begins)),
            Assert(~(i.valid & o.ready & (~begins | (waiting != FRAMES))) | taken),
            Assert(offers_stay(m, o)),
        ]


PROOFS = (
    Proof(
        "admission",
        "no more frames are let in than verdicts can wait, and none is held or changed within",
        "hybridmesh.rtl.frame.admission",
        lambda module: Places(module.Admission(WIDTH, FRAMES)),
        (
            Fault("open_.eq(~first | (waiting != self._frames))", "open_.eq(1)"),
            Fault(
                "open_.eq(~first | (waiting != self._frames))", "open_.eq(waiting != self._frames)"
            ),
            Fault("first.eq(i.payload.last)", "first.eq(1)"),
            Fault("with m.If(self.released & ~self.started):", "with m.If(self.released):"),
        ),
    ),
)
