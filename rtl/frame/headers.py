"""The walker's header stages up to TCP's: IP, and what extends it.

A stage takes its header's bytes by absolute offset, so it knows every byte of its header that the
beats up to the one it has seen have shown.  Bytes that a frame has not shown yet, or never shows,
are a former frame's.  That is harmless by order: the fields that place a header stand before it and
no header is shorter than its minimum, so stale bytes can only place it beyond the bytes seen; and a
candidate's payload must lie in its frame.
"""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data

from hybridmesh.contract.geometry import Geometry

from .cursor import cursor_beat, ethernet_beat
from .place import TYPED, Header, choose, header_at
from .stage import HeaderStage

__all__ = [
    "IPV6_SIZE",
    "PLACE_BITS",
    "TCP",
    "ExtensionStage",
    "IpStage",
    "placed_beat",
]

TCP = 6
HOP_BY_HOP, ROUTING, DESTINATION = 0, 43, 60
IPV6_SIZE = 40
PLACE_BITS = 11
"""Bits of a header's place behind an IPv6 header and two extension headers, in 32-bit words."""

Extension = data.StructLayout({"length": 8, "next": 8})
"""The first two bytes of an extension header: its length in 8-byte words but one, what follows."""

EXTENSION_BYTES = Extension.size // 8
EXTENSION_WORDS = 2
"""32-bit words of an extension header of length 0 (RFC 8200, 4.2)."""

IpFields = data.StructLayout(
    {
        "tags": range(len(TYPED)),
        "ipv4": 1,  # what the EtherType says
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


def placed_beat(geometry: Geometry, *, extended: bool) -> data.StructLayout:
    """Members: ``at``; what the IP header says; where the header behind it stands, or behind its
    first extension; if *extended*, behind the second.
    """
    return data.StructLayout(
        {
            "at": cursor_beat(geometry),
            "spoofed": 1,  # an EtherType of :data:`PRIVATE`; valid with ``last``, but in runts
            "tags": range(len(TYPED)),
            "ipv4": 1,
            "sound": 1,  # a sound IP header, not of a fragment
            "final": 17,  # offset of the IP packet's last byte
            "words": PLACE_BITS,  # 32-bit words before the header, and two bytes
            "tcp": 1,  # the header is TCP's
            **({} if extended else {"again": 1}),  # the header is a second extension
        }
    )


class IpStage(HeaderStage):
    """Find the IP header and take its fields; find frames that speak for the NIC.

    A candidate has no tag, one (802.1Q or 802.1ad), or two of which the inner is 802.1Q's.  For the
    shim's EtherType the inner tag may be either, as a host takes off both.  Hop-by-hop options
    stand first or nowhere (RFC 8200, 4.1).

    ======  ==================================================  =======
    stage   what happens                                        latency
    ======  ==================================================  =======
    taken   header found, its fields taken                      1
    o       header judged, what is behind it found              1 or 2
    ======  ==================================================  =======

    Members
    -------
    i : stream of ethernet_beat, always ready
    o : stream of placed_beat, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry, ethernet_beat(geometry), placed_beat(geometry, extended=False))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taken = Signal(IpFields)
        self._take(m, taken)
        beat, valid = self.judged(m)
        plain, single, double = beat.types

        more_or_later = taken.fragment[:14] != 0  # MF and offset; the bits above are DF and zero
        ipv4 = taken.ipv4 & (taken.version == 4) & (taken.header_words >= 5) & ~more_or_later
        ipv6 = taken.ipv6 & (taken.version == 6)
        next_header = taken.fragment[8:]
        extended = ~taken.ipv4 & next_header.matches(HOP_BY_HOP, ROUTING, DESTINATION)
        # A length below the minimum, which is not sound, must not place the next frame's header
        # before its end: 0 to 3 count as 4 to 7.
        ihl = taken.header_words
        behind_ipv4 = Cat(ihl[:2], ihl[2] | ~ihl[3], ihl[3])
        behind_ip = _plus(taken.tags, 0) + Mux(taken.ipv4, behind_ipv4, IPV6_SIZE // 4)
        behind_extension = Cat(C(0, 1), taken.extension.length) + _plus(
            taken.tags, IPV6_SIZE // 4 + EXTENSION_WORDS
        )
        length = Mux(taken.ipv4, taken.total_length, taken.payload_length)
        before = [choose(taken.tags, [place + k - 1 for place in TYPED]) for k in (IPV6_SIZE, 0)]
        protocol = Mux(taken.ipv4, taken.protocol, Mux(extended, taken.extension.next, next_header))
        self.give(
            m,
            valid,
            {
                "at": beat.at,
                "spoofed": plain.private
                | (plain.tag & single.private)
                | (plain.tag & single.tag & double.private),
                "tags": _tags(beat.types),
                "ipv4": _behind_tags(beat.types, "ipv4"),
                "sound": ipv4 | ipv6,
                "final": length + Mux(taken.ipv4, before[1], before[0]),
                "words": Mux(extended, behind_extension, behind_ip),
                "tcp": protocol == TCP,
                "again": extended & taken.extension.next.matches(ROUTING, DESTINATION),
            },
        )
        return m

    def _take(self, m: Module, taken: data.View) -> None:
        i = self.i.p
        tags = _tags(i.types)
        header = Header(i.at, TYPED, tags, i.head)
        with m.If(self.i.valid):
            m.d.sync += [
                taken.tags.eq(tags),
                taken.ipv4.eq(_behind_tags(i.types, "ipv4")),
                taken.ipv6.eq(_behind_tags(i.types, "ipv6")),
            ]
            header.take(m, Cat(taken.header_words, taken.version), 0)
            header.take(m, taken.total_length, 2)
            header.take(m, taken.payload_length, 4)
            header.take(m, taken.fragment, 6)
            header.take(m, taken.protocol, 9)
            header.take(m, Value.cast(taken.extension), IPV6_SIZE)


class ExtensionStage(HeaderStage):
    """Take the first two bytes of the header found, should it be a second extension header.

    ======  ==============================================  =======
    stage   what happens                                    latency
    ======  ==============================================  =======
    taken   length and next header taken                    1
    o       what is behind it found                         1 or 2
    ======  ==============================================  =======

    Members
    -------
    i : stream of placed_beat, always ready
    o : stream of placed_beat, extended, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        taken, given = (placed_beat(geometry, extended=extended) for extended in (False, True))
        self._known = tuple(given.members)
        super().__init__(geometry, taken, given)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i.p
        taken = Signal(Extension)
        header = header_at(m, i.at, self.i.valid, i.words, EXTENSION_BYTES)
        with m.If(self.i.valid):
            header.take(m, Value.cast(taken), 0)
        beat, valid = self.judged(m)
        behind = beat.words + Cat(C(0, 1), taken.length) + EXTENSION_WORDS
        found = {
            "words": Mux(beat.again, behind, beat.words),
            "tcp": Mux(beat.again, taken.next == TCP, beat.tcp),
        }
        self.give(m, valid, {name: beat[name] for name in self._known} | found)
        return m


def _tags(types: data.View) -> Value:
    """Tags before the header; never more than two of those that a candidate can have."""
    plain, single, _ = types
    return Cat(plain.tag & ~single.customer, plain.tag & single.customer)


def _behind_tags(types: data.View, name: str) -> Value:
    plain, single, double = types
    return Mux(plain.tag, Mux(single.customer, double[name], single[name]), plain[name])


def _plus(tags: Value, words: int) -> Value:
    """*words* 32-bit words behind the start of the header behind the *tags*."""
    return choose(tags, [C(place // 4 + words) for place in TYPED])
