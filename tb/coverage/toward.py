"""Payloads that lead to a place in the head, and to a lane: what random heads leave open."""

import random
from collections.abc import Iterator
from typing import NamedTuple

from hybridmesh.contract.grammar import LINE, MAX_FIELDS, ROLE, Line, Role
from hybridmesh.contract.verdict import Method

from .classes import CLASSES

__all__ = ["heads", "payloads"]


class _Way(NamedTuple):
    """Bytes that lead to a state; those that lead out of it, which the run there leaves out; and
    bytes that go before, over and over, to bring all of it to a lane."""

    before: bytes
    fill: bytes
    into: bytes
    leaving: bytes


_REQUEST = b"GET /"
_LINE = b" HTTP/1.1\r\n"

_ROLES = {
    Role.METHOD: _Way(b"", b"A", b"", b" "),
    Role.PATH: _Way(_REQUEST, b"a", b"", b" ?"),
    Role.QUERY: _Way(_REQUEST, b"a", b"?", b" "),
    Role.VERSION: _Way(_REQUEST, b"a", b" ", b"\n"),
    Role.NAME: _Way(_REQUEST, b"a", _LINE, b":"),
    Role.VALUE: _Way(_REQUEST, b"a", _LINE + b"a:", b"\n"),
    Role.DONE: _Way(_REQUEST, b"a", _LINE + b"Host: a\r\n\r\n", b""),
}
_LINES = {
    Line.OTHER: _Way(_REQUEST, b"a", _LINE + b"a: ", b"\n"),
    Line.HOST: _Way(_REQUEST, b"a", _LINE + b"Host: ", b"\n:"),
    Line.PORT: _Way(_REQUEST, b"a", _LINE + b"hOST: a:", b"\n"),
    Line.LENGTH: _Way(_REQUEST, b"a", _LINE + b"Content-Length: ", b"\n"),
    Line.CONNECTION: _Way(_REQUEST, b"a", _LINE + b"Connection: ", b"\n"),
    Line.CODING: _Way(_REQUEST, b"a", _LINE + b"Transfer-Encoding: ", b"\n"),
}
assert (set(_ROLES), set(_LINES)) == (set(ROLE.states), set(LINE.states))

_RUN = 40
"""Bytes of a run, about."""

_RUNS = 8
"""Runs for each lane, so that all classes of bytes come to it."""


def payloads(rng: random.Random, width: int) -> Iterator[bytes]:
    """For each state and each byte that leads out of it, some payloads for each lane."""
    for way in (*_ROLES.values(), *_LINES.values()):
        leaving = way.leaving or b"x"
        for number in range(max(_RUNS, len(leaving)) * width):
            lane, turn = number % width, number // width
            yield _payload(rng, way, leaving[turn % len(leaving)], lane, width)
    for lane in range(width):
        yield from heads(rng, lane)


def _payload(rng: random.Random, way: _Way, leaving: int, lane: int, width: int) -> bytes:
    """A run of bytes of every class within the state, and *leaving* in the lane."""
    kinds = [members - frozenset(way.leaving) for members in CLASSES.values()]
    bytes_ = [rng.choice(sorted(members)) for members in rng.choices(kinds, k=_RUN) if members]
    run = bytes(bytes_)
    pad = (lane - len(way.before + way.into + run)) % width
    behind = rng.choice((b"", b"/", b"x", b"\r\n", b" a", _LINE, b"\r\n\r\n"))
    return way.before + way.fill * pad + way.into + run + bytes([leaving]) + behind


_WORDS = (
    *(b"Host: a.b:80", b"host: c", b"Content-Length: 12", b"Transfer-Encoding: chunked"),
    *(b"Connection: keep-alive", b"Connection: close", b"te: x", b"a: b", b"Cookie: c=d"),
)
_ODD = (
    *(b"/a//b", b"/./a", b"/..", b"/a/.;b", b"/%41", b"/\\", b"/a b", b"*", b"http://a/"),
    *(b"/a?b\\", b"/\x80", b"/a#b"),
)
_ODD_LINES = (
    *(b"a : b", b"(: a", b": a", b" a: b", b"a:b", b"a:  b", b"a: ", b"a: b ", b"a: \x01"),
    *(b"a: \xff", b"a: b\rc", b"a: b\nc: d", b"Host: a..b", b"Host: a.", b"Host: :1", b"Host: a:"),
    *(b"Host: a:0", b"Host: a:70000", b"Host: a:65536", b"Host: a:123456", b"Host: a_b@c"),
    *(b"Content-Length: 1234567890", b"Content-Length: 1a", b"a: b\r\n\tc", b"aaa"),
)


def heads(rng: random.Random, lane: int) -> Iterator[bytes]:
    """Heads that are right, and ones that break each rule, all of it shifted by *lane* bytes."""
    shifted = b"/" + b"p" * lane
    for version in (b"1.1", b"1.0"):
        lines = rng.sample(_WORDS, len(_WORDS))
        target = shifted + b"?q=1&r" + b"s" * rng.randrange(4)
        yield b"\r\n".join([b"GET " + target + b" HTTP/" + version, *lines, b"", b""])
        yield b"GET " + shifted + b" HTTP/" + version + b"\r\nHost: a\r\n\r\n"
    yield b"M" * (lane + 1) + b" /?&a=b HTTP/1.1\r\nHost: a\r\n\r\n"
    yield b"M" * (lane + 1) + b"  HTTP/1.1\r\nHost: a\r\n\r\n"
    for odd in _ODD:
        yield b"GET " + shifted + odd + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    for odd in _ODD_LINES:
        yield b"GET " + shifted + b" HTTP/1.1\r\nHost: a\r\n" + odd + b"\r\n\r\n"
    for odd in (b"HTTP/1.2\r\n", b"HTTP/1.1\n", b"a HTTP/1.1\r\n", b"\r\n"):
        yield b"GET " + shifted + b" " + odd + b"Host: a\r\n\r\n"
    if not lane:
        for line in (b"b: c\r\n", b"x-less-crowded-b: c\r\n"):
            yield b"GET / HTTP/1.1\r\nHost: a\r\n" + line * MAX_FIELDS + b"\r\n"
        for method in Method:
            for line in _WORDS:
                for target in (b" / ", b" /p ", b" /?a&b&c&d&e "):
                    request = method.name.encode() + target + b"HTTP/1.1\r\nHost: a\r\n"
                    yield request + line + b"\r\n\r\n"
