"""The walker's first stage: where in its frame a beat stands, what was true when it began, and the
EtherTypes, which alone of all header fields stand where they stand in every frame.

From here on a frame is at most ``max_frame`` bytes long, every beat knows the absolute offset of
its lanes, and the state of the table that the frame is matched in travels with it.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.inband import PRIVATE

from ..layout import packet_beat

__all__ = ["Cursor", "FrameContext", "cursor_beat", "ethernet_beat"]

TYPES = (12, 16, 20)
"""Where an EtherType can stand: behind the addresses, behind one tag, behind two."""

HEAD = 64
"""Bytes of a frame, whatever they are, up to what an IPv6 header behind two tags is extended by."""

CUSTOMER_TAG, SERVICE_TAG = 0x8100, 0x88A8
IPV4, IPV6 = 0x0800, 0x86DD

Kind = data.StructLayout({"tag": 1, "customer": 1, "ipv4": 1, "ipv6": 1, "private": 1})
"""What an EtherType says: a tag of either kind, one of 802.1Q, IP, one of :data:`PRIVATE`."""

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
    """Members: ``at``; ``types``, what stands at each of :data:`TYPES`; ``head``, one-hot: which of
    the beats with the first :data:`HEAD` bytes this is.
    """
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "types": data.ArrayLayout(Kind, len(TYPES)),
            "head": HEAD // geometry.width,
        }
    )


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

    Attributes
    ----------
    latency : int
    """

    latency = 1

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(packet_beat(geometry.width), always_ready=True)),
                "context": In(FrameContext),
                "now": In(16),
                "o": Out(stream.Signature(ethernet_beat(geometry), always_ready=True)),
            }
        )
        self._width = geometry.width
        self._beat = cursor_beat(geometry)
        self._beats = geometry.max_frame // geometry.width

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        at = Signal(self._beat)
        first = Signal(init=1)
        hidden = Signal()
        index = Signal(range(self._beats))
        head = Signal(HEAD // self._width, init=1)

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
                o.p.head.eq(head),
                first.eq(i.p.last),
                hidden.eq(~i.p.last & (at.cut | hidden)),
                index.eq(Mux(at.last, 0, index + 1)),
                head.eq(Mux(at.last, 1, head << 1)),
            ]
            for kind, place in zip(o.p.types, TYPES, strict=True):
                # Headers begin at even offsets: only at width 1 is the first byte the beat before.
                beat, lane = divmod(place + 1, self._width)
                high = at.data.word_select(lane - 1, 8) if lane else o.p.at.data
                ethertype = Cat(at.data.word_select(lane, 8), high)
                with m.If(head[beat]):
                    m.d.sync += [
                        kind.tag.eq(ethertype.matches(CUSTOMER_TAG, SERVICE_TAG)),
                        kind.customer.eq(ethertype == CUSTOMER_TAG),
                        kind.ipv4.eq(ethertype == IPV4),
                        kind.ipv6.eq(ethertype == IPV6),
                        kind.private.eq(ethertype.matches(*PRIVATE)),
                    ]
        return m
