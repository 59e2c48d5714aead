"""Weighted turns: earliest deadline first, as Envoy's ``EdfScheduler`` has them."""

import heapq
import random
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

__all__ = ["EarliestDeadline"]

T = TypeVar("T")


class EarliestDeadline(Generic[T]):
    """An item that is picked at time t comes again at t + its period, the inverse of its weight.

    Each begins at a random point of its first period, so that many gateways do not all send their
    first requests to the same endpoint.

    Parameters
    ----------
    items : sequence
        At least one.
    period : callable
        Of an item; asked again at every turn, and may say something else each time.
    rng : random.Random
    """

    __slots__ = ("_order", "_period", "_queue")

    def __init__(
        self, items: Sequence[T], period: Callable[[T], float], rng: random.Random
    ) -> None:
        self._period = period
        self._order = len(items)  # among equal deadlines the one that has waited longest is first
        self._queue = [
            (rng.random() * period(item), number, item) for number, item in enumerate(items)
        ]
        heapq.heapify(self._queue)

    def pick(self) -> T:
        now, _, item = self._queue[0]
        self._order = order = self._order + 1
        heapq.heapreplace(self._queue, (now + self._period(item), order, item))
        return item
