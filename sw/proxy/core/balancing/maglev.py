"""MAGLEV: consistent hashing by a table that all hosts fill in turn (Eisenbud et al., NSDI 2016,
section 3.4), as Envoy does it.

Each host has its own order of preference over the table's slots, made from two hashes of its
address, and takes at each turn the first one that is still free; with unequal weights the lighter
ones miss turns.

That is a long way through a large table.  So one that takes the place of another is filled step by
step, and the other serves until then, as in Envoy: its workers go on while its main thread builds.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import chain, count, cycle, islice
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from xxhash import xxh64_intdigest

from ..clock import Clock
from .host import Host

__all__ = ["Maglev"]

_LAST = 2**64 - 1

_STEP = 4096
"""Slots that are filled in one go: one to five milliseconds' work for up to a hundred hosts."""

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
    """A table that is being filled.

    Attributes
    ----------
    table : list of Host
        Once it is full.
    """

    def __init__(self, weights: Sequence[tuple[H, float]], size: int) -> None:
        self.weights = weights
        self._left = size
        free = bytearray(b"\1") * size
        self._free = free
        ordered = sorted(weights, key=lambda each: str(each[0].endpoint))
        self.table: list[H] = [ordered[0][0]] * size
        preferences = [
            (filter(free.__getitem__, _preferences(host, free, len(ordered))), host)
            for host, _ in ordered
        ]
        self._turns = _turns(preferences, [weight for _, weight in ordered])

    def go_on(self, slots: int) -> bool:
        """Fill so many *slots*; whether the table is full."""
        free, table = self._free, self.table
        slots = min(slots, self._left)
        for preference, host in islice(self._turns, slots):
            slot = next(preference)
            free[slot] = 0
            table[slot] = host
        self._left -= slots
        return not self._left


T = TypeVar("T")


def _turns(hosts: Sequence[T], weights: Sequence[float]) -> Iterator[T]:
    """Whose turn it is, for ever."""
    heaviest = max(weights)
    return cycle(hosts) if min(weights) == heaviest else _unequal(hosts, weights, heaviest)


def _unequal(hosts: Sequence[T], weights: Sequence[float], heaviest: float) -> Iterator[T]:
    targets = [0.0] * len(hosts)
    for turn in count(1):
        for number, weight in enumerate(weights):
            if turn * weight >= targets[number]:
                targets[number] += heaviest
                yield hosts[number]


def _preferences(host: Host, free: bytearray, hosts: int) -> Iterator[int]:
    """The slots in the order in which *host* wants them, but for some that are taken."""
    size = len(free)
    key = str(host.endpoint).encode()
    first, skip = xxh64_intdigest(key) % size, xxh64_intdigest(key, 1) % (size - 1) + 1
    seen: npt.NDArray[np.bool_] = np.frombuffer(free, dtype=np.bool_)
    return chain.from_iterable(_parts(first, skip, seen, min(size // hosts + 1, _STEP)))


def _parts(first: int, skip: int, free: npt.NDArray[np.bool_], width: int) -> Iterator[list[int]]:
    size = len(free)
    steps = skip * np.arange(width)
    for start in range(0, size, width):
        part = (first + start * skip + steps) % size
        yield part[free[part]].tolist()
