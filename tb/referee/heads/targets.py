"""Request lines of every kind: forms of the target, dot segments, encodings, methods, versions."""

import random

from .valid import METHODS, full, host, path, plain

__all__ = ["odd_methods", "odd_targets", "odd_versions"]

_WHOLE = (
    *(b"*", b"", b" ", b"a", b"?", b"#", b"?a", b":80", b"a:80", b"a.test:443", b"[::1]:80"),
    *(b"http://a.test", b"http://a.test/", b"HTTP://A.test:80/b?c", b"http://", b"http:///a"),
    *(b"https://a.test/", b"ftp://a.test/", b"//a.test/b", b"///", b"http:/a", b"http:a"),
    *(b"http://u@a.test/", b"http://u:p@a.test:80/", b"http://[::1]/", b"http://a.test?b"),
    *(b"\\", b"\\a", b"/\\a", b"*/", b"/*", b"%2f", b"..", b"./", b"../a", b"javascript:1", b"@"),
)
_SEGMENTS = (
    *(b".", b"..", b"...", b"", b".;a", b"..;a", b";", b"..;", b".a", b"a.", b"..a", b"a.."),
    *(b"%2e", b"%2E%2e", b".%2e", b"%2e%2e;a", b"%252e", b"%2f", b"%5c", b"\\", b"..\\", b"%00"),
    *(b"%", b"%4", b"%4g", b"%zz", b"%41", b"%7e", b"%ff", b"%c0%ae", b"%u002e", b"a%", b"%%41"),
    *(b'"', b"<a>", b"{a}", b"|", b"^", b"`", b"[a]", b"#", b"a#b", b"\x80", b"\xc3\xa4", b"\x7f"),
)
_QUERIES = (
    *(b"", b"&", b"&&", b"?", b"??", b"/", b"/../", b"#", b"a#b", b"%", b"%zz", b"\\", b'"', b"[]"),
    *(
        b"{}",
        b"|",
        b"^",
        b"`",
        b"<",
        b">",
        b"\x80",
        b"\0",
        b"\t",
        b"a=b&a=c",
        b"q",
        b"q=>",
        b"\x7f",
    ),
)


def odd_targets(rng: random.Random, turn: int) -> bytes:
    """Targets in other forms, with dot segments, with encodings, with bytes that none may hold."""
    draft = rng.choice((plain, full))(rng)
    match turn % 3:
        case 0:
            draft.target = _WHOLE[turn // 3 % len(_WHOLE)]
            draft.method = rng.choice((b"GET", b"OPTIONS", b"CONNECT", b"POST"))
        case 1:
            segment = _SEGMENTS[turn // 3 % len(_SEGMENTS)]
            behind = rng.choice((b"", b"/", b"/a", b"?", b"?a", b";a", b"//"))
            draft.target = rng.choice((b"/", path(rng) + b"/", b"//")) + segment + behind
        case _:
            query = _QUERIES[turn // 3 % len(_QUERIES)]
            draft.target = path(rng) + b"?" + rng.choice((b"", b"a=b&")) + query
    return draft.payload()


_METHODS = (
    *(b"CONNECT", b"BREW", b"get", b"Get", b"GETS", b"GE", b"G", b"", b"AGET", b"GET\t", b"GET\0"),
    *(b"PRI", b"SOURCE", b"M-SEARCH", b"PROPFIND", b"LOCK", b"PURGE", b"LINK", b"ACL", b"QUERY"),
    *(b"DESCRIBE", b"SETUP", b"PLAY", b"RECORD", b"GET_PARAMETER", b"REDIRECT", b"HTTP/1.1"),
    *(b"POSTS", b"POS", b"PATCHES", b"PUTT", b"HEADER", b"DEL", b"OPTION", b"TRACER", b"CONNECTS"),
    *(b"!", b"#$%&'*+-.^_`|~", b"GET:", b"(GET)", b'"GET"', b"G\x80T", b"\xc3\xa4", b"GET,POST"),
)


def odd_methods(rng: random.Random, turn: int) -> bytes:
    """Methods that the NIC does not know, that nobody knows, that are none."""
    draft = rng.choice((plain, full))(rng)
    draft.method = _METHODS[turn % len(_METHODS)]
    if rng.random() < 0.2:
        draft.target = rng.choice((b"*", b"a.test:80", b"http://a.test/"))
    return draft.payload()


_VERSIONS = (
    *(b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/3.0"),
    *(b"HTTP/2", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/1.10", b"HTTP/1.01", b"HTTP/01.1"),
    *(b"HTTP/11.1", b"HTTP/1,1", b"HTTP/1.1.1", b"http/1.1", b"Http/1.1", b"HTTP 1.1", b"HTTP"),
    *(b"HTTPS/1.1", b"XHTTP/1.1", b"HTTP//1.1", b"/1.1", b"", b"ICE/1.0", b"RTSP/1.0", b"SIP/2.0"),
    *(b"HTTP/1.1\0", b"HTTP/1.1;", b"HTTP/1.1 x", b"HTTP/-1.1", b"HTTP/1.+1", b"HTTP/\xb1.1"),
)
_SPACES = (b" ", b"", b"  ", b"\t", b" \t", b"\0", b"\x0b", b"\x0c", b"\r", b"\n", b"\xa0", b"\x85")


def odd_versions(rng: random.Random, turn: int) -> bytes:
    """Versions of all kinds, and what may stand around them and the target."""
    draft = rng.choice((plain, full))(rng)
    if turn % 3:
        draft.version = _VERSIONS[turn // 3 % len(_VERSIONS)]
    else:
        spaces = _SPACES[turn // 3 % len(_SPACES)]
        where = rng.randrange(4)
        if where == 0:
            draft.first_space = spaces
        elif where == 1:
            draft.second_space = spaces
        elif where == 2:
            draft.version += spaces
        else:
            draft.method = spaces + rng.choice(METHODS)
    if rng.random() < 0.1:
        draft.target += b"." + host(rng)
    return draft.payload()
