"""The walker's last stages: the TCP header, the lanes of its payload, the frame's fate."""

from dataclasses import replace

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.flow import HASH_BITS
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import LISTENERS

from ..layout import Connection, FrameInfo, payload_beat
from .addresses import Addresses
from .cursor import cursor_beat
from .headers import PLACE_BITS, placed_beat
from .place import BEHIND_TYPE, TYPED, Header, header_at, reached, since, starts_at, until
from .stage import HeaderStage, Stage

__all__ = ["FrameEvents", "ListenPorts", "MaskStage", "TcpStage", "segment_beat"]

SHORTEST = 60
"""Bytes of the shortest frame that a MAC sends, without FCS (IEEE 802.3, 3.2.8)."""

ListenPorts = data.ArrayLayout(16, LISTENERS)
"""TCP port of each listener; 0: none."""

FrameEvents = data.StructLayout({"errors": 1, "runts": 1, "spoofed": 1, "oversize": 1})
"""What is counted of a frame, at most one of them: see the counters of the same names."""


TcpFields = data.StructLayout(
    {
        "source": 16,
        "port": 16,
        "seq": 32,
        "flags": 8,
        "reserved": 4,
        "header_words": 4,  # data offset
    }
)

SIZES = range(5, 16)
"""32-bit words that a TCP header can have."""


