"""Request heads: what :func:`parse` reads from them, and which it refuses with what status.

The referee is Envoy 1.40.0, set up as an Istio gateway with HTTP/1.0 accepted: every row was sent
to it.  The last column of ``REFUSED`` is its answer, where 200 stands for "passed on"; it differs
from ours only where the grammar or security of RFC 9110 and 9112 asks for more than Envoy does.
"""

import random
from typing import Any

import pytest

from hybridmesh.contract.grammar import MAX_FIELDS
from hybridmesh.reference.head import JOINED, MAX_HEAD, HeadError, find_end, parse

GET = "GET /a HTTP/1.1"
POST = "POST /a HTTP/1.1"
HOST = "Host: a.test"


def head(line: str, *fields: str) -> bytes:
    return "".join(part + "\r\n" for part in (line, *fields, "")).encode("latin-1")


# ---------------------------------------------------------------------------------- accepted
ACCEPTED: dict[str, tuple[bytes, dict[str, Any]]] = {
    "origin-form": (
        head("GET /a/b?c=d HTTP/1.1", HOST),
        {
            "method": "GET",
            "target": "/a/b?c=d",
            "minor": 1,
            "scheme": "http",
            "authority": "a.test",
            "host": "a.test",
            "path": "/a/b",
            "query": "c=d",
            "origin_form": "/a/b?c=d",
            "fields": (("host", "a.test"),),
            "content_length": None,
            "chunked": False,
            "keep_alive": True,
            "expect_continue": False,
            "upgrade": None,
        },
    ),
    "no query": (head("GET /a HTTP/1.1", HOST), {"query": None, "origin_form": "/a"}),
    "empty query": (head("GET /a? HTTP/1.1", HOST), {"query": "", "origin_form": "/a?"}),
    "question mark in the query": (head("GET /a?b?c HTTP/1.1", HOST), {"query": "b?c"}),
    "the query stays as it is": (
        head("GET /a?%2e%2E/../%zz\\<|> HTTP/1.1", HOST),
        {"query": "%2e%2E/../%zz\\<|>", "path": "/a"},
    ),
    "the path is normalised": (
        head("GET /x/../%61/./b?q HTTP/1.1", HOST),
        {"target": "/x/../%61/./b?q", "path": "/a/b", "origin_form": "/a/b?q"},
    ),
    "fragment": (head("GET /a#b?c HTTP/1.1", HOST), {"path": "/a", "query": None}),
    "fragment after the query": (head("GET /a?b#c?d HTTP/1.1", HOST), {"query": "b"}),
    "names in lower case, values without white space around them": (
        head(GET, HOST, "X-A:\t 1 2\t 3 \t", "X_b:v", "X-C:", "X-D: \xe9", "X-E: a: b"),
        {
            "fields": (
                ("host", "a.test"),
                ("x-a", "1 2\t 3"),
                ("x_b", "v"),
                ("x-c", ""),
                ("x-d", "\xe9"),
                ("x-e", "a: b"),
            )
        },
    ),
    "every token character in a name": (
        head(GET, HOST, "!#$%&'*+-.^_`|~09azAZ: v"),
        {"fields": (("host", "a.test"), ("!#$%&'*+-.^_`|~09azaz", "v"))},
    ),
    "empty lines first": (b"\r\n\r\n" + head(GET, HOST), {"raw": head(GET, HOST), "path": "/a"}),
    # Host
    "host in upper case": (
        head(GET, "Host: A.TEST:8080"),
        {"authority": "A.TEST:8080", "host": "a.test"},
    ),
    "port out of range": (head(GET, "Host: a.test:99999"), {"host": "a.test"}),
    "empty port": (head(GET, "Host: a.test:"), {"host": "a.test"}),
    "empty host": (head(GET, "Host:"), {"authority": "", "host": ""}),
    "trailing dot": (head(GET, "Host: a.test."), {"host": "a.test."}),
    "IPv6 host": (head(GET, "Host: [::1]:80"), {"host": "[::1]"}),
    "underscore in the host": (head(GET, "Host: a_b"), {"host": "a_b"}),
    # absolute-form
    "absolute-form": (
        head("GET http://B.test:81/p?q HTTP/1.1", HOST),
        {"authority": "B.test:81", "host": "b.test", "path": "/p", "query": "q", "scheme": "http"},
    ),
    "absolute-form, scheme in upper case": (
        head("GET HTTP://a.test/x/../p HTTP/1.1", HOST),
        {"path": "/p", "scheme": "http"},
    ),
    "absolute-form without Host": (head("GET http://a.test/p HTTP/1.1"), {"host": "a.test"}),
    "absolute-form without path": (head("GET http://a.test HTTP/1.1", HOST), {"path": "/"}),
    "absolute-form with fragment": (head("GET http://a.test/p#f HTTP/1.1", HOST), {"path": "/p"}),
    "absolute-form, IPv6": (head("GET http://[::1]:80/p HTTP/1.1", HOST), {"host": "[::1]"}),
    "absolute-form, port with zeros": (
        head("GET http://a.test:00000080/p HTTP/1.1", HOST),
        {"host": "a.test"},
    ),
    # body
    "length": (head(POST, HOST, "Content-Length: 3"), {"content_length": 3, "chunked": False}),
    "length with zeros": (head(POST, HOST, "Content-Length: 003"), {"content_length": 3}),
    "length of zero": (head(POST, HOST, "Content-Length: 0"), {"content_length": 0}),
    "longest length": (
        head(POST, HOST, "Content-Length: 18446744073709551615"),
        {"content_length": 2**64 - 1},
    ),
    "chunked": (
        head(POST, HOST, "Transfer-Encoding: ChUnked"),
        {"content_length": None, "chunked": True},
    ),
    # connection
    "close": (head(GET, HOST, "Connection: x-a, Close"), {"keep_alive": False}),
    "close in a second line": (
        head(GET, HOST, "Connection: keep-alive", "Connection: close"),
        {"keep_alive": False},
    ),
    "HTTP/1.0": (head("GET /a HTTP/1.0", HOST), {"minor": 0, "keep_alive": False}),
    "HTTP/1.0 keep-alive": (
        head("GET /a HTTP/1.0", HOST, "Connection: Keep-Alive"),
        {"minor": 0, "keep_alive": True},
    ),
    "nine connection options": (head(GET, HOST, "Connection: a,b,c,d,e,f,g,h,i,,"), {}),
    "expect": (
        head(POST, HOST, "Expect: 100-Continue", "Content-Length: 3"),
        {"expect_continue": True},
    ),
    "some other expectation": (head(POST, HOST, "Expect: foo"), {"expect_continue": False}),
    "expect in HTTP/1.0": (
        head("POST /a HTTP/1.0", HOST, "Expect: 100-continue"),
        {"expect_continue": False},
    ),
    "upgrade": (
        head(GET, HOST, "Connection: keep-alive, Upgrade", "Upgrade: WebSocket"),
        {"upgrade": "websocket", "keep_alive": True},
    ),
    "upgrade without Connection": (head(GET, HOST, "Upgrade: foo"), {"upgrade": None}),
    "upgrade that Connection does not name": (
        head(GET, HOST, "Upgrade: foo", "Connection: keep-alive"),
        {"upgrade": None},
    ),
    "upgrade in HTTP/1.0": (
        head("GET /a HTTP/1.0", HOST, "Connection: Upgrade", "Upgrade: websocket"),
        {"upgrade": None},
    ),
}


