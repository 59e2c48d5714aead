"""Request heads for the lexer's tests: good ones, one for every rule, and mutations of them."""

import random

__all__ = ["BROKEN", "GOOD", "corpus", "crowded"]

_END = b"\r\n\r\n"


def _with(line: bytes) -> bytes:
    """A good head with one more field line."""
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + line + _END


_TOUCHING = (
    *(b"keep-alive:", b"Proxy-Connection:", b"TE:", b"trailer:", b"Upgrade:", b"expect:"),
    *(b"X-Forwarded-For:", b"x-envoy-a:", b"x-request-id:", b"HTTP2-Settings:", b"via:"),
)

GOOD = (
    b"GET / HTTP/1.1\r\nHost: a" + _END,
    b"GET /index.html?q=1&r=?%20 HTTP/1.0\r\nHost: www.example.com:8080\r\nAccept: */*" + _END,
    b"POST /a/b;c=1/.d HTTP/1.1\r\ncontent-length: 123456789\r\nHOST: x-y_z.test" + _END + b"body",
    b"OPTIONS /o HTTP/1.1\r\nhost: h\r\nCONTENT-length: 0\r\nx: y:z" + _END + b"GET / HTTP/1.1\r\n",
    b"DELETE /d HTTP/1.1\r\nHost: h:65\r\nxcontent-length: 1x\r\nxhost: ?!\r\na: \x21" + _END,
    b"HEAD /h HTTP/1.1\r\nHost: h" + _END,
    b"PUT /p HTTP/1.1\r\nHost: h" + _END,
    b"PATCH /p HTTP/1.1\r\nHost: h" + _END,
    b"TRACE /t HTTP/1.1\r\nHost: h" + _END,
    b"CONNECT /c HTTP/1.1\r\nHost: h" + _END,
    b"PURGE /c HTTP/1.1\r\nHost: h" + _END,
    b"GETS /c HTTP/1.1\r\n\r\n",
    _with(b"cookie: a=b; c=d\tE\r\nuser-agent: Mozilla/5.0 (X11; Linux)"),
    b"GET /?&a&&b=c&=&?=? HTTP/1.1\r\nHost: h" + _END,
    b"GET /? HTTP/1.1\r\nHost: h" + _END,
    _with(b"transfer-encoding: chunked"),
    _with(b"a: b\r\nTransfer-Encoding: CHUNKED\r\nb: chunked\r\nc: keep-alive\r\nd: e"),
    _with(b"transfer-encoding: gzip, chunked\r\nTransfer-Encoding: chunked;a"),
    _with(b"transfer-encoding: x: chunked\r\nconnection: x: keep-alive"),
    _with(b"connection: keep-alive\r\nCONNECTION: Keep-Alive\r\nconnection: close"),
    _with(b"connection: te\r\nxconnection: close\r\nconnectionx: close"),
    *(_with(name + b" 1") for name in _TOUCHING),
    *(_with(b"x" + name + b" 1\r\n" + name[:-1] + b"_x: 1") for name in _TOUCHING),
)

