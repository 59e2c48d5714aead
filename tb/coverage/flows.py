"""What the flow guard is told of connections, and what it makes of it."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Value

from hybridmesh.contract.flow import HASH_BITS, WAYS
from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.flow.guard import FlowGuard

from .model import Group

if TYPE_CHECKING:
    from .hardware import Rtl

__all__ = ["covers", "groups"]

_EVENTS = (
    *("a SYN", "told by the host", "told as frames come", "told, kept waiting"),
    *("a head begins, its end known", "a head begins, its end unknown"),
    *("in a body", "nobody knows where"),
)

_NEAR = 64
"""Clocks between messages while frames come, at the most."""

_WAIT = 4
"""Clocks that what is told waits for frames, at the least, where it is kept waiting."""


def groups(geometry: Geometry) -> tuple[Group, ...]:
    width = f"width{geometry.width}"
    return (
        Group(f"{width}_flow", "what the flow guard makes of a message", {"event": _EVENTS}),
        Group(
            f"{width}_hazard",
            "clocks from a message to the next one of the same set, whose change it must see",
            {"clocks": tuple(map(str, _distances(geometry)))},
        ),
    )


def _distances(geometry: Geometry) -> range:
    guard = FlowGuard(geometry)
    return range(guard.apart, guard.latency + 2)


def covers(rtl: Rtl) -> dict[str, Value]:
    width = f"width{rtl.geometry.width}"
    return {f"{width}_flow": Cat(_events(rtl)), f"{width}_hazard": Cat(_hazards(rtl))}


def _events(rtl: Rtl) -> list[Value]:
    told, guard = rtl.part("core.told"), rtl.part("core.guard")
    by_host = guard.i.valid & ~rtl.late(told.i.valid)
    waited = rtl.late(rtl.stands(told.telling, _WAIT))
    payload = rtl.late(guard.i.valid & guard.i.p.payload, guard.latency)
    framed = rtl.late(guard.i.p.framed, guard.latency)
    begins, body = payload & guard.o.head, payload & ~guard.o.head & guard.o.body
    near = rtl.stands(~guard.i.valid, _NEAR) != _NEAR
    return [
        guard.i.valid & guard.i.p.opens & ~by_host,
        by_host,
        by_host & near,
        by_host & (waited == _WAIT),
        begins & framed,
        begins & ~framed,
        body,
        payload & ~guard.o.head & ~guard.o.body,
    ]


def _hazards(rtl: Rtl) -> list[Value]:
    """A bit for each distance."""
    i = rtl.part("core.guard").i
    bits = (rtl.geometry.flows // WAYS - 1).bit_length()
    digits = [i.p.flow[low : low + bits] for low in range(0, HASH_BITS, bits)]
    place = Cat(i.valid & (i.p.opens | i.p.payload), reduce(xor, digits))
    return [place[0] & (place == rtl.late(place, clocks)) for clocks in _distances(rtl.geometry)]
