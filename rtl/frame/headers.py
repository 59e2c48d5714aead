"""The walker's header stages: Ethernet, IP and TCP, each one clock behind the former.

A stage takes its header's bytes by absolute offset, so it knows every byte of its header that the
beats up to the one it gives have shown.  The next stage sees that beat one clock later and finds
its own header from it: however many headers a beat holds, each stage works on one.

Bytes that a frame has not shown yet, or never shows, are a former frame's.  That is harmless by
order: the fields that place a header stand before it and no header is shorter than its minimum, so
stale bytes can only place it beyond the bytes seen; and a candidate's payload must lie in its
frame.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import ETHERTYPE

from .cursor import Header, capture, cursor_beat, reached

__all__ = [
    "EthernetStage",
    "IpStage",
    "Stage",
    "TcpStage",
    "ethernet_beat",
    "ip_beat",
    "tcp_beat",
]

FRAME = Header(None, 0)
TYPE, TAGGED_TYPE = 12, 16
VLAN, IPV4, IPV6 = 0x8100, 0x0800, 0x86DD
TCP = 6
IPV6_WORDS = 10


def ethernet_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; ``outer`` and ``inner``, the EtherTypes before and behind a VLAN tag."""
    return data.StructLayout({"at": cursor_beat(geometry), "outer": 16, "inner": 16})


def ip_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; where the IP header stands, what it should be; its fields as they are."""
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,  # the shim's EtherType; valid with ``last``
            "words": 3,  # 32-bit words before the header, and two bytes
            "ipv4": 1,
            "ipv6": 1,
            "version": 4,
            "header_words": 4,  # IPv4: IHL
            "total_length": 16,  # IPv4
            "payload_length": 16,  # IPv6
            "fragment": 16,  # IPv4: flags, fragment offset; IPv6: next header, hop limit
            "protocol": 8,  # IPv4
        }
    )


def tcp_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; where the TCP header stands, where the packet ends; TCP fields."""
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,
            "whole": 1,  # a sound IP header, TCP, not a fragment
            "final": 17,  # offset of the IP packet's last byte
            "words": 5,  # 32-bit words before the header, and two bytes
            "port": 16,
            "seq": 32,
            "header_words": 4,  # data offset
            "reserved": 4,
        }
    )


class Stage(wiring.Component):
    """A stage of the walker: ``o`` is ``i`` one clock later, with more known."""

    def __init__(
        self,
        taken: data.Layout,
        given: data.Layout,
        members: dict[str, wiring.Member] | None = None,
    ) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(taken, always_ready=True)),
                "o": Out(stream.Signature(given, always_ready=True)),
                **(members or {}),
            }
        )

    def step(self, m: Module, known: dict[str, ValueLike]) -> None:
        """Pass the beat, and give the members *known* of it."""
        m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(self.i.valid):
            m.d.sync += [self.o.p[name].eq(value) for name, value in known.items()]


class EthernetStage(Stage):
    """Take the EtherTypes.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       ``outer`` and ``inner`` taken         1
    ======  ====================================  =======

    Members
    -------
    i : stream of cursor_beat, always ready
    o : stream of ethernet_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(cursor_beat(geometry), ethernet_beat(geometry))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.step(m, {"at": self.i.p})
        with m.If(self.i.valid):
            capture(m, self.i.p, self.o.p.outer, FRAME, TYPE)
            capture(m, self.i.p, self.o.p.inner, FRAME, TAGGED_TYPE)
        return m


class IpStage(Stage):
    """Find the IP header and take its fields; find frames that speak for the NIC.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       header found, its fields taken        1
    ======  ====================================  =======

    Members
    -------
    i : stream of ethernet_beat, always ready
    o : stream of ip_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(ethernet_beat(geometry), ip_beat(geometry))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i.p, self.o.p
        tagged = i.outer == VLAN
        ethertype = Signal(16)
        words = Signal(3)
        header = Header(words, 2)
        outer_spoofed = (i.outer == ETHERTYPE) & reached(i.at, FRAME.offset(TYPE + 1))
        inner_spoofed = (i.inner == ETHERTYPE) & reached(i.at, FRAME.offset(TAGGED_TYPE + 1))

        m.d.comb += [
            ethertype.eq(Mux(tagged, i.inner, i.outer)),
            words.eq(Mux(tagged, TAGGED_TYPE // 4, TYPE // 4)),
        ]
        self.step(
            m,
            {
                "at": i.at,
                "spoofed": outer_spoofed | (tagged & inner_spoofed),
                "words": words,
                "ipv4": ethertype == IPV4,
                "ipv6": ethertype == IPV6,
            },
        )
        with m.If(self.i.valid):
            capture(m, i.at, Cat(o.header_words, o.version), header, 0)
            capture(m, i.at, o.total_length, header, 2)
            capture(m, i.at, o.payload_length, header, 4)
            capture(m, i.at, o.fragment, header, 6)
            capture(m, i.at, o.protocol, header, 9)
        return m


class TcpStage(Stage):
    """Judge the IP header, find the TCP header and take its fields.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       header found, its fields taken        1
    ======  ====================================  =======

    Members
    -------
    i : stream of ip_beat, always ready
    o : stream of tcp_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(ip_beat(geometry), tcp_beat(geometry))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i.p, self.o.p
        words = Signal(5)
        header = Header(words, 2)
        more_or_later = i.fragment[:14] != 0  # MF and the offset; the bits above are DF and zero
        ipv4 = i.ipv4 & (i.version == 4) & (i.header_words >= 5)
        ipv6 = i.ipv6 & (i.version == 6)
        next_header = i.fragment[8:]
        last_before = Header(i.words, 1).offset(0)

        m.d.comb += words.eq(i.words + Mux(i.ipv4, i.header_words, IPV6_WORDS))
        self.step(
            m,
            {
                "at": i.at,
                "spoofed": i.spoofed,
                "whole": (ipv4 & ~more_or_later & (i.protocol == TCP))
                | (ipv6 & (next_header == TCP)),
                "final": last_before
                + Mux(i.ipv4, i.total_length, i.payload_length + 4 * IPV6_WORDS),
                "words": words,
            },
        )
        with m.If(self.i.valid):
            capture(m, i.at, o.port, header, 2)
            capture(m, i.at, o.seq, header, 4)
            capture(m, i.at, Cat(o.reserved, o.header_words), header, 12)
        return m
