"""Heads with parts about as long as the NIC can look up, count or put together, and longer."""

import random

from hybridmesh.contract.flow import JOINED
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import MAX_FIELDS

from .draft import Draft, Line
from .valid import plain

__all__ = ["oversize"]

_KEYS = sorted({Geometry().path_bytes, Geometry().host_bytes, Geometry().header_bytes, 128, 256})


def oversize(rng: random.Random, turn: int) -> bytes:
    """One part of a head after the other, of all sizes."""
    draft = plain(rng)
    _PARTS[turn % len(_PARTS)](rng, draft)
    return draft.payload()


def _length(rng: random.Random) -> int:
    """Near the length of a key, or large."""
    key = rng.choice(_KEYS)
    return rng.choice((key, key, key, rng.randrange(1, 2000))) + rng.randint(-3, 3)


def _path(rng: random.Random, draft: Draft) -> None:
    draft.target = (rng.choice((b"/", b"/p")) + b"x" * _length(rng))[: max(1, _length(rng))]


def _query(rng: random.Random, draft: Draft) -> None:
    draft.target += b"?" + b"q" * _length(rng)


def _params(rng: random.Random, draft: Draft) -> None:
    sizes = (rng.randrange(20) for _ in range(rng.randrange(1, 60)))
    draft.target += b"?" + b"&".join(b"q%d=" % n + b"1" * size for n, size in enumerate(sizes))


def _host(rng: random.Random, draft: Draft) -> None:
    draft.lines[0].value = b"h" * _length(rng) + rng.choice((b"", b".test", b":80", b":8080"))


def _name(rng: random.Random, draft: Draft) -> None:
    draft.lines.append(Line(b"n" * _length(rng), b"v"))


def _value(rng: random.Random, draft: Draft) -> None:
    draft.lines.append(Line(rng.choice((b"a", b"name")), b"v" * _length(rng)))


def _method(rng: random.Random, draft: Draft) -> None:
    draft.method = rng.choice((b"GET", b"M", b"DELETE")) * (_length(rng) // 3 + 1)


def _space(rng: random.Random, draft: Draft) -> None:
    line = rng.choice(draft.lines)
    space = rng.choice((b" ", b"\t")) * _length(rng)
    line.before, line.after = rng.choice(((space, b""), (b" ", space), (space, space)))


def _digits(rng: random.Random, draft: Draft) -> None:
    zeros = b"0" * rng.choice((0, 1, 7, 8, 9, 10, 19, 20, 100))
    draft.lines.append(Line(b"Content-Length", zeros + str(rng.randrange(10**12)).encode()))


def _coding(rng: random.Random, draft: Draft) -> None:
    draft.lines.append(Line(b"Transfer-Encoding", b"gzip, " * rng.randrange(60) + b"chunked"))


def _lines(rng: random.Random, draft: Draft) -> None:
    count = rng.choice((MAX_FIELDS, MAX_FIELDS, 2 * MAX_FIELDS)) + rng.randint(-3, 3)
    name, value = rng.choice(((b"b", b"c"), (b"x-n", b"1"), (b"name", b"value")))
    draft.lines += [Line(name, value) for _ in range(count - len(draft.lines))]


def _near_limit(rng: random.Random, draft: Draft) -> None:
    """A head of about as many bytes as the NIC puts together, or of some kilobytes less."""
    target = JOINED - rng.choice((0, 0, 1460, 2920, 5000)) + rng.randint(-12, 12)
    rest = target - len(draft.payload())
    if rng.random() < 0.5:
        draft.target += b"/" + b"x" * (rest - 1)
    else:
        draft.lines.append(Line(b"x-long", b"v" * (rest - len(b"x-long: \r\n"))))


_PARTS = (
    *(_path, _query, _params, _host, _name, _value, _method, _space, _digits, _coding, _lines),
    _near_limit,
)
