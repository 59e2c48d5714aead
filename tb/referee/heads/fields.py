"""Heads with fields that say where the request goes and how it is framed: odd, doubled, in conflict
(RFC 9112, 3.2 and 6; RFC 9110, 7.2 and 8.6)."""

import random

from .draft import Draft, Line
from .valid import any_case, full, host, plain, valid

__all__ = ["CODINGS", "HOSTS", "LENGTHS", "connections", "framings", "hosts", "repeated"]

CODINGS = (
    *(
        b"chunked",
        b"Chunked",
        b"CHUNKED",
        b"cHuNkEd",
        b"chunke",
        b"chunkedd",
        b"xchunked",
        b"hunked",
    ),
    *(
        b"x-chunked",
        b"chunked;",
        b"chunked;q=1",
        b"chunked,",
        b",chunked",
        b", chunked",
        b"chunked ,",
    ),
    *(
        b"chunked, chunked",
        b"gzip, chunked",
        b"gzip,chunked",
        b"chunked, gzip",
        b"identity",
        b"gzip",
    ),
    *(b"chunked, identity", b"identity, chunked", b'"chunked"', b"'chunked'", b"chunked\0", b"\0"),
    *(
        b"chunked\x0b",
        b"\x0bchunked",
        b"chunked\x0c",
        b"\x85chunked",
        b"chunked\xa0",
        b"\xffchunked",
    ),
    *(
        b"chun ked",
        b"chun\tked",
        b"chu\rnked",
        b"chu\nnked",
        b"chunked\r",
        b"chunked\x7f",
        b"chun%6bed",
    ),
    *(b"c\xe2\x84\xaahunked", b"chun\xe2\x84\xaaed", b"", b",", b"0", b"true", b"trailers"),
)
"""Values of Transfer-Encoding."""

LENGTHS = (
    *(b"0", b"00", b"1", b"3", b"007", b"000000003", b"0000000003", b"999999999", b"1000000000"),
    *(
        b"9999999999",
        b"4294967295",
        b"4294967296",
        b"18446744073709551615",
        b"18446744073709551616",
    ),
    *(b"0" * 100, b"9" * 100, b"+3", b"-3", b"-0", b"3,3", b"3, 3", b"3,4", b"3 3", b"3\t3", b"3;"),
    *(
        b"3.0",
        b"3e0",
        b"0x3",
        b"3h",
        b"h3",
        b"3\0",
        b"\0003",
        b"3\x0b",
        b"3\r",
        b"3\n",
        b'"3"',
        b"3_0",
    ),
    *(
        b"",
        b" ",
        b",",
        b",3",
        b"3,",
        b"\xb2",
        b"\xd9\xa3",
        b"\xef\xbc\x93",
        b"chunked",
        b"3/3",
        b"3:",
    ),
)
"""Values of Content-Length."""

HOSTS = (
    *(b"", b"a", b"A.TEST", b"a_b", b"a.", b".a", b"..", b".", b"-", b"a..b", b"*", b"*.a", b"a.*"),
    *(
        b"a:80",
        b"a:",
        b":80",
        b":",
        b"a:080",
        b"a:0",
        b"a:65535",
        b"a:65536",
        b"a:99999",
        b"a:100000",
    ),
    *(
        b"a:8x",
        b"a:-1",
        b"a:+1",
        b"a:80:80",
        b"a::80",
        b"a: 80",
        b"a :80",
        b"a:80.",
        b"a.:80",
        b"a:\x38",
    ),
    *(
        b"[::1]",
        b"[::1]:80",
        b"[::1",
        b"::1",
        b"[v1.a]",
        b"[]",
        b"[a]",
        b"192.0.2.1",
        b"192.0.2.1:80",
    ),
    *(
        b"u@a",
        b"u:p@a",
        b"a/b",
        b"a?b",
        b"a#b",
        b"http://a",
        b"a,b",
        b"a, b",
        b"a b",
        b"a\tb",
        b"a;b",
    ),
    *(
        b"a%41",
        b"a%00",
        b"a\0",
        b"a\x7f",
        b"a\x80",
        b"\xc3\xa4.test",
        b"xn--4ca.test",
        b"a\\b",
        b'"a"',
    ),
    *(
        b"!$&'()*+,;=",
        b"~",
        b"a=b",
        b"{a}",
        b"<a>",
        b"a|b",
        b"a^b",
        b"`a`",
        b"a\rb",
        b"a\nb",
        b"localhost",
    ),
)
"""Values of Host."""


