"""Golden model of how the NIC follows connections; see :mod:`hybridmesh.contract.flow`."""

from collections.abc import Hashable
from dataclasses import dataclass, replace

from hybridmesh.contract.flow import BEGINNINGS, WAYS, WINDOW, Place, flow_place, joins
from hybridmesh.contract.geometry import Geometry

from .lexer import Lexed

__all__ = ["Flows", "Head", "Succession", "message_length"]

_MODULUS = 1 << 32
_EMPTY_LINE = b"\n\r\n"


@dataclass
class _Flow:
    tag: int
    head: int
    """Sequence number at which the next head begins."""


class Flows:
    """The connections that are followed."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._sets: dict[int, list[_Flow]] = {}  # the one seen last is the last

    def opened(self, value: int, seq: int) -> None:
        """A connection of hash *value* begins with a SYN of sequence number *seq*."""
        index, tag = flow_place(self._geometry, value)
        flows = self._sets.setdefault(index, [])
        flows[:] = [flow for flow in flows if flow.tag != tag][1 - WAYS :]
        flows.append(_Flow(tag, (seq + 1) % _MODULUS))

    def came(self, value: int, seq: int, message: int | None) -> Place:
        """Where a segment with payload from *seq* on begins.

        If a head begins there, *message* is the length of it and its body, None if not known.
        """
        index, tag = flow_place(self._geometry, value)
        flows = self._sets.get(index, [])
        flow = next((flow for flow in flows if flow.tag == tag), None)
        if flow is None:
            return Place.UNKNOWN
        ahead = (flow.head - seq) % _MODULUS
        flows.remove(flow)
        if WINDOW < ahead <= 3 * WINDOW:
            return Place.UNKNOWN
        flows.append(flow)
        if ahead:
            return Place.BODY if ahead <= WINDOW else Place.UNKNOWN
        if message is not None:
            flow.head = (seq + message) % _MODULUS
        return Place.HEAD


@dataclass(frozen=True)
class Head:
    """What has come of a head: bytes *data* from sequence number *seq* on; *intact* if all that
    brought it are."""

    connection: Hashable
    epoch: int
    seq: int
    data: bytes
    intact: bool


class Succession:
    """The head that the last segment left unended, if it did."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._open: Head | None = None

    def came(
        self, connection: Hashable, epoch: int, seq: int, payload: bytes, *, intact: bool
    ) -> Head:
        """The head that a segment with *payload* from *seq* on begins or goes on with."""
        head = Head(connection, epoch, seq, payload, intact)
        before = self._open
        if (
            before is not None
            and (before.connection, before.epoch) == (connection, epoch)
            and (before.seq + len(before.data) - seq) % _MODULUS == 0
            and joins(self._geometry, len(before.data))
        ):
            head = replace(before, data=before.data + payload, intact=before.intact and intact)
        begins = any(beginning.startswith(head.data[:2]) for beginning in BEGINNINGS)
        self._open = head if begins and _EMPTY_LINE not in head.data else None
        return head

    def broken(self) -> None:
        """A payload came that belongs to no head."""
        self._open = None


def message_length(payload: bytes, lexed: Lexed) -> int | None:
    """Bytes of the head that begins *payload*, and of its body; None where that is not known."""
    if lexed.chunked or not all(reason.framed for reason in lexed.reasons):
        return None
    length = lexed.length
    return lexed.head_length + (int(payload[length.start : length.end]) if length else 0)
