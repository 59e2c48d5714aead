"""Queue from one clock domain into another, whose places are written on trial.

Numbers cross by handshake, whole and standing still, so nothing depends on how long the wires
between two clocks are; the memory's entries cross by not being read before the number of the last
one has.  Both domains are reset together, for three clocks of the slower at least, or none is;
either clock may stop at any time.
"""

from amaranth.hdl import DomainRenamer, Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from ..pipeline import delayed
from ..stream import SmallFifo
from .places import CrossingMemory

__all__ = ["Crossing", "Newest"]


class Newest(wiring.Component):
    """A number as the other domain last had it.

    =========  ====================================================  =======================
    stage      what happens                                          latency
    =========  ====================================================  =======================
    held       ``i`` is taken, and stands while it crosses           1 of *i_domain*, and
                                                                     what the one before takes
    o          it is known to stand still, and taken                 + 3 of *o_domain*
    =========  ====================================================  =======================

    The next one is taken when word of this is back, three clocks of *i_domain* later: ``o`` need
    not have every number that ``i`` had, but the newest will come.

    Parameters
    ----------
    bits : int
    i_domain, o_domain : str

    Members
    -------
    i : in
    o : out
    """

    def __init__(self, bits: int, *, i_domain: str, o_domain: str) -> None:
        self._domains = i_domain, o_domain
        super().__init__({"i": In(bits), "o": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        here, there = self._domains
        held = Signal.like(self.i)
        sent, seen, taken, heard = Signal(), Signal(), Signal(), Signal()
        m.submodules.forth = FFSynchronizer(sent, seen, o_domain=there)
        m.submodules.back = FFSynchronizer(taken, heard, o_domain=here)
        with m.If((heard == sent) & (held != self.i)):
            m.d[here] += [held.eq(self.i), sent.eq(~sent)]
        with m.If(seen != taken):
            m.d[there] += [self.o.eq(held), taken.eq(seen)]
        return m


class Crossing(wiring.Component):
    """Queue of payloads in block RAM; what is written is given when it is committed.

    =========  ===========================================================  ==================
    stage      what happens                                                 latency
    =========  ===========================================================  ==================
    memory     ``data`` is written                                          1 of *i_domain*
    committed  the place of the newest that may be read has crossed         :class:`Newest`
    read       the oldest payload is in a register behind the memory        + 2 of *o_domain*
    o          it has passed a small queue                                  + 2 of *o_domain*
    =========  ===========================================================  ==================

    Once the first payload of what was committed at once is on offer, the others follow one a clock.

    Parameters
    ----------
    shape : ShapeLike
        Payload of the stream.
    depth : int
        Payloads that it holds at least; the memory is the next power of two.
    i_domain, o_domain : str

    Members
    -------
    write, data : in
        A payload, in *i_domain*; only where ``full`` is low, but for one at most.
    commit, rewind : in
        With or after ``write``: all that is written may be read; what may not is forgotten.
    full : out
        No more room.
    o : stream of ``shape``
        In *o_domain*.
    """

    MARGIN = 4
    """Places that are not counted on: two are written while ``full`` comes, one more may be then,
    and one tells a full memory from an empty one."""

    AHEAD = 8
    """Payloads that are read ahead: more than the clocks from a read to its payload's place."""

    def __init__(self, shape: ShapeLike, depth: int, *, i_domain: str, o_domain: str) -> None:
        self._shape = shape
        self._domains = i_domain, o_domain
        self._places = 1 << (depth + self.MARGIN - 1).bit_length()
        super().__init__(
            {
                "write": In(1),
                "data": In(shape),
                "commit": In(1),
                "rewind": In(1),
                "full": Out(1),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        here, there = self._domains
        bits = (self._places - 1).bit_length()
        m.submodules.committed = committed = Newest(bits, i_domain=here, o_domain=there)
        m.submodules.freed = freed = Newest(bits, i_domain=there, o_domain=here)

        m.submodules.reader = reader = DomainRenamer(there)(_Reader(self._shape, bits, self.AHEAD))
        wiring.connect(m, reader.o, wiring.flipped(self.o))

        place, behind = Signal(bits), Signal(bits)  # of what is written next, and behind it
        level = Signal(bits)
        m.d.comb += [
            behind.eq(place + self.write),
            reader.end.eq(committed.o),
            freed.i.eq(reader.address),
        ]
        m.d[here] += [
            place.eq(Mux(self.rewind, committed.i, behind)),
            level.eq(place - freed.o),
            self.full.eq(level >= self._places - self.MARGIN),
        ]
        with m.If(self.commit):
            m.d[here] += committed.i.eq(behind)

        m.submodules.memory = memory = CrossingMemory(
            Shape.cast(self._shape).width, self._places, w_domain=here, r_domain=there
        )
        m.d.comb += [
            memory.w_en.eq(self.write),
            memory.w_addr.eq(place),
            memory.w_data.eq(self.data),
            memory.r_addr.eq(reader.address),
            reader.data.eq(memory.r_data),
        ]
        return m


class _Reader(wiring.Component):
    """The read side: payloads from ``address`` to ``end``, ahead of who takes them."""

    def __init__(self, shape: ShapeLike, bits: int, ahead: int) -> None:
        self._shape = shape
        self._ahead = ahead
        super().__init__(
            {
                "end": In(bits),
                "address": Out(bits),
                "data": In(Shape.cast(shape).width),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ahead = ahead = SmallFifo(self._shape, self._ahead)
        claimed = Signal(range(self._ahead + 1))  # of the small queue's places
        pop = Signal()
        m.d.comb += [
            pop.eq((self.address != self.end) & (claimed != self._ahead)),
            ahead.i.valid.eq(delayed(m, pop, 2)),
            Value.cast(ahead.i.payload).eq(self.data),
        ]
        m.d.sync += [
            self.address.eq(self.address + pop),
            claimed.eq(claimed + pop - (self.o.valid & self.o.ready)),
        ]
        wiring.connect(m, ahead.o, wiring.flipped(self.o))
        return m
