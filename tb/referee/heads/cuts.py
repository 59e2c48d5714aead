"""Where heads are cut into segments: anywhere, and often at the places where lines end."""

import random
import re

__all__ = ["cuts"]

_SHORT = 80
"""Bytes of a payload that may come one by one."""


def cuts(rng: random.Random, payload: bytes) -> tuple[int, ...]:
    """Offsets of *payload* at which its segments but the first begin; at least one if it can be."""
    if len(payload) < 2:
        return ()
    if len(payload) < _SHORT and rng.random() < 0.05:
        return tuple(range(1, len(payload)))
    line_feeds = [found.start() for found in re.finditer(b"\n", payload)] or [0]
    places = set()
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 9))):
        near = rng.choice(line_feeds) + rng.randint(-2, 3)
        anywhere = rng.randrange(1, len(payload))
        places.add(near if 0 < near < len(payload) and rng.random() < 0.5 else anywhere)
    return tuple(sorted(places))
