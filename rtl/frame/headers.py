"""The walker's header stages: IP, what extends it, and TCP, each one clock behind the former.

A stage takes its header's bytes by absolute offset, so it knows every byte of its header that the
beats up to the one it gives have shown.  The next stage sees that beat one clock later and finds
its own header from it: however many headers a beat holds, each stage works on one.

Bytes that a frame has not shown yet, or never shows, are a former frame's.  That is harmless by
order: the fields that place a header stand before it and no header is shorter than its minimum, so
stale bytes can only place it beyond the bytes seen; and a candidate's payload must lie in its
frame.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import ETHERTYPE

from .cursor import TYPES, Header, capture, cursor_beat, ethernet_beat, reached

__all__ = [
    "IPV6_WORDS",
    "ExtensionStage",
    "IpStage",
    "Stage",
    "TcpStage",
    "extension_beat",
    "ip_beat",
    "tcp_beat",
]

CUSTOMER_TAG, SERVICE_TAG = 0x8100, 0x88A8
IPV4, IPV6 = 0x0800, 0x86DD
TCP = 6
HOP_BY_HOP, ROUTING, DESTINATION = 0, 43, 60
IPV6_WORDS = 10
EXTENDED_WORDS = 11
"""Bits of a header's place behind an IPv6 header and two extension headers, in 32-bit words."""

Extension = data.StructLayout({"length": 8, "next": 8})
"""The first two bytes of an extension header: its length in 8-byte words but one, what follows."""


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
            "extension": Extension,  # IPv6: the header behind this one
        }
    )


def extension_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; the IP header's verdict; where the header behind its first extension stands,
    or behind itself, and what it is.
    """
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,
            "ip_words": 3,
            "ipv4": 1,
            "sound": 1,  # a sound IP header, not of a fragment
            "final": 17,  # offset of the IP packet's last byte
            "words": EXTENDED_WORDS,
            "protocol": 8,  # what the header is
            "extended": 1,  # there was an extension header before it: it may be one too
            "extension": Extension,  # the header itself, if it is
        }
    )


def tcp_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; where IP and TCP header stand, where the packet ends; TCP fields."""
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,
            "ip_words": 3,
            "ipv4": 1,
            "whole": 1,  # a sound IP header, TCP, not a fragment
            "final": 17,
            "words": EXTENDED_WORDS,
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


class IpStage(Stage):
    """Find the IP header and take its fields; find frames that speak for the NIC.

    A candidate has no tag, one (802.1Q or 802.1ad), or two of which the inner is 802.1Q's.  For the
    shim's EtherType the inner tag may be either, as a host takes off both.

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
        tags = [(kind == CUSTOMER_TAG) | (kind == SERVICE_TAG) for kind in i.types]
        double = tags[0] & (i.types[1] == CUSTOMER_TAG)
        reachable = (1, tags[0], tags[0] & tags[1])
        spoofed = [
            behind & (kind == ETHERTYPE) & reached(i.at, Header(None, place).offset(1))
            for behind, kind, place in zip(reachable, i.types, TYPES, strict=True)
        ]
        ethertype = Signal(16)
        words = Signal(3)
        header = Header(words, 2)

        m.d.comb += [
            ethertype.eq(Mux(tags[0], Mux(double, i.types[2], i.types[1]), i.types[0])),
            words.eq(Mux(tags[0], Mux(double, TYPES[2], TYPES[1]), TYPES[0]) // 4),
        ]
        self.step(
            m,
            {
                "at": i.at,
                "spoofed": Cat(spoofed).any(),
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
            capture(m, i.at, Value.cast(o.extension), header, 4 * IPV6_WORDS)
        return m


class ExtensionStage(Stage):
    """Judge the IP header; look behind it, and behind the first extension header if there is one.

    ======  ==============================================  =======
    stage   what happens                                    latency
    ======  ==============================================  =======
    o       next header found, its first two bytes taken    1
    ======  ==============================================  =======

    Members
    -------
    i : stream of ip_beat, always ready
    o : stream of extension_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(ip_beat(geometry), extension_beat(geometry))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i.p, self.o.p
        more_or_later = i.fragment[:14] != 0  # MF and the offset; the bits above are DF and zero
        ipv4 = i.ipv4 & (i.version == 4) & (i.header_words >= 5) & ~more_or_later
        ipv6 = i.ipv6 & (i.version == 6)
        next_header = i.fragment[8:]
        extended = ~i.ipv4 & next_header.matches(HOP_BY_HOP, ROUTING, DESTINATION)
        behind = IPV6_WORDS + Mux(extended, extension_words(i.extension), 0)
        last_before = Header(i.words, 1).offset(0)
        words = Signal(EXTENDED_WORDS)

        m.d.comb += words.eq(i.words + Mux(i.ipv4, i.header_words, behind))
        self.step(
            m,
            {
                "at": i.at,
                "spoofed": i.spoofed,
                "ip_words": i.words,
                "ipv4": i.ipv4,
                "sound": ipv4 | ipv6,
                "final": last_before
                + Mux(i.ipv4, i.total_length, i.payload_length + 4 * IPV6_WORDS),
                "words": words,
                "protocol": Mux(i.ipv4, i.protocol, Mux(extended, i.extension.next, next_header)),
                "extended": extended,
            },
        )
        with m.If(self.i.valid):
            capture(m, i.at, Value.cast(o.extension), Header(words, 2), 0)
        return m


class TcpStage(Stage):
    """Find the TCP header, behind a second extension header if there is one; take its fields.

    Hop-by-hop options stand first or nowhere (RFC 8200, 4.1).

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       header found, its fields taken        1
    ======  ====================================  =======

    Members
    -------
    i : stream of extension_beat, always ready
    o : stream of tcp_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(extension_beat(geometry), tcp_beat(geometry))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i.p, self.o.p
        again = i.extended & i.protocol.matches(ROUTING, DESTINATION)
        protocol = Mux(again, i.extension.next, i.protocol)
        words = Signal(EXTENDED_WORDS)
        header = Header(words, 2)

        m.d.comb += words.eq(i.words + Mux(again, extension_words(i.extension), 0))
        self.step(
            m,
            {
                "at": i.at,
                "spoofed": i.spoofed,
                "ip_words": i.ip_words,
                "ipv4": i.ipv4,
                "whole": i.sound & (protocol == TCP),
                "final": i.final,
                "words": words,
            },
        )
        with m.If(self.i.valid):
            capture(m, i.at, o.port, header, 2)
            capture(m, i.at, o.seq, header, 4)
            capture(m, i.at, Cat(o.reserved, o.header_words), header, 12)
        return m


def extension_words(extension: data.View) -> Value:
    """32-bit words of an extension header (RFC 8200, 4.2)."""
    return (extension.length + 1) << 1
