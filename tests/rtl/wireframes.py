"""Frames for the NIC's tests: a table of named ones built with scapy, random mutants of them, and
a plain model of what the frame walker must say of any frame.
"""

import random
import struct
from dataclasses import dataclass

from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Dot1Q, Ether

__all__ = ["BODY", "CANDIDATES", "OTHERS", "PORT", "SPOOFED", "Expected", "judge", "mutants"]

PORT = 8080
BODY = b"GET /api/products?id=1 HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"


def ether(**fields: int) -> Ether:
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **fields)


def tcp(**fields: object) -> TCP:
    return TCP(**{"sport": 40000, "dport": PORT, "seq": 0x89ABCDEF, "flags": "PA"} | fields)


def ip(**fields: object) -> IP:
    return IP(src="10.0.0.1", dst="10.0.0.2", **fields)


def ip6(**fields: object) -> IPv6:
    return IPv6(src="fd00::1", dst="fd00::2", **fields)


MANY_OPTIONS = [("MSS", 1460), ("Timestamp", (1, 2)), ("NOP", None)] + [("NOP", None)] * 25

CANDIDATES = {
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
    "ipv6": ether() / ip6() / tcp() / BODY,
    "vlan and ipv6": ether() / Dot1Q(vlan=9) / ip6() / tcp(options=[("MSS", 9)]) / BODY,
    "do not fragment": ether() / ip(flags="DF") / tcp() / BODY,
    "reserved ip flag": ether() / ip(flags="evil") / tcp() / BODY,
    "padded": ether() / ip() / tcp() / b"GET" / b"",
    "padded far": ether() / ip() / tcp() / BODY,
    "urgent, push, fin": ether() / ip() / tcp(flags="UPAF") / BODY,
}
CANDIDATES = {name: bytes(frame) for name, frame in CANDIDATES.items()}
CANDIDATES["padded"] = CANDIDATES["padded"].ljust(60, b"\xaa")
CANDIDATES["padded far"] += bytes(70)

OTHERS = {
    "wrong port": ether() / ip() / tcp(dport=PORT + 1) / BODY,
    "wrong port, high byte": ether() / ip() / tcp(dport=PORT ^ 0x100) / BODY,
    "from the listen port": ether() / ip() / tcp(sport=PORT, dport=40000) / BODY,
    "udp": ether() / ip() / UDP(dport=PORT) / BODY,
    "arp": ether() / ARP(),
    "no payload": ether() / ip() / tcp(),
    "no payload, padded": bytes(ether() / ip() / tcp()).ljust(60, b"\0"),
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
    "ipv6 extension header": ether() / ip6() / IPv6ExtHdrDestOpt() / tcp() / BODY,
    "two vlan tags": ether() / Dot1Q() / Dot1Q() / ip() / tcp() / BODY,
    "service tag": ether(type=0x88A8) / Dot1Q() / ip() / tcp() / BODY,
    "cut in the payload": bytes(ether() / ip() / tcp() / BODY)[:80],
    "cut in tcp": bytes(ether() / ip() / tcp() / BODY)[:47],
    "cut in ip": bytes(ether() / ip() / tcp() / BODY)[:23],
    "cut in the ethertype": bytes(ether() / ip() / tcp() / BODY)[:13],
    **{f"{n} bytes": bytes(range(n)) for n in (1, 2, 7, 8, 9, 11, 12, 13, 14)},
    "shim's type, cut": bytes(12) + b"\x88",
    "vlan with the shim's type, cut": bytes(12) + b"\x81\x00\0\0\x88",
}
OTHERS = {name: bytes(frame) for name, frame in OTHERS.items()}

SPOOFED = {
    "shim's type": bytes(ether(type=0x88B5) / BODY),
    "shim's type and no more": bytes(12) + b"\x88\xb5",
    "vlan with the shim's type": bytes(ether() / Dot1Q(type=0x88B5) / BODY),
    "vlan with the shim's type and no more": bytes(12) + b"\x81\x00\0\0\x88\xb5",
}


@dataclass(frozen=True)
class Expected:
    """What the walker must say; ``masked`` are the bytes that it may show as payload."""

    candidate: bool = False
    spoofed: bool = False
    seq: int = 0
    masked: bytes = b""


def judge(frame: bytes, port: int = PORT, max_frame: int = 2048) -> Expected:
    """Parse *frame* with ``struct``, header by header, giving up where bytes are missing."""
    whole = len(frame) <= max_frame
    frame = frame[:max_frame]
    try:
        (ethertype,) = struct.unpack_from(">H", frame, 12)
        at = 14
        if ethertype == 0x8100:
            (ethertype,) = struct.unpack_from(">H", frame, 16)
            at = 18
        if ethertype == 0x88B5:
            return Expected(spoofed=True)
        if ethertype == 0x0800:
            first, length, fragment, protocol = struct.unpack_from(">BxH2xHxB", frame, at)
            sound = first >> 4 == 4 and first & 15 >= 5 and not fragment & 0x3FFF
            header, end = 4 * (first & 15), at + length
        elif ethertype == 0x86DD:
            first, length, protocol = struct.unpack_from(">B3xHB", frame, at)
            sound = first >> 4 == 6
            header, end = 40, at + 40 + length
        else:
            return Expected()
        if not sound or protocol != 6:
            return Expected()
        dport, seq, offset = struct.unpack_from(">2xHI4xB", frame, at + header)
    except struct.error:
        return Expected()
    start = at + header + 4 * (offset >> 4)
    if offset >> 4 < 5 or dport != port or not port or start >= end:
        return Expected()
    intact = whole and end <= len(frame)
    return Expected(intact, False, seq if intact else 0, frame[start:end])


def mutants(count: int, seed: int) -> list[bytes]:
    """Random frames: those of the tables with a few header bytes changed, cut or padded."""
    rng = random.Random(seed)
    seeds = [*CANDIDATES.values(), *OTHERS.values(), *SPOOFED.values()]
    frames = []
    for _ in range(count):
        frame = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((0, 0, 1, 1, 2, 5))):
            place = rng.randrange(min(len(frame), 70))
            frame[place] = rng.choice(
                (0, 1, 5, 6, 0x40, 0x45, 0x50, 0x60, 0x81, rng.randrange(256))
            )
        if rng.random() < 0.3:
            del frame[rng.randrange(1, len(frame) + 1) :]
        if rng.random() < 0.3:
            frame += rng.randbytes(rng.randrange(70))
        frames.append(bytes(frame))
    return frames
