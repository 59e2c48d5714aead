"""The golden classifier: a compiled table and raw heads against hand-written verdicts."""

import pytest
from routing import route, table

from hybridmesh.compiler import compile_table
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import NO_ROW, Flag, Reason, State, Verdict
from hybridmesh.reference.classifier import classify

ROUTES = table(
    {
        "shop.test": (
            route("=/exact"),
            route("^/api/", "x-user=beta"),
            route("~/re[0-9]+"),
            route("^/api/", method="=POST"),
        ),
        "*.shop.test": (route("^/"),),
    }
)
IMAGE = compile_table(ROUTES, Geometry()).image


def judge(start, *lines, host="shop.test", body=b"", image=IMAGE, **more):
    raw = "".join(f"{line}\r\n" for line in (start, f"Host: {host}", *lines, "")).encode()
    return classify(raw + body, image, epoch=9, **more)


def test_a_decided_verdict_says_where_everything_is():
    verdict = judge("GET /exact?q HTTP/1.1", body=b"x", seq=77, latency=5)
    assert verdict == Verdict(
        flags=Flag.DECIDED | Flag.MORE_DATA,
        epoch=9,
        row=0,
        method=1,
        seq=77,
        head_length=42,
        path_offset=4,
        path_length=6,
        host_offset=29,
        host_length=9,
        latency=5,
    )


@pytest.mark.parametrize(
    ("start", "lines", "host", "row"),
    [
        ("GET /exact/ HTTP/1.1", (), "shop.test", NO_ROW),
        ("GET /api/x HTTP/1.1", ("X-User: beta",), "shop.test", 1),
        ("GET /api/x HTTP/1.1", ("X-User: beta2",), "shop.test", NO_ROW),
        ("POST /api/x HTTP/1.1", ("X-User: Beta",), "shop.test", 3),
        ("GET /api HTTP/1.1", (), "A.SHOP.test:8080", 4),
        ("GET /api HTTP/1.1", (), "shop.test.other", NO_ROW),
        ("GET /api HTTP/1.1", (), "xshop.test", NO_ROW),
    ],
)
def test_the_first_row_that_matches_wins(start, lines, host, row):
    verdict = judge(start, *lines, host=host)
    assert (verdict.state, verdict.row) == (State.DECIDED, row)


def test_a_superset_row_is_provisional():
    verdict = judge("GET /re7 HTTP/1.1")
    assert (verdict.state, verdict.row) == (State.PROVISIONAL, 2)


@pytest.mark.parametrize(
    ("lines", "flags"),
    [
        ((), 0),
        (("Connection: Keep-Alive",), 0),
        (("Connection: close",), Flag.TOUCH),
        (("Connection: keep-alive, x",), Flag.TOUCH),
        (("X-Forwarded-Host: a",), Flag.TOUCH),
        (("Expect: 100-continue",), Flag.TOUCH),
        (("Transfer-Encoding: Chunked",), Flag.BODY_CHUNKED),
        (("content-length: 007",), Flag.BODY_LENGTH),
    ],
)
def test_touch_and_body_flags(lines, flags):
    verdict = judge("GET /exact HTTP/1.1", *lines)
    assert verdict.flags == Flag.DECIDED | flags
    assert verdict.body_length == (7 if flags == Flag.BODY_LENGTH else 0)


def test_http_1_0_is_for_a_proxy_to_interpret():
    assert judge("GET /exact HTTP/1.0").flags == Flag.DECIDED | Flag.TOUCH


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("Content-Length: 5", "Content-Length: 5"), Reason.FRAMING),
        (("Content-Length: 5", "Transfer-Encoding: chunked"), Reason.FRAMING),
        (("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), Reason.FRAMING),
        (("Transfer-Encoding: gzip, chunked",), Reason.FRAMING),
        (("X-User: beta", "x-user: beta"), Reason.REPEATED),
        (("X-User: a", "x-user: beta"), Reason.REPEATED),
    ],
)
def test_fields_that_must_not_come_twice_or_together(lines, reason):
    verdict = judge("GET /api/ HTTP/1.1", *lines, seq=3)
    assert verdict == Verdict(flags=reason.state.value, epoch=9, reason=reason, seq=3, row=NO_ROW)


def test_a_coding_in_http_1_0_is_not_decided():
    verdict = judge("POST /api/ HTTP/1.0", "Transfer-Encoding: chunked")
    assert verdict.reason == Reason.FRAMING


def test_no_shim_where_no_request_can_begin():
    assert classify(b"", IMAGE, epoch=1) is None
    assert classify(b"\r\nGET / HTTP/1.1\r\n", IMAGE, epoch=1) is None


def test_no_table_no_verdict():
    for more in ({"enable": False}, {"image": None}):
        assert judge("GET /exact HTTP/1.1", **more).reason == Reason.TABLE_OFF
