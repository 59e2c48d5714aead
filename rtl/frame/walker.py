"""The frame walker: from the beats of a frame to those of its TCP payload, and what the frame is.

It stands beside the path from the wire to the packet FIFO and never stalls it.  Ethernet II, one
802.1Q tag, IPv4 with options, IPv6 without extension headers, TCP with options; whatever else comes
is not a candidate.
"""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

from ..layout import packet_beat, payload_beat
from .cursor import Cursor, FrameContext
from .headers import EthernetStage, IpStage, TcpStage
from .payload import BoundsStage, MaskStage

__all__ = ["FrameWalker"]


class FrameWalker(wiring.Component):
    """Walk through a frame's headers as it passes.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    cursor      index of the beat, cut at ``max_frame``, context    1
    ethernet    EtherTypes taken                                    2
    ip          IP header found and taken, spoofed                  3
    tcp         IP header judged, TCP header found and taken        4
    bounds      TCP header judged, payload found                    5
    mask        lanes masked, frame judged                          6
    ==========  ==================================================  =======

    Members
    -------
    i : stream of packet_beat, always ready
        The beats that were accepted from the wire.
    context : FrameContext
        As it is now; each frame is judged under what holds at its first beat.
    now : 16
        Clock count.
    o : stream of payload_beat, always ready
    oversize : out
        ``o`` ends a frame that goes on beyond ``max_frame``, and is not to be dropped.

    Attributes
    ----------
    latency : int
        Clocks from a beat of ``i`` to the same of ``o``.
    """

    latency = 6

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        super().__init__(
            {
                "i": In(stream.Signature(packet_beat(geometry.width), always_ready=True)),
                "context": In(FrameContext),
                "now": In(16),
                "o": Out(stream.Signature(payload_beat(geometry), always_ready=True)),
                "oversize": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.cursor = cursor = Cursor(self._geometry)
        m.submodules.ethernet = ethernet = EthernetStage(self._geometry)
        m.submodules.ip = ip = IpStage(self._geometry)
        m.submodules.tcp = tcp = TcpStage(self._geometry)
        m.submodules.bounds = bounds = BoundsStage(self._geometry)
        m.submodules.mask = mask = MaskStage(self._geometry)

        wiring.connect(m, wiring.flipped(self.i), cursor.i)
        for former, latter in (
            (cursor, ethernet),
            (ethernet, ip),
            (ip, tcp),
            (tcp, bounds),
            (bounds, mask),
        ):
            wiring.connect(m, former.o, latter.i)
        wiring.connect(m, mask.o, wiring.flipped(self.o))
        m.d.comb += [
            cursor.context.eq(self.context),
            cursor.now.eq(self.now),
            self.oversize.eq(mask.oversize),
        ]
        return m
