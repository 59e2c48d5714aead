"""The walker's last stages: where the TCP payload stands, and which lanes of a beat hold it."""

from amaranth.hdl import C, Cat, Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Out

from hybridmesh.contract.geometry import Geometry

from ..layout import FrameInfo, payload_beat
from .cursor import Header, cursor_beat, split
from .headers import Stage, tcp_beat

__all__ = ["BoundsStage", "MaskStage", "bounds_beat"]


def bounds_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; offsets of the payload's first and last byte; whether it is one of ours."""
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,
            "ours": 1,  # a segment to the listen port, sound as far as its headers tell
            "start": 8,
            "final": 17,
            "seq": 32,
        }
    )


class BoundsStage(Stage):
    """Judge the TCP header, find the payload.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       ``ours``, ``start``, ``final``        1
    ======  ====================================  =======

    Members
    -------
    i : stream of tcp_beat, always ready
    o : stream of bounds_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(tcp_beat(geometry), bounds_beat(geometry))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i.p
        port = i.at.context.port
        start = Signal(8)
        m.d.comb += start.eq(Header((i.words + i.header_words)[:6], 2).offset(0))
        self.step(
            m,
            {
                "at": i.at,
                "spoofed": i.spoofed,
                "ours": i.whole
                & (i.header_words >= 5)
                & (start <= i.final)
                & (i.port == port)
                & (port != 0),
                "start": start,
                "final": i.final,
                "seq": i.seq,
            },
        )
        return m


class MaskStage(Stage):
    """Mask the lanes that hold payload, and judge the frame at its last beat.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       mask, offset, info                    1
    ======  ====================================  =======

    Members
    -------
    i : stream of bounds_beat, always ready
    o : stream of payload_beat, always ready
    oversize : out
        ``o`` ends a frame that goes on beyond ``max_frame``, and is not to be dropped.
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(bounds_beat(geometry), payload_beat(geometry), {"oversize": Out(1)})
        self._width = geometry.width

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, at = self.i.p, self.i.p.at
        lanes = range(self._width)
        first_index, first_lane = split(at, i.start)
        final_index, final_lane = split(at, i.final)

        def choose(index: Value, beyond: Value, partly: list[Value]) -> Value:
            """All lanes where *beyond*, *partly* in the beat of *index*, else none."""
            return Cat(beyond | ((at.index == index) & lane) for lane in partly)

        from_first = choose(first_index, at.index > first_index, [n >= first_lane for n in lanes])
        to_final = choose(final_index, at.index < final_index, [n <= final_lane for n in lanes])
        final_here = (at.index == final_index) & at.keep.bit_select(final_lane, 1)
        # Checksum verification, where it comes, gives its bit at ``last`` and is ANDed in here.
        intact = (at.index > final_index) | final_here

        info = Signal(FrameInfo)
        m.d.comb += [
            info.candidate.eq(i.ours & intact & ~at.cut),
            info.spoofed.eq(i.spoofed),
            info.enable.eq(at.context.enable),
            info.epoch.eq(at.context.epoch),
            info.seq.eq(i.seq),
            info.arrival.eq(at.arrival),
        ]
        self.step(
            m,
            {
                "data": at.data,
                "mask": from_first & to_final & at.keep & i.ours.replicate(self._width),
                "offset": Cat(C(0, len(first_lane)), at.index) - i.start,
                "bank": at.context.bank,
                "first": at.first,
                "last": at.last,
                "info": info,
            },
        )
        m.d.sync += self.oversize.eq(self.i.valid & at.cut & ~i.spoofed)
        return m