BROKEN = {
    "method": b"G(T / HTTP/1.1" + _END,
    "no-token": b"\r\nGET / HTTP/1.1" + _END,
    "bare-lf": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare-cr": _with(b"a: b\rc"),
    "target-form": b"GET http://a/ HTTP/1.1" + _END,
    "asterisk": b"OPTIONS * HTTP/1.1" + _END,
    "no-target": b"GET  HTTP/1.1" + _END,
    "target-byte": b"GET /\x80[ HTTP/1.1" + _END,
    "query-byte": b"GET /?\\\x00 HTTP/1.1" + _END,
    "path-encoded": b"GET /%20 HTTP/1.1" + _END,
    "path-backslash": b"GET /a\\b HTTP/1.1" + _END,
    "path-empty-segment": b"GET /a//b HTTP/1.1" + _END,
    "path-dot": b"GET /./b HTTP/1.1" + _END,
    "path-dot-dot": b"GET /a/..?x HTTP/1.1" + _END,
    "version-space": b"GET / HTTP/1.1 " + _END,
    "version": b"GET / HTTP/2.0" + _END,
    "field-name": _with(b"a(: b"),
    "field-name-space": _with(b"a : b"),
    "field-name-empty": _with(b": b"),
    "field-without-colon": _with(b"abc"),
    "obs-fold": _with(b"abc: d\r\n e"),
    "field-value": _with(b"abc: d\x01"),
    "obs-text": _with(b"abc: \xe4"),
    "odd-space-none": _with(b"abc:d"),
    "odd-space-two": _with(b"abc:  d"),
    "odd-space-empty": _with(b"abc: "),
    "odd-space-end": _with(b"abc: d\t"),
    "short-line": _with(b"a:xy"),
    "host": _with(b"host: a/b"),
    "host-empty": _with(b"host: :80"),
    "host-dot": _with(b"host: a.:80"),
    "port": _with(b"host: a:8x"),
    "port-zero": _with(b"host: a:080"),
    "port-empty": _with(b"host: a:"),
    "port-large": _with(b"host: a:67890"),
    "port-long": _with(b"host: a:123456"),
    "length": _with(b"content-length: 1a"),
    "length-long": _with(b"content-length: 1234567890"),
    "empty-line-in-value": b"GET / HTTP/1.1\r\na: b\n\r\nHost: c" + _END,
    "nothing-but-line-ends": b"\n\r\n\r\n\r\n",
    "incomplete": b"GET / HTTP/1.1\r\nHost: exa",
}

_PIECES = (
    *(bytes([byte]) for byte in b"\n\r \t:/?;%0\0\xff"),
    *(b"\r\n", _END, b"..", b"GET ", b" HTTP/1.1", b" HTTP/1.0\r\n"),
    *(b"\r\nHost: ", b"\r\ncontent-length: ", b"\r\nconnection: ", b"keep-alive", b"\r\nTe:"),
    *(b"\r\ntransfer-encoding: ", b"chunked", b"?a&b=c&", b"\r\na: b"),
)


def _mutated(head: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(head) + 1)
        gone = rng.choice([0, 0, 1, 3])
        piece = rng.choice([*_PIECES, rng.randbytes(1), b""])
        head = head[:at] + piece + head[at + gone :]
    return head or b"\n"


def corpus(rng: random.Random, mutations: int) -> list[bytes]:
    """All heads of this module, *mutations* of them, and some noise, in random order."""
    heads = [*GOOD, *BROKEN.values()]
    whole = [*heads, *(_mutated(rng.choice(heads), rng) for _ in range(mutations))]
    whole += [rng.randbytes(rng.randint(1, 60)) for _ in range(5)]
    whole += [b"".join(rng.choices(_PIECES, k=rng.randint(1, 20))) for _ in range(mutations // 4)]
    rng.shuffle(whole)
    return whole


_SHORT = (
    *(b"a: b", b"c: d", b"ef: g", b"h: i:", b"te: 1", b"via: j", b"connection: k"),
    *(b"Connection: keep-alive", b"x-envoy-: l", b"proxy-: m", b"transfer-encoding: chunked"),
    *(b"content-length: 7", b"content-length: 123", b"TE_: n", b"host:o", b"keep-alive: p"),
)


def crowded(rng: random.Random) -> bytes:
    """A head that says much in few bytes, most often one that breaks no rule."""
    names = rng.choices((b"", b"q", b"r=", b"=s", b"t=u"), k=rng.randrange(6))
    query = b"?" * bool(names) + b"&".join(names)
    lines = [b"host: " + rng.choice((b"a", b"b:1", b"a.b")), *rng.choices(_SHORT, k=6)]
    rng.shuffle(lines)
    path = rng.choice((b"/", b"/v"))
    head = b"GET " + path + query + b" HTTP/1.1\r\n" + b"\r\n".join(lines) + _END
    return head + b"ab"[: rng.randrange(3)]
