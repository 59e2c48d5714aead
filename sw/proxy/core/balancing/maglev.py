"""MAGLEV: consistent hashing by a table that all hosts fill in turn (Eisenbud et al., NSDI 2016,
section 3.4), as Envoy does it.

Each host has its own order of preference over the table's slots, made from two hashes of its
address, and takes at each turn the first one that is still free; with unequal weights the lighter
ones miss turns.
"""

import random
from collections.abc import Sequence
from typing import Generic, TypeVar

from xxhash import xxh64_intdigest

from .host import Host

__all__ = ["Maglev"]

_LAST = 2**64 - 1

H = TypeVar("H", bound=Host)


class Maglev(Generic[H]):
    """The table.

    Parameters
    ----------
    weights : sequence of (host, float)
        At least one; shares of the whole.
    size : int
        A prime number.
    rng : random.Random
        For requests without a hash.
    """

    __slots__ = ("_random", "_size", "_table")

    def __init__(self, weights: Sequence[tuple[H, float]], size: int, rng: random.Random) -> None:
        self._table = _fill([(str(host.endpoint), host, w) for host, w in weights], size)
        self._size = size
        self._random = rng.getrandbits

    def pick(self, hash: int | None = None, attempt: int = 0) -> H:
        if hash is None:
            hash = self._random(64)
        if attempt:  # change most of its bits
            hash ^= _LAST - attempt + 1
        return self._table[hash % self._size]


def _fill(hosts: list[tuple[str, H, float]], size: int) -> list[H]:
    hosts = sorted(hosts, key=lambda each: each[0])
    heaviest = max(weight for _, _, weight in hosts)
    keys = [key.encode() for key, _, _ in hosts]
    slots = [xxh64_intdigest(key) % size for key in keys]
    skips = [xxh64_intdigest(key, 1) % (size - 1) + 1 for key in keys]
    targets = [0.0] * len(hosts)
    table: list[H | None] = [None] * size
    free = size
    turn = 0
    while True:
        turn += 1
        for number, (_, host, weight) in enumerate(hosts):
            if turn * weight < targets[number]:
                continue
            targets[number] += heaviest
            slot, skip = slots[number], skips[number]
            while table[slot] is not None:
                slot += skip
                if slot >= size:
                    slot -= size
            table[slot] = host
            slots[number] = slot
            free -= 1
            if not free:
                return [each for each in table if each is not None]
