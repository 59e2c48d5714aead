"""Ethernet frames: TCP segments are built here, walked here, and relieved of their shim here.

The builder stands where a client and its network would; the walker reads a frame by the same rules
as the RTL's FrameWalker (RFC 894, IEEE 802.1Q, RFC 791, RFC 8200, RFC 9293, RFC 1071).
"""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from ..contract.flow import flow_hash
from ..contract.inband import PRIVATE
from ..contract.verdict import ETHERTYPE, SHIM, VERSION, Reason, State, Verdict
from .error import NicError

__all__ = [
    "SHORTEST",
    "Address",
    "Connection",
    "Segment",
    "find_segment",
    "locate_segment",
    "is_intact",
    "is_spoofed",
    "split",
]

SHORTEST = 60
"""Bytes of the shortest frame that a MAC sends, without FCS (IEEE 802.3, 3.2.8)."""

Address = tuple[str, int]
"""Host and port, the first two members of a socket address of either family."""

_MACS = bytes.fromhex("020000000001020000000002")
"""Locally administered addresses of the NIC and of the wire's next hop."""

_IPV4, _IPV6 = 0x0800, 0x86DD
_CUSTOMER_TAG, _SERVICE_TAG = 0x8100, 0x88A8
_TAGS = (_CUSTOMER_TAG, _SERVICE_TAG)
_TCP = 6
_HOP_BY_HOP, _ROUTING, _DESTINATION = 0, 43, 60
_EXTENSIONS = ((_HOP_BY_HOP, _ROUTING, _DESTINATION), (_ROUTING, _DESTINATION))
"""Extension headers that may stand in the first place, and in the second."""

_ACK_PSH, _SYN = 0x5018, 0x5002
"""Data offset 5, no options; flags ACK and PSH, or SYN alone."""

_OPENING = 0x16, 0x02
"""Flags RST, SYN and ACK, and what they are in a connection's first segment."""

_ACK, _WINDOW = 1, 0xFFFF
_TCP_HEADER = struct.Struct(">HHIIHHHH")
_IPV4_FIELDS = struct.Struct(">BxHxxHxB")
_IPV6_FIELDS = struct.Struct(">BxxxHB")
_TCP_FIELDS = struct.Struct(">HHI4xBB")

_EXTENSION_FIELDS = struct.Struct(">BB")

_SHIM_KIND = ETHERTYPE.to_bytes(2, "big")
_PRIVATE = tuple(kind.to_bytes(2, "big") for kind in PRIVATE)
_SHIM_END = 12 + SHIM.size

_STATES = frozenset(int(state.value) for state in State if state is not State.NONE)
_STATE = sum(_STATES)
"""The bits of a verdict's flags that say its state: one of them is set."""

_REASONS = frozenset(map(int, Reason))


