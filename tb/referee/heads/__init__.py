"""The heads that the referee is shown: head *number* of a *seed* is the same on every machine.

A head is made by one of the makers of this package, each of which has its turn in every round of
the schedule, so that short runs see something of everything.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from . import fields, lines, sizes, spoiled, targets, valid
from .cuts import cuts

__all__ = ["Case", "make"]

Maker = Callable[[random.Random, int], bytes]
"""Makes a payload; the number says how often it has been its turn."""


@dataclass(frozen=True)
class Case:
    """One head, and how it is sent.

    Attributes
    ----------
    kind : str
        Its maker.
    payload : bytes
        The head, or what is meant to be one, and what comes behind it.
    cuts : tuple of int
        Where it is cut into segments.
    seq : int
        Sequence number of its first byte.
    """

    number: int
    kind: str
    payload: bytes
    cuts: tuple[int, ...]
    seq: int


def by_grammar(rng: random.Random, turn: int) -> bytes:
    return rng.choice((valid.plain, valid.valid, valid.valid, valid.full))(rng).payload()


_SHARES: dict[Maker, int] = {
    by_grammar: 20,
    spoiled.byte_anywhere: 42,
    spoiled.spliced: 3,
    spoiled.cut_off: 1,
    lines.line_endings: 1,
    lines.folded: 1,
    lines.empty_lines: 1,
    lines.odd_names: 1,
    targets.odd_targets: 2,
    targets.odd_methods: 1,
    targets.odd_versions: 1,
    fields.hosts: 1,
    fields.framings: 2,
    fields.repeated: 2,
    fields.connections: 1,
    sizes.oversize: 2,
}
_ROUND = [(maker, n, share) for maker, share in _SHARES.items() for n in range(share)]


def make(seed: int, number: int) -> Case:
    """Head *number* of *seed*."""
    rng = random.Random(f"{seed}/{number}")
    turn, slot = divmod(number, len(_ROUND))
    maker, n, share = _ROUND[slot]
    payload = maker(rng, turn * share + n)
    return Case(number, maker.__name__, payload, cuts(rng, payload), rng.getrandbits(32))
