"""How much of a cluster's requests each priority gets, by how many of its endpoints are healthy.

Numbers are per cent; rounding, over-provisioning and panic are those of Envoy
(``docs/arch_overview/upstream/load_balancing/priority`` and ``panic_threshold`` there).
"""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["OVERPROVISIONING", "Load", "availability", "distribute", "load"]

OVERPROVISIONING = 140
"""Per cent of its share that a priority, or a locality, is able to take: it gets less than that
share only when fewer than 100 / 140 of its endpoints are healthy."""


class Load(NamedTuple):
    """``shares`` of the requests per priority, in sum 100, and which priorities are in ``panic``:
    they use all of their endpoints, healthy or not."""

    shares: list[int]
    panic: list[bool]


def availability(healthy: int, total: int) -> int:
    """How much of all requests a priority is able to take."""
    return min(100, OVERPROVISIONING * healthy // total) if total else 0


def distribute(able: Sequence[int]) -> list[int] | None:
    """Shares of priorities that are *able* to take so much, the first ones first; None: none of
    them is able to take anything."""
    total = min(100, sum(able))
    if not total:
        return None
    left = 100
    shares = []
    for each in able:
        share = min(left, each * 100 // total)
        shares.append(share)
        left -= share
    shares[next(n for n, each in enumerate(able) if each)] += left  # what rounding has left over
    return shares


def load(counts: Sequence[tuple[int, int]], threshold: int) -> Load:
    """Shares and panic of priorities with these *counts* of healthy and of all endpoints.

    *threshold*: a priority with fewer than so many per cent healthy is in panic, unless all
    priorities together are able to take everything.
    """
    able = [availability(healthy, total) for healthy, total in counts]
    shares = distribute(able)
    if sum(able) >= 100:
        panic = [False] * len(counts)
    else:
        panic = [(100 * healthy / total if total else 0) < threshold for healthy, total in counts]
    if all(panic):
        shares = _by_size([total for _, total in counts])
    return Load(shares or [100] + [0] * (len(counts) - 1), panic)


def _by_size(totals: Sequence[int]) -> list[int] | None:
    """Shares where nobody's health counts any more."""
    everybody = sum(totals)
    if not everybody:
        return None
    shares = [100 * total // everybody for total in totals]
    shares[next(n for n, total in enumerate(totals) if total)] += 100 - sum(shares)
    return shares
