"""Frames for the NIC's tests: a table of named ones built with scapy, random mutants of them, and
a plain model of what the frame walker must say of any frame.
"""

import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether

__all__ = [
    "BODY",
    "CANDIDATES",
    "DAMAGED",
    "OPENINGS",
    "OTHERS",
    "PORT",
    "RUNTS",
    "SPOOFED",
    "Expected",
    "judge",
    "mutants",
]

PORT = 8080
MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
BODY = b"GET /api/products?id=1 HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"


def ether(**fields: int) -> Ether:
    return Ether(**MACS, **fields)


def tcp(**fields: object) -> TCP:
    return TCP(**{"sport": 40000, "dport": PORT, "seq": 0x89ABCDEF, "flags": "PA"} | fields)


def ip(**fields: object) -> IP:
    return IP(src="10.0.0.1", dst="10.0.0.2", **fields)


def ip6(**fields: object) -> IPv6:
    return IPv6(src="fd00::1", dst="fd00::2", **fields)


def hop_by_hop() -> IPv6ExtHdrHopByHop:
    return IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])


def destination(size: int = 8) -> IPv6ExtHdrDestOpt:
    return IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\x06" * (size - 4))])


def routing() -> IPv6ExtHdrRouting:
    return IPv6ExtHdrRouting(addresses=["fd00::9"], segleft=0)


def built(frames: Mapping[str, object], shortest: int = 60) -> dict[str, bytes]:
    """The bytes of *frames*, padded as a MAC would."""
    return {name: bytes(frame).ljust(shortest, b"\xaa") for name, frame in frames.items()}


MANY_OPTIONS = [("MSS", 1460), ("Timestamp", (1, 2)), ("NOP", None)] + [("NOP", None)] * 25

CANDIDATES = built(
    {
        "ipv4": ether() / ip() / tcp() / BODY,
        "one byte of payload": ether() / ip() / tcp() / b"G",
        "tcp options": ether() / ip() / tcp(options=[("NOP", None), ("Timestamp", (7, 9))]) / BODY,
        "longest tcp header": ether() / ip() / tcp(options=MANY_OPTIONS[:28]) / BODY,
        "ip options": ether() / ip(options=[IPOption_NOP()] * 4) / tcp() / BODY,
        "longest ip header": ether()
        / ip(options=[IPOption_RR(length=39, routers=["0.0.0.0"] * 9)])
        / tcp()
        / BODY,
        "vlan": ether() / Dot1Q(vlan=7) / ip() / tcp() / BODY,
        "vlan, ip and tcp options": ether()
        / Dot1Q(vlan=7)
        / ip(options=[IPOption_NOP()] * 8)
        / tcp(options=[("MSS", 1460)])
        / BODY,
        "service tag": ether() / Dot1AD(vlan=7) / ip() / tcp() / BODY,
        "two vlan tags": ether() / Dot1Q(vlan=7) / Dot1Q(vlan=8) / ip() / tcp() / BODY,
        "service and vlan tag": ether() / Dot1AD(vlan=7) / Dot1Q(vlan=8) / ip() / tcp() / BODY,
        "service and vlan tag, ipv6": ether() / Dot1AD() / Dot1Q() / ip6() / tcp() / BODY,
        "two tags, longest headers": ether()
        / Dot1Q()
        / Dot1Q()
        / ip(options=[IPOption_NOP()] * 40)
        / tcp(options=MANY_OPTIONS[:28])
        / b"G",
        "ipv6": ether() / ip6() / tcp() / BODY,
        "vlan and ipv6": ether() / Dot1Q(vlan=9) / ip6() / tcp(options=[("MSS", 9)]) / BODY,
        "hop-by-hop options": ether() / ip6() / hop_by_hop() / tcp() / BODY,
        "routing header": ether() / ip6() / routing() / tcp() / BODY,
        "destination options": ether() / ip6() / destination() / tcp() / BODY,
        "hop-by-hop and destination": ether()
        / ip6()
        / hop_by_hop()
        / destination(16)
        / tcp()
        / BODY,
        "routing and destination": ether() / ip6() / routing() / destination() / tcp() / BODY,
        "destination twice, two tags": ether()
        / Dot1AD()
        / Dot1Q()
        / ip6()
        / destination(24)
        / destination()
        / tcp(options=MANY_OPTIONS[:2])
        / BODY,
        "long extension header": ether() / ip6() / destination(120) / tcp() / b"GET",
        "do not fragment": ether() / ip(flags="DF") / tcp() / BODY,
        "reserved ip flag": ether() / ip(flags="evil") / tcp() / BODY,
        "padded": ether() / ip() / tcp() / b"GET",
        "padded far": bytes(ether() / ip() / tcp() / BODY) + bytes(70),
        "padded, odd": bytes(ether() / ip() / tcp() / (BODY + b"\r")) + b"\xff" * 9,
        "urgent, push, fin": ether() / ip() / tcp(flags="UPAF") / BODY,
        "checksum of zero": ether() / ip(id=0) / tcp(sport=48541) / b"G",
    }
)