def hosts(rng: random.Random, turn: int) -> bytes:
    """Hosts of every kind, and none."""
    draft = rng.choice((plain, full))(rng)
    value = HOSTS[turn % len(HOSTS)]
    draft.named("host")[0].value = value
    if rng.random() < 0.1:
        draft.without("host")
    if rng.random() < 0.1:
        draft.target = b"http://" + host(rng) + draft.target
    return draft.payload()


def framings(rng: random.Random, turn: int) -> bytes:
    """A length or a coding, spelled in every way; sometimes another one beside it."""
    draft = plain(rng)
    draft.method = rng.choice((b"POST", b"PUT", b"GET", b"HEAD", b"DELETE"))
    kind, spelling = turn % 2, turn // 2
    names, values = ((b"Transfer-Encoding", CODINGS), (b"Content-Length", LENGTHS))[kind]
    line = Line(any_case(rng, names), values[spelling % len(values)])
    if rng.random() < 0.2:
        line.before = rng.choice((b"", b"  ", b"\t", b" \t", b"\x0b", b"\0"))
    if rng.random() < 0.2:
        line.after = rng.choice((b" ", b"\t", b"  ", b"\x0b", b"\0"))
    draft.lines.insert(rng.randint(0, len(draft.lines)), line)
    if rng.random() < 0.2:
        draft.lines.insert(rng.randint(0, len(draft.lines)), _framing(rng))
    if rng.random() < 0.15:
        draft.version = b"HTTP/1.0"
    draft.tail = rng.choice((b"", b"abc", b"0\r\n\r\n", plain(rng).payload()))
    return draft.payload()


def repeated(rng: random.Random, turn: int) -> bytes:
    """A field of which there must be one, again: the same, another, spelled or spaced otherwise."""
    draft: Draft = rng.choice((plain, valid, full))(rng)
    draft.without("content-length", "transfer-encoding")
    kind = turn % 6
    if kind == 0:
        again = [Line(b"Host", rng.choice((host(rng), b"a", b"")))]
    elif kind == 1:
        again = [Line(b"Content-Length", b"3"), Line(b"Content-Length", rng.choice((b"3", b"4")))]
    elif kind == 2:
        again = [Line(b"Transfer-Encoding", b"chunked")] * 2
    elif kind == 3:
        again = [Line(b"Transfer-Encoding", b"chunked"), Line(b"Content-Length", b"3")]
    elif kind == 4:
        again = [_framing(rng) for _ in range(rng.randint(2, 4))]
    else:
        again = [Line(b"a", b"b"), Line(b"a", rng.choice((b"b", b"c")))]
    again = [Line(any_case(rng, x.name), x.value) for x in again]
    rng.shuffle(again)
    for line in again:
        line.before = rng.choice((b" ", b" ", b" ", b"", b"  ", b"\t"))
        draft.lines.insert(rng.randint(0, len(draft.lines)), line)
    if kind == 0 and rng.random() < 0.5:
        draft.lines.insert(0, rng.choice(draft.named("host")))
    return draft.payload()


_CONNECTIONS = (
    *(b"keep-alive", b"Keep-Alive", b"close", b"upgrade", b"Upgrade, keep-alive", b"keep-alive, x"),
    *(
        b"keep-alive,",
        b",",
        b"",
        b"close, close",
        b"keep-alive, close",
        b"x",
        b"host",
        b"content-length",
    ),
    *(
        b"transfer-encoding",
        b"te, close",
        b"HTTP2-Settings, Upgrade",
        b"keep-alive\0",
        b"keep alive",
    ),
    *(b"keep-aliv", b"keep-alivee", b"xkeep-alive", b"a,b,c,d,e,f,g,h,i,j,k", b"\xff", b":path"),
)
_UPGRADES = (b"websocket", b"h2c", b"TLS/1.0", b"", b"a, b")


def connections(rng: random.Random, turn: int) -> bytes:
    """What a client says of its connection, with an upgrade or without, before a body or none."""
    draft = valid(rng)
    line = Line(any_case(rng, b"Connection"), _CONNECTIONS[turn % len(_CONNECTIONS)])
    draft.lines.insert(rng.randint(0, len(draft.lines)), line)
    if rng.random() < 0.3:
        upgrade = Line(any_case(rng, b"Upgrade"), rng.choice(_UPGRADES))
        draft.lines.insert(rng.randint(0, len(draft.lines)), upgrade)
    return draft.payload()


def _framing(rng: random.Random) -> Line:
    if rng.random() < 0.5:
        return Line(b"Transfer-Encoding", rng.choice((b"chunked", *CODINGS)))
    return Line(b"Content-Length", rng.choice((b"3", *LENGTHS)))
