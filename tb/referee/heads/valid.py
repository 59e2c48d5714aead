"""Heads by the grammar of RFC 9112, 9110 and 3986: nothing about them is wrong.

Most are decided; the others hold what a NIC leaves to its host, as encoded paths, addresses for
hosts, or two query parameters side by side.
"""

import random

from .draft import Draft, Line

__all__ = ["METHODS", "any_case", "full", "host", "plain", "valid"]

METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH")
_ALPHA = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGIT = b"0123456789"
_UNRESERVED = _ALPHA + _DIGIT + b"-._~"
_PCHAR = _UNRESERVED + b"!$&'()*+,;=:@"
_TCHAR = _ALPHA + _DIGIT + b"!#$%&'*+-.^_`|~"
_VCHAR = bytes(range(0x21, 0x7F))

_SEGMENTS = (b"api", b"v1", b"products", b"static", b"a.b", b"...", b".well-known", b"x;y=1", b"p")
_NAMES = (b"User-Agent", b"Accept", b"Cookie", b"Referer", b"Content-Type", b"X-Host", b"Hosts")
_VALUES = (b"curl/8.5.0", b"*/*", b"a=b; c=d", b"http://a.test/?b", b"text/plain", b"Host: b", b"1")
_INTERPRETED = (
    *((b"Connection", value) for value in (b"keep-alive", b"Keep-Alive", b"close", b"x, y", b"te")),
    (b"Keep-Alive", b"timeout=5"),
    (b"TE", b"trailers"),
    (b"Trailer", b"x"),
    (b"Expect", b"100-continue"),
    (b"Via", b"1.1 a"),
    (b"X-Forwarded-For", b"192.0.2.1"),
    (b"X-Request-Id", b"7"),
    (b"Proxy-Connection", b"close"),
)


def plain(rng: random.Random) -> Draft:
    """A head as short as can be decided, but for a field or two."""
    lines = [Line(b"Host", host(rng)), *_fields(rng, 2)]
    return Draft(rng.choice(METHODS), path(rng), lines=lines)


def valid(rng: random.Random) -> Draft:
    """Any head by the grammar."""
    draft = Draft(rng.choice((b"GET", *METHODS)), path(rng) + _query(rng))
    draft.lines = [Line(any_case(rng, b"Host"), host(rng) + _port(rng)), *_fields(rng, 8)]
    if rng.random() < 0.04:
        draft.lines[0].value = rng.choice((b"[::1]", b"192.0.2.1", b"a%41.test", b"a.test.", b"*"))
    if rng.random() < 0.15:
        draft.lines.append(Line(*rng.choice(_INTERPRETED)))
    if rng.random() < 0.03:
        draft.lines += [Line(b"Connection", b"Upgrade"), Line(b"Upgrade", b"websocket")]
    if rng.random() < 0.1:
        draft.version = b"HTTP/1.0"
    _add_body(rng, draft)
    rng.shuffle(draft.lines)
    if rng.random() < 0.05:
        _space(rng, rng.choice(draft.lines))
    if rng.random() < 0.15:
        draft.tail += rng.choice((b"\r\n", plain(rng).payload(), rng.randbytes(5)))
    return draft


def full(rng: random.Random) -> Draft:
    """A head that has something in every place."""
    draft = Draft(rng.choice(METHODS), path(rng) + b"?" + _query(rng)[1:])
    draft.lines = [
        Line(b"Host", host(rng) + b":" + str(rng.randrange(1, 60100)).encode()),
        Line(b"Connection", rng.choice((b"keep-alive", b"close"))),
        *_fields(rng, 2),
        Line(_token(rng), _text(rng)),
        rng.choice((Line(b"Content-Length", b"12"), Line(b"Transfer-Encoding", b"chunked"))),
    ]
    rng.shuffle(draft.lines)
    draft.tail = plain(rng).payload()
    return draft


def path(rng: random.Random) -> bytes:
    segments = []
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        known = rng.random() < 0.7
        segments.append(rng.choice(_SEGMENTS) if known else _some(rng, _PCHAR, 12))
    if segments and rng.random() < 0.04:
        segments.insert(0, rng.choice((b"%41", b"a%2Fb", b"%e4")))
    return b"/" + b"/".join(segments) + (b"/" if segments and rng.random() < 0.2 else b"")


def host(rng: random.Random) -> bytes:
    labels = [_some(rng, _ALPHA + _DIGIT + b"-_", 9) for _ in range(rng.randrange(1, 4))]
    return b".".join(labels)


def any_case(rng: random.Random, text: bytes) -> bytes:
    """*text*, letters of any case."""
    return rng.choice((text, text, text.lower(), text.upper(), text.swapcase(), text.capitalize()))


def _some(rng: random.Random, members: bytes, most: int) -> bytes:
    """One to *most* of *members*."""
    return bytes(rng.choices(members, k=rng.randint(1, most)))


def _token(rng: random.Random) -> bytes:
    return b"x-" + _some(rng, _TCHAR, 12)


def _text(rng: random.Random) -> bytes:
    """A field value: visible bytes, white space only between them."""
    words = [_some(rng, _VCHAR, 10) for _ in range(rng.randint(1, 4))]
    return rng.choice((b" ", b"\t", b"  ", b", ")).join(words)


def _port(rng: random.Random) -> bytes:
    return rng.choice((b"", b"", b":80", b":8080", b":59999")) if rng.random() < 0.97 else b":080"


def _query(rng: random.Random) -> bytes:
    if rng.random() < 0.6:
        return b""
    if rng.random() < 0.1:
        return b"?" + b"&".join([b"a=1"] * rng.randrange(4))
    members = _PCHAR.replace(b"&", b"") + b"/?"
    params = [b"q=" + _some(rng, members, 12) for _ in range(rng.randrange(1, 3))]
    return b"?" + b"&".join(params) + rng.choice((b"", b"", b"%20", b"%", b"&x=%zz"))


def _fields(rng: random.Random, most: int) -> list[Line]:
    lines = []
    for _ in range(rng.randrange(most + 1)):
        kind = rng.random()
        if kind < 0.6:
            lines.append(Line(any_case(rng, rng.choice(_NAMES)), rng.choice(_VALUES)))
        elif kind < 0.9:
            lines.append(Line(_token(rng), _text(rng)))
        else:
            lines.append(Line(b"a", rng.choice((b"b", b"c" * 70))))
    return lines


def _space(rng: random.Random, line: Line) -> None:
    """White space that the grammar allows and a NIC leaves to its host."""
    line.before = rng.choice((b"", b"  ", b"\t", b" \t", b" "))
    line.after = rng.choice((b"", b" ", b"\t", b"  "))


def _add_body(rng: random.Random, draft: Draft) -> None:
    kind = rng.random()
    if kind < 0.12:
        body = rng.choice((b"", b"abc", b"\r\n", plain(rng).payload()))
        draft.tail = rng.choice((b"", body, body[:1]))
        zeros = rng.choice((b"", b"", b"0", b"000"))
        length = zeros + str(len(body)).encode()
        draft.lines.append(Line(any_case(rng, b"Content-Length"), length))
    elif kind < 0.18:
        length = str(rng.randrange(10 ** rng.randint(1, 9))).encode()
        draft.lines.append(Line(any_case(rng, b"Content-Length"), length))
    elif kind < 0.28:
        draft.tail = rng.choice((b"", b"0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"))
        coding = any_case(rng, b"chunked")
        draft.lines.append(Line(any_case(rng, b"Transfer-Encoding"), coding))