OPENINGS = built(
    {
        "syn": ether() / ip() / tcp(flags="S"),
        "syn with options": ether() / ip() / tcp(flags="S", options=MANY_OPTIONS[:4]),
        "syn, ipv6": ether() / ip6() / tcp(flags="S"),
        "syn, tags and extension headers": ether()
        / Dot1AD()
        / Dot1Q()
        / ip6()
        / hop_by_hop()
        / destination()
        / tcp(flags="S", options=MANY_OPTIONS[:2]),
        "syn with explicit congestion notification": ether() / ip() / tcp(flags="SEC"),
        "syn with a payload": ether() / ip() / tcp(flags="S") / BODY,
    }
)
"""First segments of connections."""

OTHERS = built(
    {
        "syn to another port": ether() / ip() / tcp(flags="S", dport=PORT + 1),
        "syn and ack": ether() / ip() / tcp(flags="SA"),
        "syn and rst": ether() / ip() / tcp(flags="SR"),
        "rst": ether() / ip() / tcp(flags="R"),
        "syn, data offset beyond the packet": ether() / ip() / tcp(flags="S", dataofs=6),
        "wrong port": ether() / ip() / tcp(dport=PORT + 1) / BODY,
        "wrong port, high byte": ether() / ip() / tcp(dport=PORT ^ 0x100) / BODY,
        "from the listen port": ether() / ip() / tcp(sport=PORT, dport=40000) / BODY,
        "udp": ether() / ip() / UDP(dport=PORT) / BODY,
        "arp": ether() / ARP(),
        "no payload": ether() / ip() / tcp(),
        "first fragment": ether() / ip(flags="MF") / tcp() / BODY,
        "later fragment": ether() / ip(frag=3) / tcp() / BODY,
        "ihl of four": ether() / ip(ihl=4) / tcp() / BODY,
        "ihl of four, a tcp header there": ether()
        / IP(dst="10.0.31.144", ihl=4)
        / tcp(ack=0x50000000)
        / BODY,
        "data offset of four": ether() / ip() / tcp(dataofs=4) / BODY,
        "data offset beyond the packet": ether() / ip() / tcp(dataofs=15) / b"GET",
        "ip longer than the frame": ether() / ip(len=40 + len(BODY) + 1) / tcp() / BODY,
        "ip far longer than the frame": ether() / ip(len=65535) / tcp() / BODY,
        "ip shorter than its headers": ether() / ip(len=39) / tcp() / BODY,
        "ip length zero": ether() / ip(len=0) / tcp() / BODY,
        "version 6 in ipv4": ether() / ip(version=6) / tcp() / BODY,
        "version 4 in ipv6": ether() / ip6(version=4) / tcp() / BODY,
        "ipv6 longer than the frame": ether() / ip6(plen=21 + len(BODY)) / tcp() / BODY,
        "ipv6 length zero": ether() / ip6(plen=0) / tcp() / BODY,
        "ipv6 udp": ether() / ip6() / UDP(dport=PORT) / BODY,
        "ipv6 fragment": ether() / ip6() / IPv6ExtHdrFragment(m=1) / tcp() / BODY,
        "ipv6 atomic fragment": ether() / ip6() / IPv6ExtHdrFragment() / tcp() / BODY,
        "hop-by-hop, then a fragment": ether()
        / ip6()
        / hop_by_hop()
        / IPv6ExtHdrFragment()
        / tcp()
        / BODY,
        "authentication header": ether()
        / ip6(nh=51)
        / AH(nh=6, icv=bytes(12))
        / tcp(chksum=1)
        / BODY,
        "hop-by-hop in second place": ether()
        / ip6()
        / IPv6ExtHdrDestOpt(nh=0, options=[PadN(optdata=bytes(4))])
        / hop_by_hop()
        / tcp()
        / BODY,
        "three extension headers": ether()
        / ip6()
        / hop_by_hop()
        / destination()
        / routing()
        / tcp()
        / BODY,
        "extension header beyond the packet": ether()
        / ip6()
        / IPv6ExtHdrDestOpt(nh=6, len=255, options=[])
        / tcp()
        / BODY,
        "protocol 60 in ipv4": ether() / ip(proto=60) / destination() / tcp(chksum=1) / BODY,
        "three vlan tags": ether() / Dot1Q() / Dot1Q() / Dot1Q() / ip() / tcp() / BODY,
        "vlan tag, then a service tag": ether()
        / Dot1Q(type=0x88A8)
        / Dot1AD()
        / ip()
        / tcp()
        / BODY,
        "old service tag": ether(type=0x9100) / Dot1Q() / ip() / tcp() / BODY,
        "mpls": ether(type=0x8847) / bytes.fromhex("0001 0140") / ip() / tcp() / BODY,
        "snap": Dot3(**MACS)
        / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
        / SNAP(code=0x800)
        / ip()
        / tcp()
        / BODY,
        "the shim's type in snap": Dot3(**MACS) / LLC() / SNAP(code=0x88B5) / BODY,
        "the next type": ether(type=0x88B7) / BODY,
        "the shim's type for a vlan": ether() / Dot1Q(prio=4, vlan=0x8B5) / ip() / tcp(dport=1),
        "the shim's type behind three tags": ether()
        / Dot1Q()
        / Dot1Q()
        / Dot1Q(type=0x88B5)
        / BODY,
        "cut in the payload": bytes(ether() / ip() / tcp() / BODY)[:80],
        "cut in tcp": bytes(ether() / ip6() / tcp() / BODY)[:61],
        "cut in ip": bytes(ether() / Dot1Q() / Dot1Q() / ip6() / tcp() / BODY)[:60],
        "cut in an extension header": bytes(ether() / ip6() / destination(64) / tcp() / BODY)[:90],
        "60 bytes": bytes(range(60)),
    }
)

