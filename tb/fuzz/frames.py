"""Frames to the walker, to what takes the shim off, and to the whole reference NIC.

Scapy is the second opinion on where a segment is, and RFC 1071 word by word on its checksums.
"""

from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import NoPayload, Raw

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import ETHERTYPE, SHIM, VERSION
from hybridmesh.nic import NicError, ReferenceNic
from hybridmesh.nic.frames import (
    SHORTEST,
    Connection,
    Segment,
    find_segment,
    is_intact,
    is_spoofed,
    locate_segment,
    split,
)
from tb.referee.judge import complaints
from tb.referee.table import table

from .target import Seen, Target

__all__ = ["FRAMES"]


def _check(frame: bytes, seen: Seen) -> Iterator[str]:
    yield from _split(frame)
    segment = find_segment(frame)
    yield from _against_scapy(frame, segment)
    if segment is not None:
        yield from _sound(frame, segment)
        intact = is_intact(frame, segment)
        if intact != _is_intact(frame, segment):
            yield f"intact: {intact}; summed word by word, it is not so"
        seen(("segment", segment.ip, frame[segment.ip] >> 4, segment.tcp - segment.ip, intact))
    if frame:
        yield from _through_nic(frame, segment, seen)


def _split(frame: bytes) -> Iterator[str]:
    """Taking the shim off: an error, or what puts it back on gives the frame again."""
    claims = frame[12:14] == ETHERTYPE.to_bytes(2, "big")
    whole = claims and len(frame) >= 12 + SHIM.size
    sound = whole and frame[14] == VERSION and frame[15] & 0xF in (1, 2, 4, 8) and frame[20] <= 24
    try:
        verdict, rest = split(frame)
    except NicError as error:
        if sound or not claims:
            yield f"refused, though there is nothing wrong with it: {error}"
        return
    if verdict is None:
        if claims or rest != frame:
            yield "changed, though it has no verdict"
    elif not sound:
        yield f"taken for {verdict}, which no NIC says"
    elif rest[:12] + SHIM.pack(verdict) + rest[12:] != frame:
        yield f"not what it was with the shim put back on: {verdict}"


def _sound(frame: bytes, segment: Segment) -> Iterator[str]:
    """Its headers follow each other, and neither padding nor cutting changes what it is."""
    starts = 14, segment.ip, segment.tcp, segment.start, segment.end, len(frame)
    if sorted(starts) != list(starts) or segment.tcp - segment.ip < 20:
        yield f"out of order: {segment}"
    if find_segment(frame[: segment.end]) != segment or find_segment(frame + b"\0\xff") != segment:
        yield f"padding changes {segment}"
    if locate_segment(frame) != segment:
        yield f"found, but not located: {segment}"
    if find_segment(frame[: segment.end - 1]) is not None:
        yield f"found, though its end is cut off: {segment}"


def _against_scapy(frame: bytes, segment: Segment | None) -> Iterator[str]:
    try:
        other = _of_scapy(frame)
    except _NoOpinionError:
        return
    found = segment and (
        *(segment.source, segment.port, segment.seq),
        frame[segment.start : segment.end],
    )
    if found != other:
        yield f"{found} is found; scapy finds {other}"


_Found = tuple[int, int, int, bytes]
"""Ports, sequence number and payload."""


class _NoOpinionError(Exception):
    """Scapy does not dissect what is there."""