def segment_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; where TCP segment and payload stand; to whom the payload is sent."""
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,
            "tags": range(len(TYPED)),
            "ipv4": 1,
            "segment": geometry.width,  # by lane: it is of the segment, or of padding behind it
            "inside": geometry.width,  # by lane: it is not behind the IP packet
            "complete": 1,  # the IP packet has ended
            "final": 17,  # offset of the IP packet's last byte
            "size": 17,  # bytes of the segment, and one more
            "sound": 1,  # a TCP segment, as far as its headers tell
            "hits": LISTENERS,  # the port is this listener's
            "source": 16,
            "seq": 32,
            "opens": 1,  # SYN, and neither ACK nor RST
            "words": PLACE_BITS,  # 32-bit words before the payload, and two bytes
            "begins": 1,  # the payload, in this beat
        }
    )


class TcpStage(HeaderStage):
    """Take the TCP header's fields, find the payload.

    ======  ==========================================  =======
    stage   what happens                                latency
    ======  ==========================================  =======
    taken   fields taken                                1
    o       header judged, payload found, listeners     1 or 2
    ======  ==========================================  =======

    Members
    -------
    i : stream of placed_beat, extended, always ready
    ports : in, ListenPorts
        As they are now.
    o : stream of segment_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(
            geometry,
            placed_beat(geometry, extended=True),
            segment_beat(geometry),
            {"ports": In(ListenPorts)},
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i.p
        taken = Signal(TcpFields)
        header = self._take(m, taken)
        _, segment = since(m, i.at, self.i.valid, header.begins(), header.starts, header.which)
        beat, valid = self.judged(m)
        size = taken.header_words
        header = replace(
            header,
            which=self.late(m, header.which),
            passing=[self.late(m, passing) for passing in header.passing],
        )
        self.give(
            m,
            valid,
            {name: beat[name] for name in ("at", "spoofed", "tags", "ipv4", "final")}
            | {
                "segment": self.late(m, segment),
                "inside": until(m, beat.at, beat.final) & beat.at.keep,
                "complete": reached(beat.at, beat.final),
                "size": beat.final - Cat(C(0, 2), beat.words),
                "sound": beat.sound & beat.tcp & (size >= SIZES.start),
                "hits": Cat((taken.port == port) & (port != 0) for port in self.ports),
                "source": taken.source,
                "seq": taken.seq,
                "opens": taken.flags.matches("---0-01-"),
                "words": beat.words + size,
                "begins": header.ends(size, SIZES),
            },
        )
        return m

    def _take(self, m: Module, taken: data.View) -> Header:
        i = self.i.p
        before = None
        if self.latency == 1:
            # The payload is not in the beat behind that of a header's first bytes.
            with m.If(self.i.valid):
                m.d.sync += (before := Signal.like(i.at.data)).eq(i.at.data)
        longest = 4 * SIZES[-1]
        header = header_at(m, i.at, self.i.valid, i.words, longest + 1, before)
        with m.If(self.i.valid):
            header.take(m, Cat(taken.port, taken.source), 0)
            header.take(m, taken.seq, 4)
            header.take(m, Cat(taken.flags, taken.reserved, taken.header_words), 12)
        return header


class MaskStage(Stage):
    """Mask the lanes that hold payload, and judge the frame at its last beat.

    The listen ports count as they are when the payload begins: it is masked from its first byte or
    not at all.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       mask, offset, info                    1
    ======  ====================================  =======

    Members
    -------
    i : stream of segment_beat, always ready
    addresses : in, Addresses
        As far as the beats up to this one have shown them.
    o : stream of payload_beat, always ready
    connection : out, Connection
        That of the frame, from the beat on with its payload's first byte.
    events : out, FrameEvents
        With ``last`` of ``o``.
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(
            segment_beat(geometry),
            payload_beat(geometry),
            {
                "addresses": In(Addresses),
                "connection": Out(Connection),
                "events": Out(FrameEvents),
            },
        )
        self._width = geometry.width

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, at = self.i.p, self.i.p.at
        begun, payload = since(m, at, self.i.valid, i.begins, *starts_at(at, i.words))
        start, before = (Cat(C(place, 2), i.words) for place in (BEHIND_TYPE, BEHIND_TYPE - 1))
        hit, held_hit = Signal(), Signal()
        listener, held_listener = Signal(4), Signal(4)
        ours = i.sound & hit
        error = at.last & ~at.cut & at.error
        beat, lane = divmod(SHORTEST - 1, self._width)
        short = at.index.matches(*range(beat)) | ((at.index == beat) & ~at.keep[lane])
        runt = at.last & short
        drop = error | runt | i.spoofed

        m.d.comb += [
            hit.eq(Mux(begun, held_hit, i.hits.any())),
            listener.eq(held_listener),
        ]
        with m.If(~begun):
            for n in reversed(range(LISTENERS)):
                with m.If(i.hits[n]):
                    m.d.comb += listener.eq(n)
        info = Signal(FrameInfo)
        whole = ours & i.complete & ~at.cut & ~drop
        ports = Cat(i.source, i.source)
        m.d.comb += [
            info.candidate.eq(whole & (start <= i.final) & ~i.opens),
            info.opens.eq(whole & (before <= i.final) & i.opens),
            info.listener.eq(listener),
            info.drop.eq(drop),
            info.enable.eq(at.context.enable),
            info.epoch.eq(at.context.epoch),
            info.seq.eq(i.seq),
            info.flow.eq(self.addresses.hash ^ ports ^ (listener << HASH_BITS - 4)),
            info.arrival.eq(at.arrival),
        ]
        self.give(
            m,
            self.i.valid,
            {
                "data": at.data,
                "mask": payload & i.inside & ours.replicate(self._width),
                "offset": (at.index << exact_log2(self._width)) - start,
                "bank": at.context.bank,
                "first": at.first,
                "last": at.last,
                "info": info,
            },
        )
        m.d.sync += [
            self.connection.ipv4.eq(self.addresses.ipv4),
            self.connection.addresses.eq(self.addresses.bytes),
            self.connection.port.eq(i.source),
            self.connection.listener.eq(listener),
        ]
        with m.If(self.i.valid):
            m.d.sync += [held_hit.eq(hit), held_listener.eq(listener)]

        happened = Signal(FrameEvents)
        m.d.comb += [
            happened.errors.eq(error),
            happened.runts.eq(runt & ~error),
            happened.spoofed.eq(i.spoofed & ~runt & ~error),
            happened.oversize.eq(at.cut & ~i.spoofed),
        ]
        m.d.sync += self.events.eq(Mux(self.i.valid & at.last, happened, 0))
        return m