class Connection:
    """Builds the frames of one direction of a TCP connection.

    Parameters
    ----------
    peer, local : Address
        Where the bytes come from and go to.  IPv4-mapped IPv6 addresses travel as IPv4.

    Attributes
    ----------
    mss : int
        Most payload bytes of a frame on a wire with an MTU of 1500.
    header_size : int
        Bytes before the payload in each of its frames.

    Raises
    ------
    NicError
        Where an address is not numeric, or the two are of different families.
    """

    def __init__(self, peer: Address, local: Address) -> None:
        source, destination = _numeric(peer[0]), _numeric(local[0])
        addresses = source.packed + destination.packed
        if len(addresses) not in (8, 32):
            raise NicError(f"Frames cannot go from {peer[0]} to {local[0]}, of another IP version")
        self._ports = peer[1], local[1]
        self._version = source.version
        ip_size = 20 if self._version == 4 else 40
        self.header_size = 14 + ip_size + 20
        self.mss = 1500 - ip_size - 20
        # All that stays the same from frame to frame, and its share of the checksums.
        if self._version == 4:
            self._head = _MACS + struct.pack(">HBB", _IPV4, 0x45, 0)
            self._tail = struct.pack(">HHBB", 0, 0x4000, 64, _TCP)
        else:
            self._head = _MACS + struct.pack(">HI", _IPV6, 6 << 28)
            self._tail = struct.pack(">BB", _TCP, 64)
        self._addresses = addresses
        self._ip_sum = _sum(self._head[14:] + self._tail + addresses)
        self._tcp_sum = _sum(addresses) + _TCP + sum(self._ports) + _WINDOW

    @property
    def port(self) -> int:
        """The TCP port that it goes to."""
        return self._ports[1]

    def flow(self, listener: int) -> int:
        """The hash by which a NIC knows the connection, whose port is that of *listener*."""
        return flow_hash(self._addresses, self._ports[0], listener)

    def opening(self, seq: int) -> bytes:
        """The frame that opens the connection: a SYN, the first byte after which has sequence
        number *seq* (modulo 2**32)."""
        return self._frame(seq - 1, 0, _SYN, b"")

    def frame(self, seq: int, payload: bytes) -> bytes:
        """The frame that carries *payload* from sequence number *seq* (modulo 2**32), padded to
        the shortest that there is."""
        return self._frame(seq, _ACK, _ACK_PSH, payload)

    def _frame(self, seq: int, ack: int, kind: int, payload: bytes) -> bytes:
        seq &= 0xFFFFFFFF
        length = 20 + len(payload)
        checksum = _checksum(self._tcp_sum + ack + kind + length + seq + _sum(payload))
        tcp = _TCP_HEADER.pack(*self._ports, seq, ack, kind, _WINDOW, checksum, 0)
        if self._version == 4:
            length += 20
            ip_checksum = _checksum(self._ip_sum + length)
            middle = length.to_bytes(2, "big") + self._tail + ip_checksum.to_bytes(2, "big")
        else:
            middle = length.to_bytes(2, "big") + self._tail
        frame = b"".join((self._head, middle, self._addresses, tcp, payload))
        return frame if len(frame) >= SHORTEST else frame.ljust(SHORTEST, b"\0")

    def frames(self, seq: int, data: bytes) -> list[bytes]:
        """The frames that carry *data* from *seq* on, each but the last filled to the MSS."""
        mss = self.mss
        if len(data) <= mss:
            return [self.frame(seq, data)] if data else []
        return [self.frame(seq + at, data[at : at + mss]) for at in range(0, len(data), mss)]


class Segment(NamedTuple):
    """Where a frame's TCP payload stands, and which bytes of the stream it holds.

    ``ip`` and ``tcp`` are the offsets of the headers, ``source`` and ``port`` the ports it comes
    from and goes to; ``opens``: it is a connection's first segment.
    """

    start: int
    end: int
    seq: int
    source: int
    port: int
    ip: int
    tcp: int
    opens: bool

    def addresses(self, frame: bytes) -> bytes:
        """Those of the IP header, source first."""
        ip = self.ip
        return frame[ip + 12 : ip + 20] if frame[ip] >> 4 == 4 else frame[ip + 8 : ip + 40]


def find_segment(frame: bytes) -> Segment | None:
    """The TCP segment in *frame* (without shim); None where there is none, where it is cut off,
    and where it neither has a payload nor opens a connection.

    Ethernet II with up to two VLAN tags; IPv4 with options, not a fragment; IPv6 with up to two
    extension headers; TCP with options.  Each length must fit into the one around it; padding may
    follow.  Checksums are :func:`is_intact`'s matter.
    """
    segment = locate_segment(frame)
    if segment is None or segment.end > len(frame):
        return None
    return segment if segment.start < segment.end or segment.opens else None