def _of_scapy(frame: bytes) -> _Found | None:
    """The segment that scapy finds, if it is one that the NIC shall see."""
    if len(frame) < 14:
        return None
    packet, ip, tags = Ether(frame).payload, 14, []
    while isinstance(packet, Dot1Q):
        tags.append(type(packet))
        packet, ip = packet.payload, ip + 4
    if len(tags) > 2 or tags[1:] not in ([], [Dot1Q]):
        return None
    if type(packet) is IP and packet.version == 4 and packet.ihl >= 5:
        tcp, end = ip + 4 * packet.ihl, ip + packet.len
        if packet.frag or packet.flags.MF:
            return None
    elif type(packet) is IPv6 and packet.version == 6:
        tcp, end = ip + 40, ip + 40 + packet.plen
        for places in _EXTENSIONS:
            if packet.nh not in places:
                break
            packet = packet.payload
            if isinstance(packet, Raw | NoPayload):
                raise _NoOpinionError
            tcp += 8 * (packet.len + 1)
    else:
        return None
    found = packet.payload
    if isinstance(found, Raw):
        raise _NoOpinionError
    if type(found) is not TCP:
        return None
    start = tcp + 4 * found.dataofs
    if not tcp + 20 <= start <= end <= len(frame):
        return None
    opens = found.flags.S and not found.flags.A and not found.flags.R
    if start == end and not opens:
        return None
    return found.sport, found.dport, found.seq, frame[start:end]


_HOP_BY_HOP, _ROUTING, _DESTINATION = 0, 43, 60
_EXTENSIONS = ((_HOP_BY_HOP, _ROUTING, _DESTINATION), (_ROUTING, _DESTINATION))


def _is_intact(frame: bytes, segment: Segment) -> bool:
    """By the sums of RFC 1071, word by word."""
    ip, tcp, end = segment.ip, segment.tcp, segment.end
    four = frame[ip] >> 4 == 4
    if four and not _sums_up(frame[ip:tcp]):
        return False
    addresses = frame[ip + 12 : ip + 20] if four else frame[ip + 8 : ip + 40]
    length = end - tcp
    return _sums_up(addresses + length.to_bytes(4, "big") + b"\0\0\0\6" + frame[tcp:end])


def _sums_up(data: bytes) -> bool:
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


_PORT = 80


@cache
def _nic() -> ReferenceNic:
    nic = ReferenceNic(Geometry(rows=32, hosts=16, predicates=16))
    nic.listen(_PORT)
    nic.load(table(nic.geometry))
    return nic


_OTHER = Connection(("192.0.2.9", 9), ("192.0.2.8", _PORT)).frame(1, b"no head")
"""Brings the NIC to where it goes on with no head of the input before."""


def _through_nic(frame: bytes, segment: Segment | None, seen: Seen) -> Iterator[str]:
    """The NIC hands out what came, with a shim at most; what it decides, llhttp reads alike."""
    nic = _nic()
    nic.receive(_OTHER)
    if segment is not None and segment.port == _PORT:
        nic.expect_head(_connection(frame, segment), segment.seq)
    out = nic.receive(frame)
    if out is None or len(frame) < SHORTEST or is_spoofed(frame):
        if out is not None or (len(frame) >= SHORTEST and not is_spoofed(frame)):
            yield f"dropped is what must not be, or not what must: {out!r}"
        return
    verdict, rest = split(out)
    if rest != frame or len(out) - len(frame) != (SHIM.size if verdict else 0):
        yield f"the frame comes out as {out!r}"
    if verdict is None:
        return
    seen(("verdict", verdict.flags, verdict.reason))
    if segment is None or verdict.seq != segment.seq:
        yield f"{verdict} of {segment}"
    else:
        yield from complaints(verdict, frame[segment.start : segment.end])


def _connection(frame: bytes, segment: Segment) -> Connection:
    addresses = segment.addresses(frame)
    half = len(addresses) // 2
    source, destination = (str(ip_address(a)) for a in (addresses[:half], addresses[half:]))
    return Connection((source, segment.source), (destination, segment.port))


FRAMES = Target(
    claim="a frame is walked as by scapy, and comes out of the NIC as it came, but for a shim",
    check=_check,
    words=(
        *(b"\x08\x00E\x00", b"\x86\xdd`\0", b"\x81\0\0\7", b"\x88\xa8\0\7", b"\x88\xb5\1"),
        *(b"\0P", b"P\x18", b"P\x02", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ),
    longest=300,
)