@pytest.mark.parametrize(("raw", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_head_is_read_as_envoy_reads_it(raw: bytes, expected: dict[str, Any]) -> None:
    parsed = parse(raw)
    assert {name: getattr(parsed, name) for name in expected} == expected


@pytest.mark.parametrize("method", ["MSEARCH", "PROPFIND", "UNSUBSCRIBE", "OPTIONS"])
def test_a_method_that_envoy_knows_is_accepted(method: str) -> None:
    assert parse(head(f"{method} /a HTTP/1.1", HOST)).method == method


# ---------------------------------------------------------------------------------- refused
REFUSED: dict[str, tuple[bytes, int, int]] = {
    # line endings (RFC 9112, 2.2)
    "bare LF everywhere": (b"GET /a HTTP/1.1\nHost: a.test\n\n", 400, 200),
    "bare LF after the request line": (b"GET /a HTTP/1.1\nHost: a.test\r\n\r\n", 400, 200),
    "bare LF after a field": (b"GET /a HTTP/1.1\r\nHost: a.test\nX: 1\r\n\r\n", 400, 200),
    "bare LF at the end": (b"GET /a HTTP/1.1\r\nHost: a.test\r\n\n", 400, 200),
    "bare LF first": (b"\n" + head(GET, HOST), 400, 200),
    "bare CR first": (b"\r" + head(GET, HOST), 400, 200),
    "bare CR in the request line": (head("GET /a\r HTTP/1.1", HOST), 400, 200),
    "bare CR in a value": (head(GET, HOST, "X: 1\r2"), 400, 200),
    "bare CR after a value": (head(GET, HOST, "X: 1\r"), 400, 200),
    # request line (RFC 9112, 3)
    "two spaces before the target": (head("GET  /a HTTP/1.1", HOST), 400, 200),
    "two spaces after the target": (head("GET /a  HTTP/1.1", HOST), 400, 200),
    "tab before the target": (head("GET\t/a HTTP/1.1", HOST), 400, 200),
    "tab after the target": (head("GET /a\tHTTP/1.1", HOST), 400, 200),
    "space after the version": (head("GET /a HTTP/1.1 ", HOST), 400, 200),
    "space before the method": (head(" GET /a HTTP/1.1", HOST), 400, 400),
    "space in the target": (head("GET /a b HTTP/1.1", HOST), 400, 400),
    "no version": (head("GET /a", HOST), 400, 400),
    "no method": (head("/a HTTP/1.1", HOST), 400, 400),
    "lower-case method": (head("get /a HTTP/1.1", HOST), 400, 400),
    "unknown method": (head("FOO /a HTTP/1.1", HOST), 400, 400),
    "M-SEARCH": (head("M-SEARCH /a HTTP/1.1", HOST), 400, 400),
    "method that is no token": (head("G@T /a HTTP/1.1", HOST), 400, 400),
    "lower-case version": (head("GET /a http/1.1", HOST), 400, 400),
    "two-digit major version": (head("GET /a HTTP/11.1", HOST), 400, 400),
    "three-digit version": (head("GET /a HTTP/1.01", HOST), 400, 400),
    "version without minor": (head("GET /a HTTP/1", HOST), 400, 400),
    "other protocol": (head("GET /a HTTPS/1.1", HOST), 400, 400),
    "HTTP/0.9": (head("GET /a HTTP/0.9", HOST), 505, 200),
    "HTTP/1.2": (head("GET /a HTTP/1.2", HOST), 505, 200),
    "HTTP/2.0": (head("GET /a HTTP/2.0", HOST), 505, 200),
    # target (RFC 9112, 3.2)
    "target without a slash": (head("GET a HTTP/1.1", HOST), 400, 400),
    "target is a query": (head("GET ?a HTTP/1.1", HOST), 400, 400),
    "target is a fragment": (head("GET #a HTTP/1.1", HOST), 400, 400),
    "target starts with a backslash": (head("GET \\a HTTP/1.1", HOST), 400, 400),
    "control byte in the target": (head("GET /a\x01 HTTP/1.1", HOST), 400, 400),
    "NUL in the target": (head("GET /a\x00 HTTP/1.1", HOST), 400, 400),
    "DEL in the target": (head("GET /a\x7f HTTP/1.1", HOST), 400, 400),
    "byte above 0x7f in the path": (head("GET /\xe9 HTTP/1.1", HOST), 400, 400),
    "byte above 0x7f in the query": (head("GET /?\xe9 HTTP/1.1", HOST), 400, 400),
    "%00 in the path": (head("GET /a%00 HTTP/1.1", HOST), 400, 400),
    "hidden dot segment": (head("GET /a/%2e%2e;/b HTTP/1.1", HOST), 400, 200),
    "authority-form without CONNECT": (head("GET a.test:80 HTTP/1.1", HOST), 400, 400),
    "asterisk-form without OPTIONS": (head("GET * HTTP/1.1", HOST), 400, 400),
    "asterisk-form": (head("OPTIONS * HTTP/1.1", HOST), 404, 404),
    "CONNECT": (head("CONNECT a.test:80 HTTP/1.1", HOST), 404, 404),
    "CONNECT to IPv6": (head("CONNECT [::1]:80 HTTP/1.1", HOST), 404, 404),
    "CONNECT without a port": (head("CONNECT a.test HTTP/1.1", HOST), 400, 400),
    "CONNECT without a host": (head("CONNECT :80 HTTP/1.1", HOST), 400, 400),
    "CONNECT with userinfo": (head("CONNECT u@a.test:80 HTTP/1.1", HOST), 400, 400),
    "CONNECT to a path": (head("CONNECT /a HTTP/1.1", HOST), 400, 400),
    "CONNECT to a URL": (head("CONNECT http://a.test HTTP/1.1", HOST), 400, 400),
    "https": (head("GET https://a.test/ HTTP/1.1", HOST), 403, 403),
    "other scheme": (head("GET ftp://a.test/ HTTP/1.1", HOST), 400, 400),
    "absolute-form with one slash": (head("GET http:/a.test/ HTTP/1.1", HOST), 400, 400),
    "absolute-form without host": (head("GET http:///p HTTP/1.1", HOST), 400, 400),
    "absolute-form, port alone": (head("GET http://:80/p HTTP/1.1", HOST), 400, 400),
    "absolute-form, empty port": (head("GET http://a.test:/p HTTP/1.1", HOST), 400, 400),
    "absolute-form, port too big": (head("GET http://a.test:65536/p HTTP/1.1", HOST), 400, 400),
    "absolute-form, long port": (head("GET http://a.test:1000080/p HTTP/1.1", HOST), 400, 400),
    "absolute-form, endless port": (head(f"GET http://a:{'9' * 5000}/ HTTP/1.1", HOST), 400, 400),
    "absolute-form, port of letters": (head("GET http://a.test:x/p HTTP/1.1", HOST), 400, 400),
    "absolute-form, encoded host": (head("GET http://a%2etest/p HTTP/1.1", HOST), 400, 400),
    "absolute-form, open bracket": (head("GET http://[::1/p HTTP/1.1", HOST), 400, 400),
    "absolute-form, no address": (head("GET http://[:1]/p HTTP/1.1", HOST), 400, 400),
    "absolute-form, fragment without path": (head("GET http://a.test#f HTTP/1.1", HOST), 400, 400),
    "absolute-form, backslash": (head("GET http://a.test\\p HTTP/1.1", HOST), 400, 400),
    "absolute-form with userinfo": (head("GET http://u:p@a.test/p HTTP/1.1", HOST), 400, 200),
    "absolute-form without path, with query": (head("GET http://a.test?q HTTP/1.1"), 404, 404),
    # fields (RFC 9112, 5)
    "space before the colon": (head(GET, HOST, "X : 1"), 400, 400),
    "tab before the colon": (head(GET, HOST, "X\t: 1"), 400, 400),
    "no colon": (head(GET, HOST, "X"), 400, 400),
    "no name": (head(GET, HOST, ": 1"), 400, 400),
    "space in a name": (head(GET, HOST, "X A: 1"), 400, 400),
    "NUL in a name": (head(GET, HOST, "X\x00: 1"), 400, 400),
    "byte above 0x7f in a name": (head(GET, HOST, "X\xe9: 1"), 400, 400),
    "folded line, space": (head(GET, HOST, "X: 1", " 2"), 400, 200),
    "folded line, tab": (head(GET, HOST, "X: 1", "\t2"), 400, 200),
    "folded first line": (head(GET, " X: 1", HOST), 400, 400),
    "NUL in a value": (head(GET, HOST, "X: 1\x002"), 400, 400),
    "control byte in a value": (head(GET, HOST, "X: 1\x0b2"), 400, 400),
    "DEL in a value": (head(GET, HOST, "X: 1\x7f2"), 400, 400),
    # Host (RFC 9112, 3.2)
    "no Host": (head(GET), 400, 400),
    "no Host in HTTP/1.0": (head("GET /a HTTP/1.0"), 400, 400),
    "two Hosts": (head(GET, HOST, "Host: b.test"), 400, 404),
    "two equal Hosts": (head(GET, HOST, HOST), 400, 404),
    "space in the host": (head(GET, "Host: a.test, a.test"), 400, 400),
    "slash in the host": (head(GET, "Host: a.test/b"), 400, 400),
    "URL as host": (head(GET, "Host: http://a.test"), 400, 400),
    "userinfo in the host": (head(GET, "Host: u@a.test"), 400, 404),
    "port of letters": (head(GET, "Host: a.test:8x"), 400, 200),
    "negative port": (head(GET, "Host: a.test:-1"), 400, 200),
    "two ports": (head(GET, "Host: a.test:80:80"), 400, 404),
    "brackets without an address": (head(GET, "Host: [:1]"), 400, 404),
    "IPv6 without brackets": (head(GET, "Host: ::1"), 400, 404),
    # framing of the body (RFC 9112, 6)
    "two lengths": (head(POST, HOST, "Content-Length: 3", "Content-Length: 4"), 400, 400),
    "two equal lengths": (head(POST, HOST, "Content-Length: 3", "Content-Length: 3"), 400, 400),
    "list of lengths": (head(POST, HOST, "Content-Length: 3, 3"), 400, 400),
    "length with a sign": (head(POST, HOST, "Content-Length: +3"), 400, 400),
    "negative length": (head(POST, HOST, "Content-Length: -3"), 400, 400),
    "hexadecimal length": (head(POST, HOST, "Content-Length: 0x3"), 400, 400),
    "fractional length": (head(POST, HOST, "Content-Length: 3.0"), 400, 400),
    "empty length": (head(POST, HOST, "Content-Length:"), 400, 400),
    "length of 2**64": (head(POST, HOST, "Content-Length: 18446744073709551616"), 400, 400),
    "length of 5000 digits": (head(POST, HOST, "Content-Length: " + "9" * 5000), 400, 400),
    "length and coding": (
        head(POST, HOST, "Content-Length: 3", "Transfer-Encoding: chunked"),
        400,
        400,
    ),
    "coding and length": (
        head(POST, HOST, "Transfer-Encoding: identity", "Content-Length: 3"),
        400,
        400,
    ),
    "chunked in HTTP/1.0": (
        head("POST /a HTTP/1.0", HOST, "Transfer-Encoding: chunked"),
        400,
        200,
    ),
    "gzip, chunked": (head(POST, HOST, "Transfer-Encoding: gzip, chunked"), 501, 501),
    "chunked, chunked": (head(POST, HOST, "Transfer-Encoding: chunked, chunked"), 501, 501),
    "chunked twice": (
        head(POST, HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        501,
        501,
    ),
    "identity": (head(POST, HOST, "Transfer-Encoding: identity"), 501, 501),
    "chunked with a parameter": (head(POST, HOST, "Transfer-Encoding: chunked;q=1"), 501, 501),
    "empty coding": (head(POST, HOST, "Transfer-Encoding:"), 501, 501),
    "coding after a vertical tab": (head(POST, HOST, "Transfer-Encoding: \x0bchunked"), 400, 400),
    # connection options (RFC 9110, 7.6.1)
    "Connection names Host": (head(GET, HOST, "Connection: Host"), 400, 400),
    "Connection names X-Forwarded-For": (head(GET, HOST, "Connection: X-Forwarded-For"), 400, 400),
    "Connection names a pseudo-field": (head(GET, HOST, "Connection: :path"), 400, 400),
    "Connection names the length": (
        head(POST, HOST, "Connection: content-length", "Content-Length: 3"),
        400,
        200,
    ),
    "Connection names the coding": (
        head(POST, HOST, "Connection: close, transfer-encoding", "Transfer-Encoding: chunked"),
        400,
        200,
    ),
    "ten connection options": (head(GET, HOST, "Connection: a,b,c,d,e,f,g,h,i,j"), 400, 400),
}


@pytest.mark.parametrize(("raw", "status"), [(r, s) for r, s, _ in REFUSED.values()], ids=REFUSED)
def test_a_head_that_can_be_read_in_two_ways_is_refused(raw: bytes, status: int) -> None:
    with pytest.raises(HeadError) as caught:
        parse(raw)
    assert caught.value.status == status
    assert caught.value.detail


def passes(line: bytes) -> bool:
    try:
        parse(head(GET, HOST, line.decode("latin-1")))
    except HeadError:
        return False
    return True


def test_only_token_characters_pass_in_a_name() -> None:
    tokens = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert bytes(b for b in range(256) if b != 0x3A and passes(b"X%cX: 1" % b)) == bytes(
        sorted(tokens)
    )


def test_only_visible_bytes_and_white_space_pass_in_a_value() -> None:
    visible = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
    assert bytes(b for b in range(256) if passes(b"X: 1%c2" % b)) == visible


# ---------------------------------------------------------------------------------- sizes
def test_a_head_of_60_kib_passes_and_one_byte_more_is_431() -> None:
    room = 61440 - len(head(GET, HOST, "X: "))
    assert MAX_HEAD == 61440
    assert len(parse(head(GET, HOST, "X: " + "v" * room)).raw) == 61440
    with pytest.raises(HeadError) as caught:
        parse(head(GET, HOST, "X: " + "v" * (room + 1)))
    assert caught.value.status == 431


def test_a_hundred_fields_pass_and_one_more_is_431() -> None:
    assert MAX_FIELDS == 100
    assert len(parse(head(GET, HOST, *["X: 1"] * 99)).fields) == 100
    with pytest.raises(HeadError) as caught:
        parse(head(GET, HOST, *["X: 1"] * 100))
    assert caught.value.status == 431


# ---------------------------------------------------------------------------------- repeated fields
def test_repeated_lines_are_compared_one_by_one_unless_envoy_joins_them() -> None:
    parsed = parse(head(GET, HOST, "X-A: 1", "Accept: 3", "x-a: 2", "accept: 4"))
    assert parsed.values("x-a") == ["1", "2"]
    assert parsed.value("x-a") == "1,2"
    assert parsed.match_values("x-a") == ["1", "2"]
    assert parsed.match_values("accept") == ["3,4"]
    assert parsed.match_values("host") == ["a.test"]


def test_a_missing_field_has_no_value() -> None:
    parsed = parse(head(GET, HOST, "X-Empty:"))
    assert parsed.values("x-a") == []
    assert parsed.value("x-a") is None
    assert parsed.match_values("accept") == []
    assert parsed.value("x-empty") == ""


def test_cookie_and_accept_language_are_not_joined() -> None:
    assert not JOINED & {"cookie", "accept-language", "x-request-id", "range"}
    assert {"authorization", "user-agent", "content-type", "x-forwarded-for"} <= JOINED


# ---------------------------------------------------------------------------------- find_end
def test_the_end_is_found_only_when_the_last_byte_is_there() -> None:
    raw = head(GET, HOST)
    for length in range(len(raw)):
        assert find_end(raw[:length]) == -1
    assert find_end(raw) == len(raw)
    assert find_end(bytearray(raw + b"GET")) == len(raw)


def test_the_end_is_counted_from_the_start_of_the_data() -> None:
    first, second = head(GET, HOST), head(POST, HOST)
    assert find_end(first + second, len(first)) == len(first) + len(second)


def test_empty_lines_before_the_head_do_not_end_it() -> None:
    assert find_end(b"\r\n\r\n") == -1
    assert find_end(b"\r\n\r\n" + head(GET, HOST)) == 4 + len(head(GET, HOST))


def test_a_head_in_pieces_ends_where_the_whole_one_does() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        data = bytes(rng.choices(b"\r\nab", k=rng.randrange(1, 24)))
        searched = 0
        while searched < len(data):
            there = rng.randint(searched + 1, len(data))
            end = find_end(data[:there])
            assert find_end(data[:there], 0, searched) == end, (data, searched, there)
            if end >= 0:
                break
            searched = there


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\n\n", b"GET / HTTP/1.1\nA: b\n\r\n", b"\n\n"])
def test_a_head_of_bare_line_feeds_ends_and_is_refused(data: bytes) -> None:
    assert find_end(data + b"x") == len(data)
    with pytest.raises(HeadError) as caught:
        parse(data)
    assert caught.value.status == 400
