"""MAGLEV: consistent hashing by a table that all hosts fill in turn (Eisenbud et al., NSDI 2016,
section 3.4), as Envoy does it.

Each host has its own order of preference over the table's slots, made from two hashes of its
address, and takes at each turn the first one that is still free; with unequal weights the lighter
ones miss turns.

That is a long way through a large table.  So one that takes the place of another is filled step by
step, and the other serves until then, as in Envoy: its workers go on while its main thread builds.
"""

import random
from collections.abc import Sequence
from typing import Generic, TypeVar

from xxhash import xxh64_intdigest

from ..clock import Clock
from .host import Host

__all__ = ["Maglev"]

_LAST = 2**64 - 1

_STEP = 4096
"""Slots that are filled in one go: a millisecond's work, or two for the last ones."""

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
    clock : Clock
        Says when to go on with the next table.
    """

    __slots__ = ("_clock", "_filling", "_hosts", "_random", "_size", "_table", "_weights")

    def __init__(
        self, weights: Sequence[tuple[H, float]], size: int, rng: random.Random, clock: Clock
    ) -> None:
        self._clock = clock
        self._size = size
        self._random = rng.getrandbits
        filling = _Filling(weights, size)
        filling.go_on(size)
        self._table = filling.table
        self._filling: _Filling[H] | None = None
        self._weights = weights
        self._hosts: dict[H, None] | None = None

    def renew(self, weights: Sequence[tuple[H, float]]) -> None:
        """These are the hosts from now on; no other is picked any more."""
        self._weights = weights
        self._hosts = {host: None for host, _ in weights}
        if self._filling is None:
            self._begin()

    def pick(self, hash: int | None = None, attempt: int = 0) -> H:
        if hash is None:
            hash = self._random(64)
        if attempt:  # change most of its bits
            hash ^= _LAST - attempt + 1
        host = self._table[hash % self._size]
        if self._hosts is not None and host not in self._hosts:
            return list(self._hosts)[hash % len(self._hosts)]
        return host

    def _begin(self) -> None:
        self._filling = _Filling(self._weights, self._size)
        self._go_on()

    def _go_on(self) -> None:
        filling = self._filling
        assert filling is not None
        if not filling.go_on(_STEP):
            self._clock.call_at(self._clock.now, self._go_on)
            return
        self._filling = None
        if filling.weights is self._weights:
            self._table = filling.table
            self._hosts = None
        else:  # they have changed meanwhile
            self._begin()


class _Filling(Generic[H]):
    """A table that is being filled; the loop is written for the compiler (mypyc)."""

    def __init__(self, weights: Sequence[tuple[H, float]], size: int) -> None:
        self.weights = weights
        ordered = sorted(weights, key=lambda each: str(each[0].endpoint))
        keys = [str(host.endpoint).encode() for host, _ in ordered]
        self._hosts = [host for host, _ in ordered]
        self._shares = [weight for _, weight in ordered]
        self._targets = [0.0] * len(ordered)
        self._slots = [xxh64_intdigest(key) % size for key in keys]
        self._skips = [xxh64_intdigest(key, 1) % (size - 1) + 1 for key in keys]
        self._table: list[H | None] = [None] * size
        self._left = size
        self._turn = 1
        self._next = 0

    @property
    def table(self) -> list[H]:
        """Once it is full."""
        return [host for host in self._table if host is not None]

    def go_on(self, count: int) -> bool:
        """Fill so many slots; whether the table is full."""
        hosts, shares, targets = self._hosts, self._shares, self._targets
        slots, skips, table = self._slots, self._skips, self._table
        size = len(table)
        heaviest = max(shares)
        turn, number = self._turn, self._next
        count = min(count, self._left)
        self._left -= count
        while count:
            if number == len(hosts):
                number = 0
                turn += 1
            if turn * shares[number] >= targets[number]:
                targets[number] += heaviest
                slot, skip = slots[number], skips[number]
                while table[slot] is not None:
                    slot += skip
                    if slot >= size:
                        slot -= size
                table[slot] = hosts[number]
                slots[number] = slot
                count -= 1
            number += 1
        self._turn, self._next = turn, number
        return not self._left
