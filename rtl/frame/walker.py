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

from ..layout import Connection, packet_beat, payload_beat
from ..pipeline import delayed
from .addresses import AddressStage
from .checksum import Checksum
from .cursor import Cursor, FrameContext
from .headers import ExtensionStage, IpStage
from .payload import FrameEvents, ListenPorts, MaskStage, TcpStage

__all__ = ["FrameWalker"]


class FrameWalker(wiring.Component):
    """Walk through a frame's headers as it passes.

    =========  ==============================================  ===========  ==============
    stage      what happens                                    latency at   latency at
                                                               widths to 8  widths from 16
    =========  ==============================================  ===========  ==============
    cursor     index of the beat, cut at ``max_frame``, types  1            1
    ip         IP header taken, judged, spoofed                2            3
    extension  second extension header taken, if it is one     3            5
    tcp        TCP header taken, judged, payload found         4            7
    mask       lanes masked, frame judged                      5            8
    =========  ==============================================  ===========  ==============

    ``check_latency``, from ``o`` to ``intact``, is 4 clocks at widths 1 to 4, 5 at 8 to 16 and 6 at
    32 and 64.

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
    connection : out, Connection
        That of the frame, from its beat of ``o`` on with its payload's first byte.
    events : out, FrameEvents
        With ``last`` of ``o``.
    intact : out
        The checksums of a candidate, or of a frame that opens a connection, are right: valid
        ``check_latency`` clocks after its beat of ``o`` with ``last``, and in no other clock.
    bad_checksum : out
        In the clock of ``intact``: they are wrong.

    Attributes
    ----------
    latency : int
        Clocks from a beat of ``i`` to the same of ``o``.
    check_latency : int
        Clocks from a beat of ``o`` with ``last`` to ``intact``.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._stages = {
            "cursor": Cursor(geometry),
            "ip": IpStage(geometry),
            "extension": ExtensionStage(geometry),
            "tcp": TcpStage(geometry),
            "mask": MaskStage(geometry),
        }
        self._addresses = AddressStage(geometry)
        self._checksum = Checksum(geometry)
        self.latency = sum(stage.latency for stage in self._stages.values())
        # It begins beside the last stage.
        self.check_latency = self._checksum.latency - MaskStage.latency
        super().__init__(
            {
                "i": In(stream.Signature(packet_beat(geometry.width), always_ready=True)),
                "context": In(FrameContext),
                "ports": In(ListenPorts),
                "now": In(16),
                "o": Out(stream.Signature(payload_beat(geometry), always_ready=True)),
                "connection": Out(Connection),
                "events": Out(FrameEvents),
                "intact": Out(1),
                "bad_checksum": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cursor, ip, extension, tcp, mask = self._stages.values()
        behind = extension.latency + tcp.latency
        checksum = self._checksum
        for name, stage in self._stages.items():
            m.submodules[name] = stage
        m.submodules.checksum = checksum
        m.submodules.addresses = addresses = self._addresses

        wiring.connect(m, wiring.flipped(self.i), cursor.i)
        for former, latter in pairwise(self._stages.values()):
            wiring.connect(m, former.o, latter.i)
        wiring.connect(m, mask.o, wiring.flipped(self.o))
        m.d.comb += [
            cursor.context.eq(self.context),
            cursor.now.eq(self.now),
            tcp.ports.eq(self.ports),
            addresses.i.payload.eq(ip.o.payload),
            addresses.i.valid.eq(ip.o.valid),
            mask.addresses.eq(delayed(m, addresses.o.as_value(), behind - addresses.latency)),
            checksum.i.payload.eq(tcp.o.payload),
            checksum.i.valid.eq(tcp.o.valid),
            self.connection.eq(mask.connection),
            self.events.eq(mask.events),
            self.intact.eq(checksum.intact),
        ]
        info = mask.o.p.info
        asked = Signal(self.check_latency)  # a listener's frame ended as many clocks ago
        ended = mask.o.valid & mask.o.p.last & (info.candidate | info.opens)
        m.d.sync += asked.eq(Cat(ended, asked))
        m.d.comb += self.bad_checksum.eq(asked[-1] & ~checksum.intact)
        return m
