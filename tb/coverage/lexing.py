"""What the lexer sees and says in each lane: the states of its machines by class of byte, marks,
rules, methods.
"""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Value

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import METHODS, RULES, Line, Mark, Role

from .classes import CLASSES
from .model import Bin, Group

if TYPE_CHECKING:
    from .hardware import Rtl

__all__ = ["covers", "groups"]

_RULES = tuple(sorted({rule.reason for rule in RULES}))


def groups(geometry: Geometry) -> tuple[Group, ...]:
    width = f"width{geometry.width}"
    lanes = tuple(str(lane) for lane in range(geometry.width))
    by_lane = {"lane": lanes}
    return (
        Group(
            f"{width}_role",
            "the part of the head that a byte is in, its class, its lane",
            {"role": _words(Role), "byte": tuple(CLASSES), **by_lane},
        ),
        Group(
            f"{width}_line",
            "the line of special interest that a byte is in, its class, its lane",
            {"line": _words(Line), "byte": tuple(CLASSES), **by_lane},
        ),
        Group(
            f"{width}_mark",
            "where something begins, goes on or ends, and in which lane",
            {"mark": _words(Mark), **by_lane},
        ),
        Group(
            f"{width}_rule",
            "the rule that is broken, and in which lane",
            {"rule": _words(_RULES), **by_lane},
        ),
        Group(
            f"{width}_method",
            "the method that is known, and in which lane",
            {"method": tuple(method.name.lower() for method in METHODS), **by_lane},
            _method_elsewhere(geometry.width),
        ),
        Group(
            f"{width}_end",
            "whether a segment goes on with a head, and the lanes that are full at its end",
            {"segment": ("begins", "goes on"), "full": lanes},
        ),
    )


def _words(members: object) -> tuple[str, ...]:
    return tuple(member.name.lower() for member in members)


def _method_elsewhere(width: int) -> dict[Bin, str]:
    """A head begins in lane 0, so that the space after its method has one lane."""
    return {
        (method.name.lower(), str(lane)): "the joiner brings a head's first byte to lane 0"
        for method in METHODS
        for lane in range(width)
        if lane != len(method.name) % width
    }


def covers(rtl: Rtl) -> dict[str, Value]:
    lexer = rtl.part("core.engine.lexer")
    conditions = rtl.part("core.engine.lexer.conditions")
    width = f"width{rtl.geometry.width}"
    beat = lexer.o.p
    shown = beat.mask & lexer.o.valid.replicate(rtl.geometry.width)
    classes = [
        rtl.named(f"class_{n}", _lanes_of(members, beat.data) & shown)
        for n, members in enumerate(CLASSES.values())
    ]

    def states(lanes: Value) -> Value:
        late = [rtl.late(lanes[state], conditions.latency) for state in range(len(lanes))]
        return Cat(state & members for state in late for members in classes)

    codes = [
        reduce(and_, (b if method >> n & 1 else ~b for n, b in enumerate(beat.methods)))
        for method in METHODS
    ]
    ended = lexer.o.valid & beat.last & beat.info.candidate
    # the lanes that are full are the lowest ones
    ends = [~shown[0], *(shown[n - 1] & ~shown[n] for n in range(1, rtl.geometry.width))]
    joined = beat.info.joined
    return {
        f"{width}_end": Cat(
            *(end & ended & ~joined for end in ends), *(end & ended & joined for end in ends)
        ),
        f"{width}_role": states(conditions.roles),
        f"{width}_line": states(conditions.lines),
        f"{width}_mark": Cat(beat.marks[mark] & shown for mark in Mark),
        f"{width}_rule": Cat(beat.rules[reason] & shown for reason in _RULES),
        f"{width}_method": Cat(code & shown for code in codes),
    }


def _lanes_of(members: frozenset[int], data: Value) -> Value:
    """The lanes of *data* whose byte is one of *members*."""
    bounds = []
    for byte in sorted(members):
        if bounds and bounds[-1][1] == byte - 1:
            bounds[-1][1] = byte
        else:
            bounds.append([byte, byte])
    lanes = [data.word_select(lane, 8) for lane in range(len(data) // 8)]
    return Cat(Cat((b >= low) & (b <= high) for low, high in bounds).any() for b in lanes)
