"""The walker's first stage: where in its frame a beat stands, what was true when it began, and the
EtherTypes, which alone of all header fields stand where they stand in every frame.

From here on a frame is at most ``max_frame`` bytes long, every beat knows the absolute offset of
its lanes, and the state of the table that the frame is matched in travels with it.
"""

from dataclasses import dataclass

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import ETHERTYPE

from ..layout import packet_beat

__all__ = [
    "Cursor",
    "FrameContext",
    "Header",
    "capture",
    "cursor_beat",
    "ethernet_beat",
    "reached",
    "since",
    "split",
    "until",
]

TYPES = (12, 16, 20)
"""Where an EtherType can stand: behind the addresses, behind one tag, behind two."""

CUSTOMER_TAG, SERVICE_TAG = 0x8100, 0x88A8
IPV4, IPV6 = 0x0800, 0x86DD

Kind = data.StructLayout({"tag": 1, "customer": 1, "ipv4": 1, "ipv6": 1, "shim": 1})
"""What an EtherType says: a tag of either kind, one of 802.1Q, IP, the shim."""

FrameContext = data.StructLayout(
    {
        "bank": 1,  # bank of the table
        "enable": 1,  # a table is loaded and matching is switched on
        "epoch": 16,  # epoch of the table
    }
)
"""What a frame is judged under: taken at its first beat, the same to its last."""


def cursor_beat(geometry: Geometry) -> data.StructLayout:
    """A beat that knows its place.

    Members
    -------
    data, keep : 8 * width, width
    first, last : 1
    error : 1
        With ``last``: the MAC marked the frame bad.
    cut : 1
        The frame goes on, but its first ``max_frame`` bytes end here; ``last`` is set too.
    index : range(max_frame // width)
        Beats before this one: lane n holds byte ``index * width + n`` of the frame.
    context : FrameContext
    arrival : 16
        Clock at which the frame's first beat was accepted.
    """
    return data.StructLayout(
        {
            "data": 8 * geometry.width,
            "keep": geometry.width,
            "first": 1,
            "last": 1,
            "error": 1,
            "cut": 1,
            "index": range(geometry.max_frame // geometry.width),
            "context": FrameContext,
            "arrival": 16,
        }
    )


def ethernet_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; ``types``, what stands at each of :data:`TYPES`."""
    return data.StructLayout(
        {"at": cursor_beat(geometry), "types": data.ArrayLayout(Kind, len(TYPES))}
    )


@dataclass(frozen=True)
class Header:
    """Where a header stands in its frame: *words* 32-bit words and *extra* bytes from the start.

    No header moves by less than a word, so the low two bits of every offset are constants, and a
    beat of up to four bytes needs no lane multiplexer.
    """

    words: Value
    extra: int

    def offset(self, k: int) -> Value:
        """Offset in the frame of the header's byte *k*."""
        carry, low = divmod(self.extra + k, 4)
        return Cat(C(low, 2), (self.words + carry)[: len(self.words) + 1])


def split(at: data.View, offset: Value) -> tuple[Value, Value]:
    """Index of the beat that holds the frame's byte at *offset*, and the byte's lane there."""
    bits = (len(at.keep) - 1).bit_length()
    return offset[bits:], offset[:bits]


def reached(at: data.View, offset: Value) -> Value:
    """Whether the beat *at* or one before it holds the frame's byte at *offset*."""
    index, lane = split(at, offset)
    return (at.index > index) | ((at.index == index) & at.keep.bit_select(lane, 1))


def since(m: Module, at: data.View, offset: Value) -> Signal:
    """By lane of the beat *at*: the byte there stands at *offset* or after it."""
    index, lane = split(at, offset)
    later, same, lanes = Signal(), Signal(), Signal(len(at.keep))
    m.d.comb += [
        later.eq(at.index > index),
        same.eq(at.index == index),
        lanes.eq(Cat(later | (same & (n >= lane)) for n in range(len(at.keep)))),
    ]
    return lanes


def until(m: Module, at: data.View, offset: Value) -> Signal:
    """By lane of the beat *at*: the byte there stands at *offset* or before it."""
    index, lane = split(at, offset)
    earlier, same, lanes = Signal(), Signal(), Signal(len(at.keep))
    m.d.comb += [
        earlier.eq(at.index < index),
        same.eq(at.index == index),
        lanes.eq(Cat(earlier | (same & (n <= lane)) for n in range(len(at.keep)))),
    ]
    return lanes


def capture(m: Module, at: data.View, field: Value, header: Header, k: int) -> None:
    """Take *field*, most significant byte first, from byte *k* of *header* on as it passes.

    It holds the bytes that the beats up to *at* have shown one clock after *at*; those that they
    have not shown are still a former frame's.
    """
    size = len(field) // 8
    for n in range(size):
        index, lane = split(at, header.offset(k + n))
        with m.If(at.index == index):
            m.d.sync += field.word_select(size - 1 - n, 8).eq(at.data.word_select(lane, 8))


class Cursor(wiring.Component):
    """Count beats, cut frames at ``max_frame``, take their context and EtherTypes.

    ======  =============================================================  =======
    stage   what happens                                                   latency
    ======  =============================================================  =======
    o       index, first, last, cut; context at the first; types known     1
    ======  =============================================================  =======

    Members
    -------
    i : stream of packet_beat, always ready
    context : FrameContext
        As it is now.
    now : 16
        Clock count.
    o : stream of ethernet_beat, always ready
        What comes after a cut is not shown.
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(packet_beat(geometry.width), always_ready=True)),
                "context": In(FrameContext),
                "now": In(16),
                "o": Out(stream.Signature(ethernet_beat(geometry), always_ready=True)),
            }
        )
        self._beat = cursor_beat(geometry)
        self._beats = geometry.max_frame // geometry.width

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        at = Signal(self._beat)
        first = Signal(init=1)
        hidden = Signal()
        index = Signal(range(self._beats))

        m.d.comb += [
            at.data.eq(i.p.data),
            at.keep.eq(i.p.keep),
            at.first.eq(first),
            at.last.eq(i.p.last | at.cut),
            at.error.eq(i.p.error),
            at.cut.eq((index == self._beats - 1) & ~i.p.last),
            at.index.eq(index),
            at.context.eq(Mux(first, self.context, o.p.at.context)),
            at.arrival.eq(Mux(first, self.now, o.p.at.arrival)),
        ]
        m.d.sync += o.valid.eq(i.valid & ~hidden)
        with m.If(i.valid):
            m.d.sync += [
                o.p.at.eq(at),
                first.eq(i.p.last),
                hidden.eq(~i.p.last & (at.cut | hidden)),
                index.eq(Mux(at.last, 0, index + 1)),
            ]
            for kind, place in zip(o.p.types, TYPES, strict=True):
                # Headers begin at even offsets: only at width 1 is the first byte the beat before.
                beat, lane = divmod(place + 1, len(at.keep))
                first = at.data.word_select(lane - 1, 8) if lane else o.p.at.data
                ethertype = Cat(at.data.word_select(lane, 8), first)
                with m.If(index == beat):
                    m.d.sync += [
                        kind.tag.eq(ethertype.matches(CUSTOMER_TAG, SERVICE_TAG)),
                        kind.customer.eq(ethertype == CUSTOMER_TAG),
                        kind.ipv4.eq(ethertype == IPV4),
                        kind.ipv6.eq(ethertype == IPV6),
                        kind.shim.eq(ethertype == ETHERTYPE),
                    ]
        return m
