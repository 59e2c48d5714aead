"""The flow guard: whether a head begins where a segment begins, by what came of the connection.

One read and one write of the table for each segment, in the order of the frames; see
:mod:`hybridmesh.contract.flow`.
"""

from functools import reduce
from operator import xor

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.flow import HASH_BITS, WAYS
from hybridmesh.contract.geometry import Geometry

from ..memory import TableMemory
from ..pipeline import delayed

__all__ = ["FlowGuard", "Message", "Place"]

Message = data.StructLayout(
    {
        "opens": 1,  # the frame opens a connection
        "payload": 1,  # it has a payload
        "flow": HASH_BITS,
        "seq": 32,
        "framed": 1,  # its payload begins like a head, and what follows of it is known:
        "head_length": 16,
        "body_length": 32,
    }
)
"""What the guard is told of a frame; neither ``opens`` nor ``payload`` where it counts for
nothing."""

Place = data.StructLayout({"head": 1, "body": 1})
"""Where its payload begins: see :class:`~hybridmesh.contract.flow.Place`; unknown if neither."""

SHORTEST = 60
"""Bytes of a frame that is not dropped."""

SHALLOW = 64
"""Sets up to which the table is LUT RAM."""

READ = 2
"""Clocks in which a set is read."""

COMPARED = READ + 1
"""Clocks from the read of a set to its write, where it is compared and changed in one."""


class FlowGuard(wiring.Component):
    """Follow connections.

    ===========  ==================================================  ==================
    stage        what happens                                        latency
    ===========  ==================================================  ==================
    read         set read; length of the message                     2
    compared     tags and sequence numbers, up to width 8            + 1
    o            place known, the set as it is from now on, written  + 1
    ===========  ==================================================  ==================

    At widths above 8 frames come so close that a set is compared and changed in one clock, and what
    has not come to the memory yet is taken from where it is: messages may come in every clock.
    Up to width 8 a message must come ``apart`` clocks after the one before it, at the least.

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of Message, always ready
        One for each frame, in order, and what the host tells between them.
    o : out, Place
        That of a frame with a payload, ``latency`` clocks after.

    Attributes
    ----------
    latency : int
    apart : int
        Clocks between two messages that touch a set, at the least: no more than frames leave.
    """

    def __init__(self, geometry: Geometry) -> None:
        sets = geometry.flows // WAYS
        self._bits = exact_log2(sets)
        self._tag_bits = HASH_BITS - self._bits
        way = data.StructLayout({"valid": 1, "tag": self._tag_bits, "head": 32})
        self._set = data.StructLayout({"older": range(WAYS), "ways": data.ArrayLayout(way, WAYS)})
        self._compared = data.StructLayout(
            {
                "set": self._set,
                "opens": 1,
                "framed": 1,
                "tag": self._tag_bits,
                "next": 32,  # where the next head begins, if one begins here
                "hit": WAYS,  # by way: it is the connection's
                "here": WAYS,  # by way: its next head begins where the segment does
                "quarter": data.ArrayLayout(2, WAYS),  # how far beyond that, in quarters of 2**32
            }
        )
        self._memory = TableMemory(self._set.size, sets, distributed=sets <= SHALLOW)
        frames_apart = -(-SHORTEST // geometry.width)  # in clocks, at the least
        self._waits = frames_apart > COMPARED + 1
        self.latency = COMPARED + self._waits
        self.apart = self.latency + 1 if self._waits else 1
        super().__init__(
            {
                "i": In(stream.Signature(Message, always_ready=True)),
                "o": Out(Place),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = self._memory

        # read
        i, bits = self.i.p, self._bits
        digits = [i.flow[low : low + bits] for low in range(0, HASH_BITS, bits)]
        place = Signal(1 + bits)  # whether a set is touched, and its number
        m.d.comb += [
            place.eq(Cat(self.i.valid & (i.opens | i.payload), reduce(xor, digits))),
            Cat(memory.r_en, memory.r_addr).eq(place),
        ]
        changed = Signal(self._set)
        stored = delayed(m, memory.r_data, READ - memory.latency)
        flows = data.View(self._set, self._newest(m, place, stored, changed.as_value()))

        # compared
        compared = Signal(self._compared)
        m.d.comb += compared.set.eq(flows)
        self._compare(m, compared)
        late = data.View(self._compared, delayed(m, compared.as_value(), self._waits))

        # o
        self._change(m, late, changed)
        m.d.comb += [
            Cat(memory.w_en, memory.w_addr).eq(delayed(m, place, self.latency)),
            memory.w_data.eq(changed),
        ]
        return m

    def _newest(self, m: Module, place: Signal, stored: Value, changed: Value) -> Value:
        """The set as the frames before have left it, though the memory may not show it yet."""
        newest = stored
        for clocks in reversed(range(self.apart, COMPARED + 1)):
            again = (place == delayed(m, place, clocks)) & place[0]
            newest = Mux(delayed(m, again, READ), delayed(m, changed, clocks - 1), newest)
        return newest

    def _compare(self, m: Module, compared: data.View) -> None:
        """What is known of the message when its set is there."""
        i = self.i.p
        length, following = Signal(32), Signal(32)
        m.d.sync += [
            length.eq(Mux(i.opens, 1, i.head_length + i.body_length)),
            following.eq(delayed(m, i.seq, 1) + length),
        ]
        m.d.comb += [
            compared.opens.eq(delayed(m, i.opens, READ)),
            compared.framed.eq(delayed(m, i.framed, READ)),
            compared.tag.eq(delayed(m, i.flow[self._bits :], READ)),
            compared.next.eq(following),
        ]
        seq = delayed(m, i.seq, READ)
        for n, way in enumerate(compared.set.ways):
            beyond = Signal(32, name=f"beyond{n}")
            m.d.comb += [
                beyond.eq(seq - way.head),
                compared.hit[n].eq(way.valid & (way.tag == compared.tag)),
                compared.here[n].eq(seq == way.head),
                compared.quarter[n].eq(beyond[30:]),
            ]

    def _change(self, m: Module, compared: data.View, changed: data.View) -> None:
        """The place, and the set from now on."""
        hit = compared.hit
        known = hit.any()
        way, older = Signal(range(WAYS)), compared.set.older
        m.d.comb += way.eq(Mux(known, hit[1], older))
        here = (hit & compared.here).any()
        quarter = compared.quarter[way]
        lost = known & quarter.matches(1, 2)
        m.d.sync += [
            changed.eq(compared.set),
            self.o.head.eq(here),
            self.o.body.eq(known & (quarter == 3)),
        ]
        with m.If(compared.opens):
            m.d.sync += [
                changed.older.eq(~way),
                changed.ways[way].eq(Cat(C(1, 1), compared.tag, compared.next)),
            ]
        with m.Elif(known):
            m.d.sync += changed.older.eq(Mux(lost, way, ~way))
            with m.If(lost):
                m.d.sync += changed.ways[way].valid.eq(0)
            with m.If(here & compared.framed):
                m.d.sync += changed.ways[way].head.eq(compared.next)
