"""Heads that say much in few bytes, so that several lines and parameters share a beat."""

import random

__all__ = ["crowded"]

_TARGETS = ("/", "/?", "/a?b", "/a?b&c=d&&e=&=", "/?" + "x&" * 20)
_LINES = (
    *("a: b", "c: d", "ef: g", "h: i:j", "te: k", "via: l", "x-envoy-: m", "proxy-: n", "_te: o"),
    *("connection: p", "Connection: Keep-Alive", "connection: keep-alivE", "keep-alive: q"),
    *("content-length: 7", "Content-Length: 10", "transfer-encoding: chunked", "te:x", "u : v"),
    *("Transfer-Encoding: Chunked", "transfer-encoding: gzip", "host: w"),
)


def crowded(rng: random.Random) -> bytes:
    """A head of many short lines, in the right place most often, and perhaps a body."""
    count = rng.choice((1, 2, 5, 12, 30, 98, 99, 100, 101))
    pool = rng.sample(_LINES[:5] if rng.random() < 0.5 else _LINES, 4)
    lines = [rng.choice(("Host: a", "host: b.c:8")), *rng.choices(pool, k=count)]
    rng.shuffle(lines)
    version = rng.choice(("1.1", "1.1", "1.0"))
    head = [f"{rng.choice(('GET', 'PUT', 'PATCH'))} {rng.choice(_TARGETS)} HTTP/{version}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + b"GET "[: rng.choice((0, 0, 1, 4))]