SPOOFED = built(
    {
        name.format(whose): frame
        for whose, kind in (("shim's", 0x88B5), ("control frames'", 0x88B6))
        for name, frame in {
            "{} type": ether(type=kind) / BODY,
            "{} type and padding": bytes(12) + kind.to_bytes(2, "big"),
            "vlan with the {} type": ether() / Dot1Q(type=kind) / BODY,
            "service tag with the {} type": ether() / Dot1AD(type=kind) / BODY,
            **{
                f"{outer.__name__} and {inner.__name__} with the {{}} type": ether()
                / outer()
                / inner(type=kind)
                / BODY
                for outer in (Dot1Q, Dot1AD)
                for inner in (Dot1Q, Dot1AD)
            },
        }.items()
    }
)

RUNTS = built(
    {
        **{f"{n} bytes": bytes(range(n)) for n in (1, 2, 7, 8, 9, 11, 12, 13, 14, 59)},
        "no payload, no padding": ether() / ip() / tcp(),
        "a payload, no padding": ether() / ip() / tcp() / b"GET /",
        "shim's type and no more": bytes(12) + b"\x88\xb5",
        "vlan with the shim's type and no more": bytes(12) + b"\x81\x00\0\0\x88\xb5",
        "cut in ip": bytes(ether() / ip() / tcp() / BODY)[:23],
    },
    shortest=1,
)


