"""Idle and backpressure inserters: when a driver holds back, clock by clock."""

import random
from collections.abc import Callable, Iterator
from itertools import repeat

__all__ = ["PAUSES", "Pause"]

Pause = Callable[[random.Random], Iterator[bool]]
"""Makes an endless sequence: True for each clock to sit out."""


def _coin(rng: random.Random) -> Iterator[bool]:
    while True:
        yield rng.random() < 0.5


def _bursts(rng: random.Random) -> Iterator[bool]:
    while True:
        yield from repeat(False, rng.randrange(1, 40))
        yield from repeat(True, rng.randrange(1, 40))


PAUSES: dict[str, Pause] = {
    "none": lambda _: repeat(False),
    "coin": _coin,
    "bursts": _bursts,
}
