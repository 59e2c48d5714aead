"""The golden classifier: a compiled table and raw heads against hand-written verdicts."""

import random
from collections import Counter

import pytest
from routing import linear_host, linear_match, random_head, random_table, route, table

from hybridmesh.compiler import compile_table
from hybridmesh.contract.geometry import OPTION_QUERY, Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import NO_ROW, Flag, Reason, State, Verdict
from hybridmesh.reference.classifier import classify
from hybridmesh.reference.resolver import Resolver

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


def by_hand(width=8, *, query=True, listener=None):
    """An image of two rows: row 0 asks for a parameter 'a', or for *listener*; row 1 takes all."""
    image = TableImage(Geometry(width=width))
    for row in (0, 1):
        image.path.allow_all(row)
        image.word.allow_all(row)
    any_nibble = 0xFFFF
    if listener is None:
        image.word.allow(0, 2, 0b1010101010101010, any_nibble)  # bit 0 of the first nibble
    else:
        image.word.allow(0, 1, any_nibble, 1 << listener)
    image.header.allow(0, 0, 1 << 0x1, 1 << 0xE)  # 'a' is 0x61
    image.header.allow(0, 1, 1 << 0xD | 1 << 0xE, 1 << 0xB)  # '=' is 0x3d, the end 0xbe
    image.options[0] = OPTION_QUERY if query else 0
    return image


@pytest.mark.parametrize(
    ("target", "row"),
    [
        ("/?a", 0),
        ("/?a=", 0),
        ("/?a=1", 0),
        ("/?a=a", 0),
        ("/?long-one=b&a", 0),
        ("/?a&long-one=b", 0),
        ("/", 1),
        ("/?", 1),
        ("/?A", 1),
        ("/?aa", 1),
        ("/?b=a", 1),
        ("/?a-=1", 1),
        ("/?a+=1", 1),
        ("/a", 1),
    ],
)
def test_a_query_parameter_is_a_predicate_too(target, row):
    assert judge(f"GET {target} HTTP/1.1", "a: 1", image=by_hand()).row == row
    assert judge(f"GET {target} HTTP/1.1", image=by_hand(query=False)).row == 1


def test_a_parameter_that_comes_twice_is_repeated_where_it_is_looked_up():
    start = "GET /?a=1&long-one&a HTTP/1.1"
    assert judge(start, image=by_hand()).reason == Reason.REPEATED
    assert judge(start, image=by_hand(query=False)).row == 1
    assert judge("GET /?b&long-one&b HTTP/1.1", image=by_hand()).row == 1


LONG = "x-a: " + "v" * 60
CROWDS = [
    # width, target, lines after Host, crowded where parameters are looked up, where they are not
    (1, "/?&&&a&a", (), False, False),
    (8, "/?a=1&b=2", (), False, False),
    (8, "/?b=1&c=2&d=3", (), True, False),
    (8, "/?b=1&c=2222&d=3", (), False, False),
    (8, "/?b=1&c=222&d=3", (), True, False),
    (8, "/", ("a: 1", "b: 2", "c: 3"), False, False),
    (64, "/?a&b&c", (), False, False),
    (64, "/?a&b&c&d", (), True, False),
    (64, "/", ("a: 1", "b: 2", "c: 3"), False, False),
    (64, "/", ("a: 1", "b: 2", "c: 3", "d: 4"), True, True),
    (64, "/", ("a: 1", "b: 2", LONG, "d: 4"), False, False),
]


@pytest.mark.parametrize(("width", "target", "lines", "with_query", "without"), CROWDS)
def test_more_keys_than_the_engines_can_take_at_a_time_are_crowded(
    width, target, lines, with_query, without
):
    for query, crowded in ((True, with_query), (False, without)):
        verdict = judge(f"GET {target} HTTP/1.1", *lines, image=by_hand(width, query=query))
        assert (verdict.reason == Reason.CROWDED) == crowded


def test_a_row_may_ask_for_its_listener():
    image = by_hand(listener=3)
    rows = [judge("GET / HTTP/1.1", image=image, listener=n).row for n in range(16)]
    assert rows == [1, 1, 1, 0] + [1] * 12
    assert judge("GET /exact HTTP/1.1", listener=3).row == 0  # compiled rows take every listener


@pytest.mark.parametrize("seed", range(4))
def test_random_heads_get_the_route_of_a_linear_matcher_at_any_width(seed):
    rng = random.Random(seed)
    states = Counter()
    for _ in range(6):
        routes = random_table(rng, most=20)
        resolver = Resolver(routes)
        tables = [compile_table(routes, Geometry(width=width)) for width in (1, 8, 64)]
        resolver.add_epoch(1, tables[0])
        for _ in range(20):
            request = random_head(rng)
            index = linear_match(routes, request)
            right = None if index is None else linear_host(routes, request.host).routes[index]
            verdicts = [classify(request.raw, t.image, epoch=1) for t in tables]
            for verdict in verdicts:
                states[verdict.state] += 1
                assert resolver.resolve(request, verdict).route is right
            assert verdicts[0].reason != Reason.CROWDED
            assert len({v for v in verdicts if v.reason != Reason.CROWDED}) == 1
    assert states[State.DECIDED] > 50
    assert states[State.PROVISIONAL] > 10