def _damaged() -> dict[str, bytes]:
    """Candidates with a changed byte that nothing but a checksum tells of."""
    places = {
        ("ipv4", "type of service"): 15,
        ("ipv4", "identification"): 19,
        ("ipv4", "time to live"): 22,
        ("ipv4", "header checksum"): 24,
        ("ipv4", "source"): 26,
        ("ipv4", "destination"): 33,
        ("ipv4", "sequence number"): 38,
        ("ipv4", "urgent pointer"): 53,
        ("ipv4", "tcp checksum"): 51,
        ("ipv4", "first byte of the payload"): 54,
        ("ipv4", "last byte of the payload"): 53 + len(BODY),
        ("ip options", "option"): 35,
        ("tcp options", "option"): 60,
        ("padded, odd", "odd last byte"): 54 + len(BODY),
        ("service and vlan tag", "destination"): 41,
        ("ipv6", "first byte of the source"): 22,
        ("ipv6", "last byte of the destination"): 53,
        ("ipv6", "payload"): 90,
        ("routing and destination", "payload"): 130,
    }
    frames = {}
    for (name, what), place in places.items():
        frame = bytearray(CANDIDATES[name])
        frame[place] ^= 0x01
        frames[f"{name}: {what}"] = bytes(frame)
    # The pseudo header of a packet on its way holds its last address, not that in the IP header.
    hops = {"addresses": ["fd00::9"], "segleft": 1}
    frames["not yet at its destination"] = bytes(
        ether() / ip6() / IPv6ExtHdrRouting(**hops) / tcp() / BODY
    )
    return frames


DAMAGED = _damaged()


@dataclass(frozen=True)
class Expected:
    """What the walker must say.

    ``event`` is the counter that the frame goes to, ``masked`` the bytes that may be shown as
    payload; ``listener``, ``seq``, ``flow`` and ``intact`` are those of a candidate, or of a frame
    that opens a connection.
    """

    candidate: bool = False
    event: str | None = None
    listener: int = 0
    seq: int = 0
    flow: int = 0
    intact: bool = False
    masked: bytes = b""
    opens: bool = False

    @property
    def drop(self) -> bool:
        return self.event not in (None, "oversize")


@dataclass(frozen=True)
class _Headers:
    """Where the headers of a TCP segment stand, sound but for checksums and TCP's length."""

    ip: int
    version: int
    tcp: int
    end: int


def judge(
    frame: bytes, ports: tuple[int, ...] = (PORT,), max_frame: int = 2048, error: bool = False
) -> Expected:
    """Parse *frame* with ``struct``, header by header, giving up where bytes are missing."""
    whole = len(frame) <= max_frame
    shown = frame[:max_frame]
    event = None
    if whole and error:
        event = "errors"
    elif whole and len(frame) < 60:
        event = "runts"
    elif _spoofed(shown):
        event = "spoofed"
    elif not whole:
        event = "oversize"
    try:
        headers = _headers(shown)
        if headers is None:
            return Expected(event=event)
        port, dport, seq, offset, flags = struct.unpack_from(">HHI4xBB", shown, headers.tcp)
    except struct.error:
        return Expected(event=event)
    start = headers.tcp + 4 * (offset >> 4)
    opens = bool(flags & 2) and not flags & 4 and not flags & 16
    behind = start >= headers.end + opens
    if offset >> 4 < 5 or dport not in ports or not dport or behind:
        return Expected(event=event)
    masked = shown[start : headers.end]
    if event is not None or headers.end > len(shown):
        return Expected(event=event, masked=masked)
    listener = ports.index(dport)
    flow = _flow(frame, headers, port) ^ listener << 28
    intact = _intact(frame, headers)
    return Expected(not opens, None, listener, seq, flow, intact, masked, opens)


def _spoofed(frame: bytes) -> bool:
    at = 12
    for _ in range(3):
        if frame[at : at + 2] in (b"\x88\xb5", b"\x88\xb6"):
            return True
        if frame[at : at + 2] not in (b"\x81\x00", b"\x88\xa8"):
            return False
        at += 4
    return False


