"""Barrel shifters in stages of eight to one: a wide beat is shifted without a deep multiplexer.

There are registers between the stages and none after the last, so that what is done to the shifted
bytes on their way into a register fits in front of it.
"""

from collections.abc import Callable

from amaranth.hdl import Array, Module, Signal, Value

from ..pipeline import delayed

__all__ = ["rotated", "shift_latency", "shifted"]

STAGE = 3
"""Bits of the amount that are taken in one clock."""


def shift_latency(width: int) -> int:
    """Clocks that a shift by up to *width* - 1 takes; *width* is a power of two."""
    bits = width.bit_length() - 1
    return max(-(-bits // STAGE) - 1, 0)


def rotated(m: Module, vector: Value, amount: Value, unit: int) -> Value:
    """*vector* rotated right by *amount* units of *unit* bits; late by :func:`shift_latency`."""
    width = len(vector) // unit
    return _staged(m, vector, amount, width, lambda v, n: v.rotate_right(n * unit))


def shifted(m: Module, vector: Value, amount: Value, unit: int, kept: int, width: int) -> Value:
    """The *kept* units of *vector* from unit *amount*, below *width*, on; late as above."""
    return _staged(m, vector, amount, width, lambda v, n: v[n * unit :])[: kept * unit]


def _staged(
    m: Module, vector: Value, amount: Value, width: int, move: Callable[[Value, int], Value]
) -> Value:
    bits = width.bit_length() - 1
    for stage, low in enumerate(range(0, bits, STAGE)):
        high = min(low + STAGE, bits)
        digit = delayed(m, amount[low:high], stage)
        chosen = Array(move(vector, n << low) for n in range(1 << (high - low)))[digit]
        moved = Signal(len(vector), reset_less=True)
        domain = m.d.comb if high == bits else m.d.sync
        domain += moved.eq(chosen)
        vector = moved
    return vector
