"""Where heads are cut into segments: anywhere, and often at the places where lines end."""

import random

__all__ = ["cuts"]

_SHORT = 80
"""Bytes of a payload that may come one by one."""


def cuts(rng: random.Random, payload: bytes) -> tuple[int, ...]:
    """Offsets of *payload* at which its segments but the first begin; at least one if it can be."""
    inside = range(1, len(payload))
    if not inside:
        return ()
    if len(payload) < _SHORT and rng.random() < 0.05:
        return tuple(inside)
    count = rng.choice((1, 1, 1, 2, 2, 3, 5, 9))
    line_ends = [n for n in inside if b"\n" in payload[max(n - 4, 0) : n + 2]] or inside
    places = (rng.choice(rng.choice((inside, line_ends))) for _ in range(count))
    return tuple(sorted(set(places)))
