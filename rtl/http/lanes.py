"""Vectors with one bit per lane, lane 0 lowest: what the lexer computes with.

All that is asked of one byte is asked of all bytes of a beat in one operation on such vectors, so
that neither the code nor the simulator's work depends on the width.
"""

from collections.abc import Collection, Sequence
from functools import reduce
from operator import and_, or_

from amaranth.hdl import C, Cat, Module, Signal, Value

__all__ = [
    "all_of",
    "any_of",
    "back",
    "delayed",
    "lane_number",
    "look_back",
    "several",
    "union",
]


def any_of(vectors: Sequence[Value], width: int) -> Value:
    return reduce(or_, vectors, C(0, width))


def all_of(vectors: Sequence[Value], width: int) -> Value:
    return reduce(and_, vectors) if vectors else C((1 << width) - 1, width)


def union(one_hot: Sequence[Value], members: Collection[int], width: int) -> Value:
    """Lanes for which one of *members* holds, where exactly one of all holds for each lane."""
    inside = [vector for k, vector in enumerate(one_hot) if k in members]
    outside = [vector for k, vector in enumerate(one_hot) if k not in members]
    if len(inside) <= len(outside):
        return any_of(inside, width)
    return ~any_of(outside, width) & all_of((), width)


def delayed(m: Module, value: Value, clocks: int) -> Value:
    for _ in range(clocks):
        later = Signal.like(value, init=0, reset_less=True)
        m.d.sync += later.eq(value)
        value = later
    return value


def look_back(
    m: Module, vector: Value, depth: int, *, valid: Value, first: Value, last: Value
) -> Signal:
    """Register *vector* behind its *depth* lanes of before, none of which reach beyond ``first``.

    The register keeps still where there is no beat; a beat with ``last`` is none of before.
    """
    window = Signal(depth + len(vector))
    lanes = vector
    if depth:
        before = Signal(depth)
        lanes = Cat(before & ~first.replicate(depth), vector)
        with m.If(valid & ~last):
            m.d.sync += before.eq(lanes[len(vector) :])
    with m.If(valid):
        m.d.sync += window.eq(lanes)
    return window


def back(window: Value, age: int, width: int) -> Value:
    """Each lane's bit of *age* lanes before, from a register made by :func:`look_back`."""
    depth = len(window) - width
    return window[depth - age : depth - age + width]


def lane_number(lanes: Value, further: int = 0) -> Value:
    """Number of the only lane set, plus *further*; no priority chain, so of several no number."""
    bits = (len(lanes) - 1 + further).bit_length()
    numbered = [
        Cat(lane for n, lane in enumerate(lanes) if n + further >> k & 1) for k in range(bits)
    ]
    return Cat(number.any() for number in numbered)


def several(lanes: Value) -> Value:
    """Whether more than one lane is set; a tree."""
    if len(lanes) == 1:
        return C(0, 1)
    low, high = lanes[: len(lanes) // 2], lanes[len(lanes) // 2 :]
    return several(low) | several(high) | (low.any() & high.any())
