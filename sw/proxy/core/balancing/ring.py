"""RING_HASH: consistent hashing on a ring, as Envoy builds it after ketama.

Every host stands on the ring at as many points as its weight says, the hashes of ``address_0``,
``address_1`` and so on; a request goes to the first point at or after its own hash.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, islice, pairwise
from typing import Generic, TypeVar

import numpy as np
from xxhash import xxh64_intdigest

from .host import Host

__all__ = ["MAXIMUM_RING_SIZE", "Ring"]

MAXIMUM_RING_SIZE = 8 * 1024 * 1024
"""Envoy's default, which Istio leaves as it is."""

H = TypeVar("H", bound=Host)


class Ring(Generic[H]):
    """The ring.

    Parameters
    ----------
    weights : sequence of (host, float)
        At least one; shares of the whole, whose sum is 1 or, where localities are missing, less.
    minimum_size : int
        Points on the ring; there are more so that the lightest host has a whole number of them.
    rng : random.Random
        For requests without a hash.
    """

    __slots__ = ("_hosts", "_points", "_random")

    def __init__(
        self, weights: Sequence[tuple[H, float]], minimum_size: int, rng: random.Random
    ) -> None:
        lightest = min(weight for _, weight in weights)
        scale = min(math.ceil(lightest * minimum_size) / lightest, MAXIMUM_RING_SIZE)
        ends = [math.ceil(target) for target in accumulate(scale * weight for _, weight in weights)]
        counts = [end - start for start, end in pairwise([0, *ends])]
        numbers = [b"_%d" % number for number in range(max(counts))]
        points = np.fromiter(
            (
                xxh64_intdigest(key + number)
                for (host, _), count in zip(weights, counts, strict=True)
                for key in [_key(host)]
                for number in islice(numbers, count)
            ),
            np.uint64,
            ends[-1],
        )
        order = points.argsort()
        hosts = np.empty(len(weights), object)
        hosts[:] = [host for host, _ in weights]
        self._points: list[int] = points[order].tolist()
        self._hosts: list[H] = hosts.repeat(counts)[order].tolist()
        self._random = rng.getrandbits

    def pick(self, hash: int | None = None, attempt: int = 0) -> H:
        if hash is None:
            hash = self._random(64)
        number = bisect_left(self._points, hash)
        hosts = self._hosts
        if number == len(hosts):
            number = 0
        return hosts[(number + attempt) % len(hosts)] if attempt else hosts[number]


def _key(host: Host) -> bytes:
    return str(host.endpoint).encode()