def _headers(frame: bytes) -> _Headers | None:
    (kind,) = struct.unpack_from(">H", frame, 12)
    at = 14
    if kind in (0x8100, 0x88A8):
        (kind,) = struct.unpack_from(">H", frame, 16)
        at = 18
        if kind == 0x8100:
            (kind,) = struct.unpack_from(">H", frame, 20)
            at = 22
    if kind == 0x0800:
        first, length, fragment, protocol = struct.unpack_from(">BxH2xHxB", frame, at)
        sound = first >> 4 == 4 and first & 15 >= 5 and not fragment & 0x3FFF and protocol == 6
        return _Headers(at, 4, at + 4 * (first & 15), at + length) if sound else None
    if kind == 0x86DD:
        first, length, protocol = struct.unpack_from(">B3xHB", frame, at)
        behind = at + 40
        for allowed in ((0, 43, 60), (43, 60)):
            if protocol not in allowed:
                break
            protocol, words = struct.unpack_from(">BB", frame, behind)
            behind += 8 * words + 8
        sound = first >> 4 == 6 and protocol == 6
        return _Headers(at, 6, behind, at + 40 + length) if sound else None
    return None


def _flow(frame: bytes, headers: _Headers, port: int) -> int:
    """Hash of the connection, but for its listener."""
    total = port * 0x10001
    for (word,) in struct.iter_unpack(">I", _pseudo(frame, headers)[:-8]):
        total ^= word
    return total


def _pseudo(frame: bytes, headers: _Headers) -> bytes:
    addresses = frame[headers.ip :][slice(12, 20) if headers.version == 4 else slice(8, 40)]
    return addresses + struct.pack(">IxxBB", headers.end - headers.tcp, 0, 6)


def _intact(frame: bytes, headers: _Headers) -> bool:
    segment = _pseudo(frame, headers) + frame[headers.tcp : headers.end]
    if headers.version == 4 and _ones(frame[headers.ip : headers.tcp]) != 0xFFFF:
        return False
    return _ones(segment) == 0xFFFF


def _ones(data: bytes) -> int:
    """Ones' complement sum, word by word."""
    total = 0
    for (word,) in struct.iter_unpack(">H", data + bytes(len(data) % 2)):
        total += word
        if total > 0xFFFF:
            total -= 0xFFFF
    return total


def _mended(frame: bytearray) -> None:
    """Put the right checksums into *frame*, where it holds a TCP segment."""
    try:
        headers = _headers(bytes(frame))
    except struct.error:
        return
    if headers is None or not headers.tcp + 20 <= headers.end <= len(frame):
        return
    if headers.version == 4:
        struct.pack_into(">H", frame, headers.ip + 10, 0)
        header = bytes(frame[headers.ip : headers.tcp])
        struct.pack_into(">H", frame, headers.ip + 10, 0xFFFF - _ones(header))
    struct.pack_into(">H", frame, headers.tcp + 16, 0)
    segment = _pseudo(bytes(frame), headers) + bytes(frame[headers.tcp : headers.end])
    struct.pack_into(">H", frame, headers.tcp + 16, 0xFFFF - _ones(segment))


def mutants(count: int, seed: int) -> list[bytes]:
    """Random frames: those of the tables with a few header bytes changed, cut or padded, most of
    them with checksums that are right again.
    """
    rng = random.Random(seed)
    seeds = [
        *CANDIDATES.values(),
        *OPENINGS.values(),
        *OTHERS.values(),
        *SPOOFED.values(),
        *DAMAGED.values(),
    ]
    odd = (0, 1, 5, 6, 43, 60, 0x40, 0x45, 0x50, 0x60, 0x81, 0x88)
    frames = []
    for _ in range(count):
        frame = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((0, 0, 1, 1, 2, 5))):
            place = rng.randrange(min(len(frame), 90))
            frame[place] = rng.choice((*odd, rng.randrange(256)))
        if rng.random() < 0.3:
            del frame[rng.choice((rng.randrange(1, len(frame) + 1), 60, len(frame) - 1)) :]
        if rng.random() < 0.3:
            frame += rng.randbytes(rng.randrange(70))
        if rng.random() < 0.8:
            _mended(frame)
        frames.append(bytes(frame))
    return frames
