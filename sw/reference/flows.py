"""Golden model of the NIC's flow table; see :mod:`hybridmesh.contract.flow`."""

from dataclasses import dataclass

from hybridmesh.contract.flow import WAYS, WINDOW, Place, flow_place
from hybridmesh.contract.geometry import Geometry

from .lexer import Lexed

__all__ = ["Flows", "message_length"]

_MODULUS = 1 << 32


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


def message_length(payload: bytes, lexed: Lexed) -> int | None:
    """Bytes of the head that begins *payload*, and of its body; None where that is not known."""
    if lexed.chunked or not all(reason.framed for reason in lexed.reasons):
        return None
    length = lexed.length
    return lexed.head_length + (int(payload[length.start : length.end]) if length else 0)
