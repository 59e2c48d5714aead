"""Heads for the engine, by what is hard about them; they use the words of its random tables."""

import random
from collections.abc import Callable

from tb.lib.traffic import any_payload

__all__ = ["HOSTS", "LINES", "MIXES", "PARAMS", "PATHS"]

_LABELS = "label-of-twenty-bits"
HOSTS = (
    *("a", "shop.test", "a.shop.test", "deep.a.shop.test", "api.test:80", "other"),
    *(f"{_LABELS}.{_LABELS}.example", f"x.{_LABELS}.{_LABELS}.{_LABELS}", "y" * 61 + ".zz"),
)
PATHS = ("/", "/api", "/api/", "/api/cart", "/API/cart/1", "/static/app.js", "/a" * 16, "/b" * 40)
LINES = (
    *("x-user: 1", "x-user: beta", "x-tier: gold", "accept: */*", "a: b", "c: d", "e: fg"),
    *("cookie: a=b; c=d", "cookie: a=b", "x-long: " + "v" * 30, "x-long: " + "v" * 70),
)
PARAMS = ("", "q", "q=", "q=1", "q=12", "page=beta", "p", "a=b", "long=" + "w" * 40, "=")
_METHODS = ("GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW")
_BODIES = ("content-length: 42", "Content-Length: 123456789", "Transfer-Encoding: chunked")
_TOUCHING = ("TE: x", "connection: keep-alive", "connection: close", "via: 1.1 a", "expect: 1")
_BROKEN = (
    b"G",
    b"GET",
    b"  \nhost: \r",
    b"  \nhost: a\r",
    b"A B C\nhost: :",
    b"\r\n",
    b"X Y\r\n\r\n",
)

Mix = Callable[[random.Random], bytes]
"""Makes the payload of a frame."""


def _made(rng: random.Random, params: list[str], lines: list[str], version: str = "1.1") -> bytes:
    """A head with *lines* and a host among them."""
    host = rng.choice(HOSTS)
    host = host.upper() if rng.random() < 0.1 else host
    port = ":8080" if rng.random() < 0.2 and ":" not in host else ""
    lines = [f"{rng.choice(('Host', 'host'))}: {host}{port}", *lines]
    rng.shuffle(lines)
    query = "?" + "&".join(params) if params else ""
    path = rng.choice(PATHS) + rng.choice(("", "", "x", "/y"))
    request = f"{rng.choice(_METHODS)} {path}{query} HTTP/{version}"
    return "\r\n".join([request, *lines, "", ""]).encode()


def _plain(rng: random.Random) -> bytes:
    """Distinct lines, mostly, at most one body, perhaps more behind the head."""
    lines = rng.sample(LINES, rng.randrange(4)) + rng.sample(_TOUCHING, rng.random() < 0.3)
    lines += rng.sample(_BODIES, rng.random() < 0.4)
    params = rng.sample(PARAMS, rng.choice((0, 0, 1, 2)))
    head = _made(rng, params, lines, rng.choice(("1.1", "1.1", "1.1", "1.0")))
    return head + rng.choice((b"", b"", b"GET / HTTP/1.1\r\n", b"\r\nbody"))


def _smallest(rng: random.Random) -> bytes:
    """Heads of the fewest bytes, between what is hardly a head at all."""
    if rng.random() < 0.3:
        return rng.choice(_BROKEN)
    host, path = rng.choice(("a", "b.c")), rng.choice(("/", "/a", "/?", "/?q"))
    return f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()


def _crowded(rng: random.Random) -> bytes:
    """Lines and parameters as short as they may be, as many in a beat as there can be."""
    short = [line for line in LINES if len(line) < 7]
    count = rng.choice((1, 2, 3, 5, 20, 98, 99, 100))
    # distinct ones hit no predicate twice, so that it is the distance that decides
    lines = (
        rng.choices(short, k=count) if rng.random() < 0.5 else [f"h{n}: i" for n in range(count)]
    )
    return _made(rng, [], lines)


def _queries(rng: random.Random) -> bytes:
    """Parameters of every length, at odd distances."""
    params = rng.choices(PARAMS, k=rng.randrange(1, 12))
    params += ["x" * rng.randrange(70) for _ in range(rng.randrange(4))]
    rng.shuffle(params)
    return _made(rng, params, rng.sample(LINES, rng.randrange(2)))


def _any(rng: random.Random) -> bytes:
    """Any of these, one in four of them cut or with a byte that does not belong there."""
    data = rng.choice((_plain, _plain, _smallest, _crowded, _queries, any_payload))(rng)
    if rng.random() < 0.1:
        return data[: rng.randrange(1, len(data) + 1)]
    if rng.random() < 0.15:
        at = rng.randrange(len(data))
        odd = rng.choice((b"\r", b"\n", b" ", b":", b"%", b"&", b"?", b"\0", b"\xbe", b">"))
        return data[:at] + odd + data[at + rng.randrange(2) :]
    return data


MIXES: dict[str, Mix] = {
    "plain": _plain,
    "smallest": _smallest,
    "crowded": _crowded,
    "queries": _queries,
    "any": _any,
}
