"""What the walker's stages have in common: a beat goes on with more known of its frame."""

from amaranth.hdl import Module, Signal, Value, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

__all__ = ["NARROW", "HeaderStage", "Stage"]

NARROW = 8
"""An extension header's length is its second byte and it has eight at least, from an even offset:
the header behind it is not in the same beat of eight bytes."""


class Stage(wiring.Component):
    """``o`` is ``i`` one clock later, with more known.

    Attributes
    ----------
    latency : int
    """

    latency = 1

    def __init__(
        self,
        taken: data.Layout,
        given: data.Layout,
        members: dict[str, wiring.Member] | None = None,
    ) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(taken, always_ready=True)),
                "o": Out(stream.Signature(given, always_ready=True)),
                **(members or {}),
            }
        )

    def give(self, m: Module, valid: Value, known: dict[str, ValueLike]) -> None:
        """Pass a beat that is there if *valid*, of which the members of ``o`` are *known*."""
        m.d.sync += self.o.valid.eq(valid)
        m.d.sync += [self.o.p[name].eq(value) for name, value in known.items()]


class HeaderStage(Stage):
    """A stage that takes a header's bytes and works out from them where the next one stands.

    Up to :data:`NARROW` bytes per beat no header begins in the beat that places it: what a beat is
    given with is what the beats before have shown.  Wider beats wait a clock for what they show
    themselves, so however many headers one holds, each stage works on one.
    """

    def __init__(
        self,
        geometry: Geometry,
        taken: data.Layout,
        given: data.Layout,
        members: dict[str, wiring.Member] | None = None,
    ) -> None:
        super().__init__(taken, given, members)
        self._waits = geometry.width > NARROW
        self.latency = 1 + self._waits

    def judged(self, m: Module) -> tuple[data.View, Value]:
        """The beat that is given next, and whether there is one."""
        return self.late(m, self.i.p), self.late(m, self.i.valid)

    def late(self, m: Module, value: ValueLike) -> ValueLike:
        """*value*, known of the beat of ``i``, when that beat is given."""
        if not self._waits:
            return value
        m.d.sync += (later := Signal.like(value)).eq(value)
        return later
