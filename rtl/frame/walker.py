"""The frame walker: from the beats of a frame to those of its TCP payload, and what the frame is.

It stands beside the path from the wire to the packet FIFO and never stalls it.  Ethernet II, up to
two VLAN tags, IPv4 with options, IPv6 with up to two extension headers (hop-by-hop options,
routing, destination options), TCP with options; whatever else comes is not a candidate.
"""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

from ..layout import packet_beat, payload_beat
from .checksum import Checksum
from .cursor import Cursor, FrameContext
from .headers import ExtensionStage, IpStage, TcpStage
from .payload import BoundsStage, FrameEvents, ListenPorts, MaskStage

__all__ = ["FrameWalker"]


class FrameWalker(wiring.Component):
    """Walk through a frame's headers as it passes.

    ==========  ==================================================  =====================
    stage       what happens                                        latency
    ==========  ==================================================  =====================
    cursor      index of the beat, cut at ``max_frame``, types      1
    ip          IP header found and taken, spoofed                  2
    extension   IP header judged, what is behind it taken           3
    tcp         TCP header found and taken                          4
    bounds      TCP header judged, payload found                    5
    mask        lanes masked, frame judged                          6
    intact      checksums, beside what comes after the walker       + ``check_latency``
    ==========  ==================================================  =====================

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of packet_beat, always ready
        The beats that were accepted from the wire.
    context : FrameContext
        As it is now; each frame is judged under what holds at its first beat.
    ports : in, ListenPorts
        As they are now; those count that hold when a frame's payload begins.
    now : 16
        Clock count.
    o : stream of payload_beat, always ready
    events : out, FrameEvents
        With ``last`` of ``o``.
    intact : out
        The checksums of a candidate are right: valid ``check_latency`` clocks after its beat of
        ``o`` with ``last``, and in no other clock.
    bad_checksum : out
        In the clock of ``intact``: they are wrong.

    Attributes
    ----------
    latency : int
        Clocks from a beat of ``i`` to the same of ``o``.
    check_latency : int
        2 clocks at widths up to 4, 3 at 8 and 16, 4 beyond.
    """

    latency = 6

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._checksum = Checksum(geometry)
        self.check_latency = self._checksum.latency - 1  # it begins beside the last stage
        super().__init__(
            {
                "i": In(stream.Signature(packet_beat(geometry.width), always_ready=True)),
                "context": In(FrameContext),
                "ports": In(ListenPorts),
                "now": In(16),
                "o": Out(stream.Signature(payload_beat(geometry), always_ready=True)),
                "events": Out(FrameEvents),
                "intact": Out(1),
                "bad_checksum": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.cursor = cursor = Cursor(self._geometry)
        m.submodules.ip = ip = IpStage(self._geometry)
        m.submodules.extension = extension = ExtensionStage(self._geometry)
        m.submodules.tcp = tcp = TcpStage(self._geometry)
        m.submodules.bounds = bounds = BoundsStage(self._geometry)
        m.submodules.mask = mask = MaskStage(self._geometry)
        m.submodules.checksum = checksum = self._checksum

        stages = (cursor, ip, extension, tcp, bounds, mask)
        wiring.connect(m, wiring.flipped(self.i), cursor.i)
        for former, latter in pairwise(stages):
            wiring.connect(m, former.o, latter.i)
        wiring.connect(m, mask.o, wiring.flipped(self.o))
        m.d.comb += [
            cursor.context.eq(self.context),
            cursor.now.eq(self.now),
            bounds.ports.eq(self.ports),
            checksum.i.payload.eq(bounds.o.payload),
            checksum.i.valid.eq(bounds.o.valid),
            self.events.eq(mask.events),
            self.intact.eq(checksum.intact),
        ]
        asked = Signal(self.check_latency)  # a candidate's last beat was as many clocks ago
        m.d.sync += asked.eq(Cat(mask.o.valid & mask.o.p.last & mask.o.p.info.candidate, asked))
        m.d.comb += self.bad_checksum.eq(asked[-1] & ~checksum.intact)
        return m
