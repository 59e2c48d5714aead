"""Flows: how the NIC follows a TCP connection, so that it knows where request heads begin.

Of each connection it keeps one number, the sequence number at which the next head begins.  A SYN
sets it; a head there whose end and body framing are known moves it on; and the host may, who finds
the end of a body in chunks: to the NIC it is as if a SYN came just there.  Everything else leaves
it: a sequence number at which a head begins stays one, whatever is lost, repeated or out of order.

A head may come in several segments.  A segment goes on with the head that the segment before it
left unended if it is of the same connection, has the next sequence number, and no other segment
with a payload to a listener came between; else it begins anew.  A head is ended for this by its
first empty line, a line feed, a carriage return and a line feed, wherever that stands.  What does
not begin with two letters that a known method begins with is not gone on with: it is a body, and
the head behind it shall begin anew.

The table has two ways: a connection is kept in one of two places, and a new one takes the place of
the one that was seen longer ago.  A connection is known by a hash (:func:`flow_hash`); of two with
the same hash the later one counts.  So what the table says is a strong hint and no proof: a proxy
takes a verdict only at an offset of the stream where it expects a head itself.
"""

import enum

from .geometry import Geometry
from .verdict import Method

__all__ = [
    "BEGINNINGS",
    "HASH_BITS",
    "HEADERS",
    "JOINED",
    "WAYS",
    "WINDOW",
    "Place",
    "flow_hash",
    "flow_place",
    "joins",
]

HASH_BITS = 32
WAYS = 2

WINDOW = 1 << 30
"""Bytes, the farthest that a head is ahead of a segment in the body before it: more than the
longest Content-Length.  A connection that is farther from its last known head, or as far beyond it,
is forgotten before its sequence numbers come round."""


JOINED = 8192
"""So many bytes, or more, are not gone on with; a power of two."""

BEGINNINGS = tuple(
    dict.fromkeys(method.name[:2].encode() for method in Method if method is not Method.OTHER)
)
"""The first two bytes of a head that may be gone on with, as far as they have come."""

HEADERS = 54
"""Bytes before a TCP payload at the least: Ethernet, IPv4 and TCP (RFC 894, RFC 791, RFC 9293)."""


class Place(enum.Enum):
    """Where a segment's payload begins."""

    UNKNOWN = "unknown"
    """Nobody knows: the connection is not followed, or was lost."""
    HEAD = "head"
    """Where a request head begins."""
    BODY = "body"
    """Before the next head: in a body, or in what came before."""


def joins(geometry: Geometry, length: int) -> bool:
    """Whether a segment can go on with a head of which *length* bytes have come.

    A beat that the segment before has not filled is filled up.  At width 64 the first beat of a
    frame would fill it and be one more than the datapath has clocks for, where it lacks no more
    bytes than the beat brings.
    """
    return length < JOINED and (geometry.width <= HEADERS or length % geometry.width < HEADERS)


def flow_hash(addresses: bytes, port: int, listener: int) -> int:
    """Hash of the connection from TCP port *port* to *listener*.

    *addresses* are those of the IP header as they stand there, source first.  Their 32-bit words
    are put together by exclusive or, then the port in both halves, then the listener in the
    highest four bits.
    """
    value = port << 16 | port
    for at in range(0, len(addresses), 4):
        value ^= int.from_bytes(addresses[at : at + 4], "big")
    return value ^ listener << HASH_BITS - 4


def flow_place(geometry: Geometry, value: int) -> tuple[int, int]:
    """The set of the table that a connection of hash *value* is in, and its tag there.

    The set is the exclusive or of all digits of the hash, the tag all digits but the lowest.
    """
    bits = (geometry.flows // WAYS - 1).bit_length()
    index, rest = 0, value
    while rest:
        index ^= rest & (1 << bits) - 1
        rest >>= bits
    return index, value >> bits
