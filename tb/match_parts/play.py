"""What a part's ports are given clock by clock, and what they show then."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cocotb.triggers import RisingEdge

__all__ = ["Step", "field_steps", "play"]

Step = dict[str, int]
"""By port, what it is given in one clock."""


async def play(
    dut: Any, steps: Sequence[Step], wanted: Mapping[int, tuple[int, ...]], names: Sequence[str]
) -> dict[int, tuple[int, ...]]:
    """Give the ports *steps*, and what the ports *names* show in the clocks that are *wanted*.

    A port keeps what it was given.
    """
    edge = RisingEdge(dut.clk)
    shown, before = {}, {}
    for clock, step in enumerate(steps):
        for name, value in step.items():
            if before.get(name) != value:
                getattr(dut, name).value = value
        before |= step
        await edge
        if clock in wanted:
            shown[clock] = tuple(int(getattr(dut, name).value) for name in names)
    return shown


def field_steps(
    rng: random.Random, frame: bytes, field: tuple[int, int], width: int, pause: Iterator[bool]
) -> tuple[list[Step], int]:
    """The beats of a *frame* with one field, and the number of the one in which it ends.

    A clock that *pause* sits out shows a beat like any other, but for ``valid``.
    """
    steps: list[Step] = []
    start, end = field
    ends = 0
    for base in range(0, len(frame), width):
        while next(pause):
            noise = {"data": rng.getrandbits(8 * width)}
            for name in ("start", "end"):
                noise[name] = 1 << rng.randrange(width)
            steps.append({"valid": 0, **noise})
        if base <= end < base + width:
            ends = len(steps)
        steps.append(
            {
                "valid": 1,
                "data": int.from_bytes(frame[base : base + width], "little"),
                "start": 1 << start - base if base <= start < base + width else 0,
                "end": 1 << end - base if base <= end < base + width else 0,
            }
        )
    return steps, ends
