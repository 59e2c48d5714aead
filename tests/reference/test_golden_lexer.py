"""The golden lexer against hand-written answers; the RTL's tests hold it to a second reading."""

import pytest

from hybridmesh.contract.verdict import Method, Reason
from hybridmesh.reference.lexer import Span, lex, lex_all

GOOD = b"GET /a?b HTTP/1.1\r\nHost: shop.test:80\r\nContent-Length: 12\r\n\r\n"


def head(start="GET / HTTP/1.1", *lines, host="Host: a.test"):
    return "".join(f"{line}\r\n" for line in (start, host, *lines, "") if line is not None).encode(
        "latin-1"
    )


def test_a_plain_head_is_cut_at_the_right_bytes():
    lexed = lex(GOOD + b"GET / HTTP/1.1\n\n")
    assert lexed.reasons == frozenset()
    assert lexed.head_length == len(GOOD)
    assert lexed.method is Method.GET
    assert GOOD[lexed.path.start : lexed.path.end] == b"/a"
    assert GOOD[lexed.host.start : lexed.host.end] == b"shop.test"
    assert GOOD[lexed.length.start : lexed.length.end] == b"12"
    assert [GOOD[s.start : s.end] for s in lexed.lines] == [
        b"Host: shop.test:80",
        b"Content-Length: 12",
    ]
    assert not lexed.http_1_0


def test_without_content_length_there_is_no_length():
    lexed = lex(head("HEAD / HTTP/1.0"))
    assert (lexed.length, lexed.http_1_0, lexed.path) == (None, True, Span(5, 6))


@pytest.mark.parametrize("whole", [GOOD, head("POST / HTTP/1.1", "Transfer-Encoding: chunked")])
def test_a_head_cut_anywhere_is_incomplete_and_nothing_else(whole):
    for end in range(len(whole)):
        assert lex(whole[:end]).reasons == {Reason.INCOMPLETE}, end


