"""Proof of the priority encoder: the first set bit, whichever bits are set."""

from amaranth.hdl import Assert, Module
from amaranth.lib import wiring

from .proof import Fault, Proof, Spec, past

__all__ = ["PROOFS"]


class First(Spec):
    """Bit ``number`` is set, and none below it."""

    def __init__(self, encoder: wiring.Component, bits: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.bits = bits

    def claim(self, m: Module) -> None:
        m.submodules.encoder = encoder = self.encoder
        bits = self.free(self.bits, "bits")
        m.d.comb += encoder.i.eq(bits)
        for _ in range(encoder.latency):
            bits = past(m, bits)
        found, number = encoder.found, encoder.number
        m.d.comb += [
            Assert(found == bits.any()),
            Assert(~found | bits.bit_select(number, 1)),
            Assert(~found | ~(bits & ((1 << number) - 1)).any()),
            Assert(found | (number == 0)),
        ]


def _proof(bits: int) -> Proof:
    return Proof(
        f"priority-{bits}",
        f"of {bits} bits, the number of the lowest that is set",
        "hybridmesh.rtl.match.priority",
        lambda module: First(module.PriorityEncoder(bits), bits),
        (
            Fault("for n in reversed(range(len(group))):", "for n in range(len(group)):"),
            Fault("any_.eq(group.any())", "any_.eq(group[1:].any())"),
        ),
    )


PROOFS = tuple(_proof(bits) for bits in (8, 32, 256))
