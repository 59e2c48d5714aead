"""How the streams of packets move: who waits for whom, when and for how long, and how full the
queues are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amaranth.hdl import Cat, Signal, Value

from hybridmesh.contract.geometry import Geometry
from hybridmesh.nic.frames import SHORTEST

from .model import Bin, Group

if TYPE_CHECKING:
    from .hardware import Rtl

__all__ = ["covers", "groups"]

_STREAMS = ("wire_rx", "host_rx", "host_tx", "wire_tx")
_LONG = 16
"""Clocks that are a long time for a stream."""

_TURNS = 6
"""Clocks in which a taker that takes every other one is known as such."""

_ONE_BEAT = ("taken at once, one beat", "stalled, one beat")
_PATTERNS = (
    *("taken at once, first", "taken at once, within", "taken at once, last", _ONE_BEAT[0]),
    *("stalled, first", "stalled, within", "stalled, last", _ONE_BEAT[1]),
    *("stalled a clock", "stalled long", "taken every other clock"),
    *("idle between frames", "idle long between frames", "no gap between frames"),
    *("idle within a frame", "idle long within a frame"),
)

_QUEUES = {
    "frames": ("empty", "one beat after empty", "full"),
    "verdicts": ("none waits", "one waits for its frame's turn", "one waits for the host"),
    "admission": ("open", "closed for want of a place for the verdict"),
    "inserter": ("frame waits for its verdict", "both are there"),
}


def groups(geometry: Geometry) -> tuple[Group, ...]:
    width = f"width{geometry.width}"
    return (
        Group(
            f"{width}_stream",
            "how a stream of packets moves",
            {"stream": _STREAMS, "pattern": _PATTERNS},
            _argued(geometry),
        ),
        Group(
            f"{width}_queue",
            "what the queues of the receiving side are like",
            {"state": tuple(f"{q}: {state}" for q, states in _QUEUES.items() for state in states)},
        ),
    )


def _argued(geometry: Geometry) -> dict[Bin, str]:
    if geometry.width < SHORTEST:
        why = (
            f"a frame of fewer than {SHORTEST} bytes is dropped, and more take more beats than one"
        )
        return {("host_rx", pattern): why for pattern in _ONE_BEAT}
    return {}


def covers(rtl: Rtl) -> dict[str, Value]:
    width = f"width{rtl.geometry.width}"
    core = rtl.part("core")
    return {
        f"{width}_stream": Cat(_moves(rtl, name, getattr(core, name)) for name in _STREAMS),
        f"{width}_queue": Cat(_queues(rtl)),
    }


def _moves(rtl: Rtl, name: str, stream: Any) -> Value:
    """The patterns of *stream*."""
    m = rtl.m
    valid, ready, last = stream.valid, stream.ready, stream.p.last
    first = Signal(init=1, name=f"{name}_first")
    taken, waits = valid & ready, valid & ~ready
    with m.If(taken):
        m.d.sync += first.eq(last)
    stalled = rtl.stands(waits, _LONG)
    idle = rtl.stands(~valid, _LONG)
    every_other = rtl.stands(valid & (ready != rtl.late(ready)), _TURNS)
    ended = rtl.late(taken & last)  # in the clock before
    places = (first & ~last, ~first & ~last, ~first & last, first & last)
    return Cat(
        *(taken & (stalled == 0) & place for place in places),
        *(waits & place for place in places),
        taken & (stalled == 1),
        taken & (stalled == _LONG),
        valid & (every_other == _TURNS),
        ~valid & first,
        first & (idle == _LONG),
        taken & first & ended,
        ~valid & ~first,
        ~first & (idle == _LONG),
    )


def _queues(rtl: Rtl) -> list[Value]:
    frames, verdicts = rtl.part("core.frames"), rtl.part("core.verdicts")
    admission, inserter = rtl.part("core.admission"), rtl.part("core.inserter")
    empty = ~frames.o.valid
    return [
        empty,
        frames.o.valid & rtl.late(empty),
        frames.i.valid & ~frames.i.ready,
        ~verdicts.o.valid,
        verdicts.o.valid & ~verdicts.o.ready,
        inserter.verdict.valid & inserter.o.valid & ~inserter.o.ready,
        admission.o.valid,
        admission.i.valid & ~admission.o.valid,
        inserter.i.valid & ~inserter.verdict.valid,
        inserter.i.valid & inserter.verdict.valid,
    ]
