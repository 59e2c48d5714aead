"""Frames at the edges of what the NIC takes for a TCP segment."""

import random
from collections.abc import Iterator

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from hybridmesh.nic.frames import SHORTEST, Connection
from tb.lib.traffic import PORT, Client, any_frame, any_payload, head, spoofed

from .nic import Frame

__all__ = ["frames", "long_frames"]

_TCP = TCP(dport=PORT)
_HOPS, _PAD = (
    kind(options=[PadN(optdata=bytes(4))]) for kind in (IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt)
)
_ODD = (
    *((Dot1AD(), Dot1AD(), IP(), _TCP), (Dot1Q(), Dot1Q(), Dot1Q(), IP(), _TCP)),
    *((Dot1Q(), Dot1AD(), IP(), _TCP), (IPv6(version=4), _TCP), (IP(version=6), _TCP)),
    *((IP(flags="MF"), _TCP), (IP(frag=3), _TCP), (IPv6(), IPv6ExtHdrFragment(), _TCP)),
    *((IPv6(), _HOPS, IPv6ExtHdrRouting(), _PAD, _TCP), (IP(), UDP(dport=PORT))),
    *((IP(ihl=4), _TCP), (IP(), TCP(dport=PORT, dataofs=4)), (IPv6(), TCP(dport=PORT, dataofs=0))),
)
"""What may stand before a head, and makes no segment."""

_BAD = 0.15
"""Share of frames that the MAC marks bad."""


def frames(rng: random.Random, max_frame: int) -> Iterator[Frame]:
    """Frames of every kind and size, some of them marked bad."""
    for _ in range(300):
        yield _marked(rng, any_frame(rng, any_payload(rng)))
    for below in _ODD:
        packet = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
        for layer in (*below, Raw(head(rng))):
            packet /= layer
        yield from (Frame(bytes(packet), bad) for bad in (False, True))
    for _ in range(60):
        yield from _of_a_client(rng, max_frame)


def _marked(rng: random.Random, frame: bytes) -> Frame:
    return Frame(frame, rng.random() < _BAD)


def _of_a_client(rng: random.Random, max_frame: int) -> Iterator[Frame]:
    client, seq = Client(rng), rng.getrandbits(32)
    yield _marked(rng, client.opening(seq))
    data = rng.choice((head(rng), any_payload(rng), b"G", b"GET ", b"\r\n"))
    flags = rng.choice(("PA", "A", "FPA", "R", "S"))
    frame = client.segment(seq, data, flags)
    yield _marked(rng, frame)
    yield _marked(rng, client.segment(seq + len(data), b"", rng.choice(("A", "FA", "RA", "SA"))))
    if rng.random() < 0.2:
        yield _marked(rng, spoofed(rng, frame))
    if rng.random() < 0.2:
        yield _marked(rng, frame[: rng.randrange(1, len(frame))])
    yield from (_marked(rng, frame) for frame in _just(rng, max_frame))


def _just(rng: random.Random, max_frame: int) -> Iterator[bytes]:
    """Frames of lengths that something begins at."""
    connection = Connection(("192.0.2.1", rng.randrange(1, 65536)), ("192.0.2.2", PORT))
    seq = rng.getrandbits(32)
    size = rng.choice((SHORTEST, 61, 64, 128, 1514, 1515, max_frame - 1, max_frame))
    yield rng.randbytes(size)
    payload = head(rng)[: size - connection.header_size]
    yield connection.opening(seq)
    yield connection.frame(seq, payload.ljust(size - connection.header_size, b"x"))


def long_frames(rng: random.Random, max_frame: int) -> Iterator[Frame]:
    """Frames as long as they may be for a verdict, and longer, some of them marked bad."""
    connection = Connection(("192.0.2.1", rng.randrange(1, 65536)), ("192.0.2.2", PORT))
    for more in (0, 1, 64, 3000):
        seq = rng.getrandbits(32)
        size = max_frame + more - connection.header_size
        yield Frame(connection.opening(seq))
        yield Frame(connection.frame(seq, head(rng).ljust(size, b"y")))
        yield Frame(bytes(12) + rng.randbytes(max_frame + more - 12), bad=rng.random() < 0.5)
