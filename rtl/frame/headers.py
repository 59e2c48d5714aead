"""The walker's header stages: IP, what extends it, and TCP.

A stage takes its header's bytes by absolute offset, so it knows every byte of its header that the
beats up to the one it gives have shown.  Where the next header stands is worked out in a clock of
its own between two such stages.  Up to :data:`NARROW` bytes per beat no header begins in the beat
that places it, and that clock goes by while the next beat comes: the place is *beside* the beats,
that of the beats before.  Wider beats wait for it, so however many headers one holds, each stage
works on one.

Bytes that a frame has not shown yet, or never shows, are a former frame's.  That is harmless by
order: the fields that place a header stand before it and no header is shorter than its minimum, so
stale bytes can only place it beyond the bytes seen; and a candidate's payload must lie in its
frame.
"""

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

from .cursor import TYPES, Header, capture, cursor_beat, ethernet_beat

__all__ = [
    "IPV6_WORDS",
    "NARROW",
    "PLACE_BITS",
    "TCP",
    "ExtensionPlace",
    "ExtensionStage",
    "IpStage",
    "Place",
    "Stage",
    "TcpPlace",
    "TcpStage",
    "tcp_beat",
]

NARROW = 8
"""An extension header's length is its second byte and it has eight at least, from an even offset:
the header behind it is not in the same beat of eight bytes."""

TCP = 6
HOP_BY_HOP, ROUTING, DESTINATION = 0, 43, 60
IPV6_WORDS = 10
PLACE_BITS = 11
"""Bits of a header's place behind an IPv6 header and two extension headers, in 32-bit words."""

Extension = data.StructLayout({"length": 8, "next": 8})
"""The first two bytes of an extension header: its length in 8-byte words but one, what follows."""


def ip_beat(geometry: Geometry) -> data.StructLayout:
    """Members: ``at``; where the IP header stands, what it should be; its fields as they are."""
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,  # the shim's EtherType; valid with ``last``, but in runts
            "ip_words": 3,  # 32-bit words before the header, and two bytes
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


def placed_beat(geometry: Geometry, **more: ShapeLike) -> data.StructLayout:
    """Members: ``at``; what the IP header says; where the header behind it stands, or behind its
    first extension; and *more*.
    """
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,
            "ip_words": 3,
            "ipv4": 1,
            "sound": 1,  # a sound IP header, not of a fragment
            "final": 17,  # offset of the IP packet's last byte
            "words": PLACE_BITS,
            "tcp": 1,  # the header is TCP's
            "again": 1,  # the header is a second extension
            **more,
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
            "words": PLACE_BITS,
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