NOT_DECIDED = [
    (head("G@T / HTTP/1.1"), Reason.METHOD_BYTE),
    (head("GET\t/ HTTP/1.1"), Reason.METHOD_BYTE),
    (head(" / HTTP/1.1"), Reason.METHOD_BYTE),
    (b"\xef\xbb\xbf" + head("GET / HTTP/1.1"), Reason.METHOD_BYTE),
    (head("FOO / HTTP/1.1"), Reason.METHOD),
    (head("get / HTTP/1.1"), Reason.METHOD),
    (head("GET / HTTP/1.1", "a: b\rc: d"), Reason.LINE_ENDING),
    (b"GET / HTTP/1.1\nHost: a\n\n", Reason.LINE_ENDING),
    (head("GET * HTTP/1.1"), Reason.TARGET_FORM),
    (head("GET http://a.test/ HTTP/1.1"), Reason.TARGET_FORM),
    (head("GET  / HTTP/1.1"), Reason.TARGET_FORM),
    (head("CONNECT a.test:80 HTTP/1.1"), Reason.TARGET_FORM),
    (head("CONNECT / HTTP/1.1"), Reason.TARGET_FORM),
    (head("CONNECT /%41 HTTP/1.1"), Reason.TARGET_FORM),
    (head("GET /a#b HTTP/1.1"), Reason.TARGET_BYTE),
    (head("GET /?a#b HTTP/1.1"), Reason.TARGET_BYTE),
    (head("GET /\xe4 HTTP/1.1"), Reason.TARGET_BYTE),
    (head("GET /%41 HTTP/1.1"), Reason.PATH_ENCODED),
    (head("GET /a\\b HTTP/1.1"), Reason.PATH_ENCODED),
    (head("GET /a//b HTTP/1.1"), Reason.PATH_SEGMENTS),
    (head("GET /a/./b HTTP/1.1"), Reason.PATH_SEGMENTS),
    (head("GET /a/.. HTTP/1.1"), Reason.PATH_SEGMENTS),
    (head("GET /a/..?b HTTP/1.1"), Reason.PATH_SEGMENTS),
    (head("GET /a/..;b HTTP/1.1"), Reason.PATH_SEGMENTS),
    (head("GET / HTTP/2.0"), Reason.VERSION),
    (head("GET / http/1.1"), Reason.VERSION),
    (head("GET /  HTTP/1.1"), Reason.VERSION),
    (head("GET / HTTP/1.1 "), Reason.VERSION),
    (head("GET / HTTP/1.1", "a b: c"), Reason.FIELD_NAME),
    (head("GET / HTTP/1.1", "a : c"), Reason.FIELD_NAME),
    (head("GET / HTTP/1.1", ": c"), Reason.FIELD_NAME),
    (head("GET / HTTP/1.1", "no colon"), Reason.FIELD_NAME),
    (head("GET / HTTP/1.1", "a: b", " folded"), Reason.OBS_FOLD),
    (head("GET / HTTP/1.1", "a: b\x00c"), Reason.FIELD_VALUE),
    (head("GET / HTTP/1.1", "a: b\x7f"), Reason.FIELD_VALUE),
    (head("GET / HTTP/1.1", "a: \xe4"), Reason.OBS_TEXT),
    (head("GET / HTTP/1.1", "a:b"), Reason.ODD_SPACE),
    (head("GET / HTTP/1.1", "a:  b"), Reason.ODD_SPACE),
    (head("GET / HTTP/1.1", "a: b "), Reason.ODD_SPACE),
    (head("GET / HTTP/1.1", "a: "), Reason.ODD_SPACE),
    (head("GET / HTTP/1.1", "a:"), Reason.ODD_SPACE),
    (head(host="Host: a/b"), Reason.HOST),
    (head(host="Host: [::1]"), Reason.HOST),
    (head(host="Host: u@a.test"), Reason.HOST),
    (head(host="Host: a.test."), Reason.HOST),
    (head(host="Host: a.test.:80"), Reason.HOST),
    (head(host="Host: :80"), Reason.HOST),
    (head(host="Host: a:"), Reason.HOST),
    (head(host="Host: a:8x"), Reason.HOST),
    (head(host="Host: a:080"), Reason.HOST),
    (head(host="Host: a:65536"), Reason.HOST),
    (head(host="Host: a:100000"), Reason.HOST),
    (head("GET / HTTP/1.1", "HOST: a.test"), Reason.HOST_REPEATED),
    (head(host=None), Reason.HOST_MISSING),
    (head("GET / HTTP/1.1", "Content-Length: +5"), Reason.LENGTH),
    (head("GET / HTTP/1.1", "Content-Length: 5, 5"), Reason.LENGTH),
    (head("GET / HTTP/1.1", "Content-Length: 1234567890"), Reason.LENGTH),
    (head("POST / HTTP/1.1", "Content-Length: 5", "content-length: 5"), Reason.FRAMING),
    (head("POST / HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"), Reason.FRAMING),
    (head("POST / HTTP/1.1", *["Transfer-Encoding: chunked"] * 2), Reason.FRAMING),
    (head("POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked"), Reason.FRAMING),
    (head("POST / HTTP/1.1", "Transfer-Encoding: chunked, gzip"), Reason.FRAMING),
    (head("POST / HTTP/1.1", "Transfer-Encoding: chunke"), Reason.FRAMING),
    (head("POST / HTTP/1.0", "Transfer-Encoding: chunked"), Reason.FRAMING),
    (head("GET / HTTP/1.1", *["x-n: 1"] * 100), Reason.FIELD_COUNT),
]


@pytest.mark.parametrize(("raw", "reason"), NOT_DECIDED)
def test_what_can_be_read_in_two_ways_is_not_decided(raw, reason):
    assert min(lex(raw).reasons) is reason


@pytest.mark.parametrize("target", ["/a", "/a?b", ""])
def test_the_end_of_a_request_line_without_a_version_is_not_known(target):
    """To HTTP/0.9 it is a whole request, and its end is that of the line (RFC 1945, 4.1)."""
    reasons = lex(f"GET {target}\r\n\r\n".encode() + head()).reasons
    assert not all(reason.framed for reason in reasons)
    assert Reason.VERSION in reasons


FINE = [
    head("GET /.well-known/x..y/...;z HTTP/1.1"),
    head("GET /a-._~!$&'()*+,;=:@ HTTP/1.1"),
    head("GET /?a=%20/../b??c HTTP/1.1"),
    head("DELETE / HTTP/1.1", "a: bb", "te: x"),
    head("GET / HTTP/1.1", "a: b\tc:  d, e"),
    head(host="hOST: A_b-1.test:59999"),
    head("GET / HTTP/1.1", *["x-n: 1"] * 99),
    head("GET / HTTP/1.1", "Content-Length: 123456789"),
]


