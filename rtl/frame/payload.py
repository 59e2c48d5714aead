"""The walker's last stages: where the TCP payload stands, which lanes of a beat hold it, and what
becomes of the frame.
"""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import LISTENERS

from ..layout import FrameInfo, payload_beat
from .cursor import Header, cursor_beat, reached, since, split, until
from .headers import PLACE_BITS, Place, Stage, tcp_beat

__all__ = ["SHORTEST", "PayloadPlace", "FrameEvents", "ListenPorts", "MaskStage", "bounds_beat"]

SHORTEST = 60
"""Bytes of the shortest frame that a MAC sends, without FCS (IEEE 802.3, 3.2.8)."""

ListenPorts = data.ArrayLayout(16, LISTENERS)
"""TCP port of each listener; 0: none."""

FrameEvents = data.StructLayout({"errors": 1, "runts": 1, "spoofed": 1, "oversize": 1})
"""What is counted of a frame, at most one of them: see the counters of the same names."""


def bounds_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; offsets of the payload's first and last byte; to whom it is sent."""
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,
            "sound": 1,  # a TCP segment, as far as its headers tell
            "hit": 1,  # its port is a listener's
            "listener": 4,
            "start": 2 + PLACE_BITS,
            "final": 17,
            "seq": 32,
        }
    )


class PayloadPlace(Place):
    """Judge the TCP header, find the payload.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       payload and listener found            0 or 1
    ======  ====================================  =======

    Members
    -------
    i : stream of tcp_beat, always ready
    ports : in, ListenPorts
        As they are now.
    o : stream of bounds_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(
            geometry, tcp_beat(geometry), bounds_beat(geometry), {"ports": In(ListenPorts)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i.p
        start = Signal(2 + PLACE_BITS)
        listener = Signal(4)
        hits = [i.port == port for port in self.ports]

        m.d.comb += start.eq(Header((i.words + i.header_words)[:PLACE_BITS], 2).offset(0))
        for n in reversed(range(LISTENERS)):
            with m.If(hits[n]):
                m.d.comb += listener.eq(n)
        self.place(
            m,
            ("at", "spoofed", "final", "seq"),
            {
                "sound": i.whole & (i.header_words >= 5),
                "hit": Cat(hits).any() & (i.port != 0),
                "listener": listener,
                "start": start,
            },
        )
        return m


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
    i : stream of bounds_beat, always ready
    o : stream of payload_beat, always ready
    events : out, FrameEvents
        With ``last`` of ``o``.
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(
            bounds_beat(geometry), payload_beat(geometry), {"events": Out(FrameEvents)}
        )
        self._width = geometry.width

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, at = self.i.p, self.i.p.at
        start_index, start_lane = split(at, i.start)
        begun = at.index > start_index
        hit, held_hit = Signal(), Signal()
        listener, held_listener = Signal(4), Signal(4)
        ours = i.sound & hit
        mask = since(m, at, i.start) & until(m, at, i.final) & at.keep & ours.replicate(self._width)
        error = at.last & ~at.cut & at.error
        runt = at.last & ~reached(at, C(SHORTEST - 1, 16))
        drop = error | runt | i.spoofed

        m.d.comb += [
            hit.eq(Mux(begun, held_hit, i.hit)),
            listener.eq(Mux(begun, held_listener, i.listener)),
        ]
        info = Signal(FrameInfo)
        m.d.comb += [
            info.candidate.eq(ours & (i.start <= i.final) & reached(at, i.final) & ~at.cut & ~drop),
            info.listener.eq(listener),
            info.spoofed.eq(drop),
            info.enable.eq(at.context.enable),
            info.epoch.eq(at.context.epoch),
            info.seq.eq(i.seq),
            info.arrival.eq(at.arrival),
        ]
        self.step(
            m,
            {
                "data": at.data,
                "mask": mask,
                "offset": Cat(C(0, len(start_lane)), at.index) - i.start,
                "bank": at.context.bank,
                "first": at.first,
                "last": at.last,
                "info": info,
            },
        )
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