class Place(Stage):
    """A stage between two, which works out where something stands.

    Its latency is 1 where beats are wider than :data:`NARROW`.  Else it is 0, and what it finds is
    what the beats before have shown.
    """

    def __init__(
        self,
        geometry: Geometry,
        taken: data.Layout,
        given: data.Layout,
        members: dict[str, wiring.Member] | None = None,
    ) -> None:
        super().__init__(taken, given, members)
        self.latency = int(geometry.width > NARROW)

    def place(self, m: Module, passed: tuple[str, ...], found: dict[str, ValueLike]) -> None:
        """Pass the members *passed* with the beat, and give those *found*."""
        known = {name: self.i.p[name] for name in passed}
        if self.latency:
            self.step(m, known | found)
            return
        for name, value in found.items():
            known[name] = Signal.like(self.o.p[name], name=name)
            m.d.sync += known[name].eq(value)
        m.d.comb += self.o.valid.eq(self.i.valid)
        m.d.comb += [self.o.p[name].eq(value) for name, value in known.items()]


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
        plain, single, double = i.types
        words = Signal(3)
        header = Header(words, 2)

        def behind_tags(name: str) -> Value:
            return Mux(plain.tag, Mux(single.customer, double[name], single[name]), plain[name])

        places = [place // 4 for place in TYPES]
        m.d.comb += words.eq(Mux(plain.tag, Mux(single.customer, *places[:0:-1]), places[0]))
        self.step(
            m,
            {
                "at": i.at,
                "spoofed": plain.shim
                | (plain.tag & single.shim)
                | (plain.tag & single.tag & double.shim),
                "ip_words": words,
                "ipv4": behind_tags("ipv4"),
                "ipv6": behind_tags("ipv6"),
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


class ExtensionPlace(Place):
    """Judge the IP header; find what is behind it, or behind the first extension header.

    Hop-by-hop options stand first or nowhere (RFC 8200, 4.1).

    ======  ==============================================  =======
    stage   what happens                                    latency
    ======  ==============================================  =======
    o       IP header judged, next header found             0 or 1
    ======  ==============================================  =======

    Members
    -------
    i : stream of ip_beat, always ready
    o : stream of placed_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry, ip_beat(geometry), placed_beat(geometry))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i.p
        more_or_later = i.fragment[:14] != 0  # MF and the offset; the bits above are DF and zero
        ipv4 = i.ipv4 & (i.version == 4) & (i.header_words >= 5) & ~more_or_later
        ipv6 = i.ipv6 & (i.version == 6)
        next_header = i.fragment[8:]
        extended = ~i.ipv4 & next_header.matches(HOP_BY_HOP, ROUTING, DESTINATION)
        # A length below the minimum, which is not sound, must not place the next frame's header
        # before its end: 0 to 3 count as 4 to 7.
        ihl = i.header_words
        behind_ipv4 = Cat(ihl[:2], ihl[2] | ~ihl[3], ihl[3])
        behind_ip = i.ip_words + Mux(i.ipv4, behind_ipv4, IPV6_WORDS)
        behind_extension = i.ip_words + IPV6_WORDS + extension_words(i.extension)
        last_before = Header(i.ip_words, 1).offset(0)
        protocol = Mux(i.ipv4, i.protocol, Mux(extended, i.extension.next, next_header))
        self.place(
            m,
            ("at", "spoofed", "ip_words", "ipv4"),
            {
                "sound": ipv4 | ipv6,
                "final": last_before
                + Mux(i.ipv4, i.total_length, i.payload_length + 4 * IPV6_WORDS),
                "words": Mux(extended, behind_extension, behind_ip),
                "tcp": protocol == TCP,
                "again": extended & i.extension.next.matches(ROUTING, DESTINATION),
            },
        )
        return m


class ExtensionStage(Stage):
    """Take the first two bytes of the header found, should it be an extension header.

    ======  ==============================================  =======
    stage   what happens                                    latency
    ======  ==============================================  =======
    o       length and next header taken                    1
    ======  ==============================================  =======

    Members
    -------
    i : stream of placed_beat, always ready
    o : stream of placed_beat with ``extension``, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        self._taken = placed_beat(geometry)
        super().__init__(self._taken, placed_beat(geometry, extension=Extension))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i.p, self.o.p
        self.step(m, {name: i[name] for name in self._taken.members})
        with m.If(self.i.valid):
            capture(m, i.at, Value.cast(o.extension), Header(i.words, 2), 0)
        return m


class TcpPlace(Place):
    """Find what is behind a second extension header.

    ======  ==============================================  =======
    stage   what happens                                    latency
    ======  ==============================================  =======
    o       ``behind`` the second extension, ``whole``      0 or 1
    ======  ==============================================  =======

    Members
    -------
    i : stream of placed_beat with ``extension``, always ready
    o : stream of placed_beat with ``behind`` and ``whole``, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        self._passed = tuple(placed_beat(geometry).members)
        super().__init__(
            geometry,
            placed_beat(geometry, extension=Extension),
            placed_beat(geometry, behind=PLACE_BITS, whole=1),
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i.p
        self.place(
            m,
            self._passed,
            {
                "behind": i.words + extension_words(i.extension),
                "whole": i.sound & Mux(i.again, i.extension.next == TCP, i.tcp),
            },
        )
        return m


class TcpStage(Stage):
    """Take the TCP header's fields.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    o       fields taken                          1
    ======  ====================================  =======

    Members
    -------
    i : stream of placed_beat with ``behind`` and ``whole``, always ready
    o : stream of tcp_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(placed_beat(geometry, behind=PLACE_BITS, whole=1), tcp_beat(geometry))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i.p, self.o.p
        words = Signal(PLACE_BITS)
        header = Header(words, 2)
        m.d.comb += words.eq(Mux(i.again, i.behind, i.words))
        names = ("at", "spoofed", "ip_words", "ipv4", "whole", "final")
        self.step(m, {name: i[name] for name in names} | {"words": words})
        with m.If(self.i.valid):
            capture(m, i.at, o.port, header, 2)
            capture(m, i.at, o.seq, header, 4)
            capture(m, i.at, Cat(o.reserved, o.header_words), header, 12)
        return m


def extension_words(extension: data.View) -> Value:
    """32-bit words of an extension header (RFC 8200, 4.2)."""
    return (extension.length + 1) << 1