@pytest.mark.parametrize("raw", FINE)
def test_what_can_be_read_in_one_way_has_no_reason(raw):
    assert lex(raw).reasons == frozenset()


@pytest.mark.parametrize(
    ("line", "chunked"),
    [
        ("transfer-encoding: chunked", True),
        ("Transfer-Encoding: Chunked", True),
        ("TRANSFER-ENCODING: CHUNKED", True),
        ("x-transfer-encoding: chunked", False),
        ("transfer-encodings: chunked", False),
        ("x-a: transfer-encoding: chunked", False),
        ("te: chunked", False),
    ],
)
def test_a_body_is_chunked_where_the_whole_coding_says_so(line, chunked):
    lexed = lex(head("POST / HTTP/1.1", line))
    assert (lexed.chunked, lexed.reasons) == (chunked, frozenset())


TOUCHED = [
    "Keep-Alive: timeout=5",
    "Proxy-Authorization: x",
    "proxy-connection: keep-alive",
    "TE: trailers",
    "Trailer: x",
    "Upgrade: websocket",
    "Expect: 100-continue",
    "X-Forwarded-For: a",
    "x-forwarded-host: a",
    "X-Envoy-Retry-On: 5xx",
    "X-Request-ID: 1",
    "HTTP2-Settings: AAA",
    "Via: 1.1 a",
    "Connection: close",
    "Connection: keep-alive, x",
    "Connection: x, keep-alive",
    "connection: keep-alive2",
    "connection: upgrade",
]
UNTOUCHED = [
    "Connection: keep-alive",
    "CONNECTION: Keep-Alive",
    "x-connection: close",
    "connections: close",
    "tea: 1",
    "x-te: 1",
    "upgrades: 1",
    "x-forwarded: 1",
    "x-request-ids: 1",
    "x-a: via: b",
    "user-agent: te: x",
]


@pytest.mark.parametrize("line", TOUCHED + UNTOUCHED)
def test_a_field_that_a_proxy_must_interpret_is_seen_by_its_whole_name(line):
    assert lex(head("GET / HTTP/1.1", line)).touch is (line in TOUCHED)


def test_one_keep_alive_does_not_excuse_another_connection_line():
    lines = ("Connection: keep-alive", "Connection: close")
    assert lex(head("GET / HTTP/1.1", *lines)).touch
    assert lex(head("GET / HTTP/1.1", *lines[::-1])).touch


@pytest.mark.parametrize(
    ("target", "params"),
    [
        ("/", []),
        ("/a&b=c", []),
        ("/?", [b""]),
        ("/?a", [b"a"]),
        ("/?a=1&b=2", [b"a=1", b"b=2"]),
        ("/?a=1&a=2&", [b"a=1", b"a=2", b""]),
        ("/?&a", [b"", b"a"]),
        ("/?a&&b", [b"a", b"", b"b"]),
        ("/?a?b=/c==%26;+", [b"a?b=/c==%26;+"]),
    ],
)
def test_query_parameters_are_cut_at_ampersands(target, params):
    raw = head(f"GET {target} HTTP/1.1")
    lexed = lex(raw)
    assert [raw[s.start : s.end] for s in lexed.params] == params
    assert lexed.param_starts == tuple(s.start for s in lexed.params)
    assert lexed.reasons == frozenset()


def test_what_the_segments_end_cuts_has_a_start_and_no_end():
    lexed = lex(b"GET /?a=1&b=2")
    assert (lexed.params, lexed.param_starts) == ((Span(6, 9),), (6, 10))
    lexed = lex(b"GET / HTTP/1.1\r\nHost: a\r\nx-b: 1")
    assert (lexed.lines, lexed.line_starts) == ((Span(16, 23),), (16, 25))


def test_heads_lexed_together_know_nothing_of_each_other():
    heads = [GOOD, b"", b"\n\r\n", GOOD[:30], GOOD * 2, b"GET", *FINE, b"GET /", GOOD]
    assert lex_all(heads) == [lex(raw) for raw in heads]
    together = lex_all([b"GET / HTTP/1.1\r\nHost: ", b"a\r\n\r\n"])
    assert [lexed.host for lexed in together] == [None, None]
    assert not any(lexed.head_length for lexed in together)