def locate_segment(frame: bytes) -> Segment | None:
    """The TCP segment whose headers are in *frame*, though its end may not be; None if none is."""
    size = len(frame)
    kind, ip = int.from_bytes(frame[12:14], "big"), 14
    if kind in _TAGS:
        kind, ip = int.from_bytes(frame[16:18], "big"), 18
        if kind == _CUSTOMER_TAG:
            kind, ip = int.from_bytes(frame[20:22], "big"), 22
    if kind == _IPV4 and size >= ip + 20:
        version_length, length, fragment, protocol = _IPV4_FIELDS.unpack_from(frame, ip)
        tcp = ip + 4 * (version_length & 15)
        end = ip + length
        sound = version_length >> 4 == 4 and tcp >= ip + 20 and not fragment & 0x3FFF
    elif kind == _IPV6 and size >= ip + 40:
        version, length, protocol = _IPV6_FIELDS.unpack_from(frame, ip)
        tcp = ip + 40
        end = tcp + length
        for allowed in _EXTENSIONS:
            if protocol not in allowed or size < tcp + 2:
                break
            protocol, words = _EXTENSION_FIELDS.unpack_from(frame, tcp)
            tcp += 8 * (words + 1)
        sound = version >> 4 == 6
    else:
        return None
    if not sound or protocol != _TCP or not tcp + 14 <= size:
        return None
    source, port, seq, offset, flags = _TCP_FIELDS.unpack_from(frame, tcp)
    start = tcp + 4 * (offset >> 4)
    mask, opening = _OPENING
    opens = flags & mask == opening
    if not tcp + 20 <= start <= end:
        return None
    return Segment(start, end, seq, source, port, ip, tcp, opens)


def is_intact(frame: bytes, segment: Segment) -> bool:
    """Whether the checksums of *frame* are right: TCP's, and over IPv4 that of its header.

    The address in the IPv6 header counts, which is not the last one before a routing header has
    been gone through (RFC 8200, 8.1).
    """
    end, ip, tcp = segment.end, segment.ip, segment.tcp
    if frame[ip] >> 4 == 4 and _sum(frame[ip:tcp]):
        return False
    # Both sums hold more than zeros, so that all ones is the only multiple of 0xFFFF they can be.
    pseudo = _sum(segment.addresses(frame)) + _TCP + end - tcp
    return not (pseudo + _sum(frame[tcp:end])) % 0xFFFF


def is_spoofed(frame: bytes) -> bool:
    """Whether *frame* claims an EtherType that is between NIC and host alone, at once or behind
    VLAN tags: as many as a NIC or a kernel takes off for its host."""
    at = 12
    while at < 20 and int.from_bytes(frame[at : at + 2], "big") in _TAGS:
        at += 4
    return frame[at : at + 2] in _PRIVATE


def split(frame: bytes) -> tuple[Verdict | None, bytes]:
    """The verdict that *frame* came with, if any, and the frame as it was on the wire.

    Raises
    ------
    NicError
        Where a shim is cut off, of another version than :data:`~hybridmesh.contract.verdict`'s, or
        holds no verdict.
    """
    if frame[12:14] != _SHIM_KIND:
        return None, frame
    if len(frame) < _SHIM_END:
        raise NicError(f"A frame of {len(frame)} bytes is too short for the shim it claims")
    verdict = SHIM.unpack(frame, 12)
    if verdict.version != VERSION:
        raise NicError(
            f"The NIC speaks version {verdict.version} of the shim, not {VERSION}",
            remedy="use a NIC and a proxy of the same release",
        )
    if verdict.flags & _STATE not in _STATES or verdict.reason not in _REASONS:
        raise NicError(
            f"The NIC's shim has flags 0x{verdict.flags:02x} and reason {verdict.reason}, which no "
            "verdict has"
        )
    return verdict, frame[:12] + frame[_SHIM_END:]


def _numeric(host: str) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(host)
    except ValueError:
        raise NicError("A frame needs numeric IP addresses", place=host) from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _sum(data: bytes) -> int:
    """A number equal, modulo 0xFFFF, to the sum of the 16-bit words of *data* (RFC 1071).

    2**16 is 1 modulo 0xFFFF, so the bytes read as one big number will do: the whole sum is one
    conversion and one division.
    """
    number = int.from_bytes(data, "big")
    return (number << 8 if len(data) & 1 else number) % 0xFFFF


def _checksum(total: int) -> int:
    """Complement of a sum that is not of zeros only."""
    return 0xFFFF - (total % 0xFFFF or 0xFFFF)
