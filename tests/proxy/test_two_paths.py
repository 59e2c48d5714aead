"""Unparsed or parsed: the pod must get the same request, and the client the same answer."""

import re

import pytest
from playbook import (
    Playbook,
    cluster,
    connect,
    connected,
    decided,
    from_client,
    from_pod,
    mesh,
    request,
    route,
    to_pod,
)

from hybridmesh.contract.verdict import Flag, Reason, Verdict

ROUTES = [route("/api", {"api": 1}, timeout=1.0), route("/", {"rest": 1})]
CLUSTERS = [cluster("api"), cluster("rest")]

HEADS = {
    "short": b"GET /api/x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "browser": (
        b"GET /api/products/17?page=2&sort=price HTTP/1.1\r\nHost: shop.example.com:8080\r\n"
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,*/*;q=0.8\r\n"
        b"Accept-Encoding: gzip, br\r\nCookie: a=b; c=d\r\nCookie: e=f\r\n"
        b"Connection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\n\r\n"
    ),
    "odd case": b"GET /api HTTP/1.1\r\nhOST: a\r\ncOnNeCtIoN: Keep-Alive\r\nX-A: B\r\n\r\n",
    "head": b"HEAD /api HTTP/1.1\r\nHost: a\r\n\r\n",
    "post": b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    "post of nothing": b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "post without length": b"POST /api HTTP/1.1\r\nHost: a\r\n\r\n",
    "patch without length": b"PATCH /api HTTP/1.1\r\nHost: a\r\n\r\n",
    "other without length": b"PROPFIND /api HTTP/1.1\r\nHost: a\r\n\r\n",
    "delete": b"DELETE /api HTTP/1.1\r\nHost: a\r\n\r\n",
    "options": b"OPTIONS /api HTTP/1.1\r\nHost: a\r\n\r\n",
    "chunked": b"PUT /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
}
BODIES = {"post": b"hello", "chunked": b"5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n"}


def undecided() -> Verdict:
    return Verdict(flags=int(Flag.UNDECIDED), epoch=1, reason=Reason.PATH_ENCODED)


def verdicts_of(head: bytes) -> dict[str, Verdict | None]:
    """Every kind of verdict that a head may come with."""
    good = decided(head)
    return {
        "none": None,
        "touch": decided(head, touch=True),
        "stale epoch": decided(head, epoch=7),
        "undecided": undecided(),
        "malformed": Verdict(flags=int(Flag.MALFORMED), epoch=1, reason=Reason.FRAMING),
        "provisional": good._replace(flags=good.flags & ~Flag.DECIDED | Flag.PROVISIONAL, row=0),
        "wrong length": good._replace(head_length=good.head_length - 1),
        "length beyond the bytes": good._replace(head_length=5000),
    }


def at_pod(data: bytes, verdict: Verdict | None) -> tuple[bytes, Playbook]:
    chart = Playbook(mesh(ROUTES, CLUSTERS), verdicts={0: verdict} if verdict else {})
    chart >> from_client(data) << connect(1) >> connected()
    return chart.commands.pop().data, chart


def lower_names(data: bytes) -> bytes:
    """*data* with the names of its fields in lower case: the one difference that is meant."""
    head, end, body = data.partition(b"\r\n\r\n")
    return re.sub(rb"\r\n[^:]+:", lambda match: match[0].lower(), head) + end + body


@pytest.mark.parametrize("name", HEADS)
def test_the_pod_gets_the_same_bytes_whatever_the_verdict(name: str) -> None:
    head = HEADS[name]
    data = head + BODIES.get(name, b"")
    unparsed, chart = at_pod(data, decided(head))
    assert chart.counter("verdict.unparsed") == 1
    for verdict in verdicts_of(head).values():
        parsed, chart = at_pod(data, verdict)
        assert chart.counter("verdict.unparsed") == 0
        # The generator is seeded, so even the request's id is the same.
        assert parsed == lower_names(unparsed), verdict


def test_an_unparsed_head_keeps_every_byte_and_gets_the_gateways_lines() -> None:
    head = b"GET /api/a HTTP/1.1\r\nHOST: a\r\nX-Odd:  kept as it is\r\n\r\n"
    chart = Playbook(mesh(ROUTES[1:], CLUSTERS), verdicts={0: decided(head)})
    chart >> from_client(head) << connect(1) >> connected()
    chart << to_pod(request(b"GET /api/a", b"HOST: a", b"X-Odd:  kept as it is"))


def test_the_verdicts_row_decides_not_the_path() -> None:
    head = HEADS["short"]
    chart = Playbook(mesh(ROUTES, CLUSTERS), verdicts={0: decided(head, row=1)})
    chart >> from_client(head) << connect(1)
    assert chart.counter("rest.upstream_rq_pending_total") == 1


def test_every_head_of_a_connection_has_its_own_offset() -> None:
    first, second = HEADS["chunked"], HEADS["short"]
    sent = first + BODIES["chunked"]
    chart = Playbook(
        mesh(ROUTES[1:], CLUSTERS),
        verdicts={0: decided(first), len(sent): decided(second), 1: decided(second, row=9)},
    )
    chart >> from_client(sent + second) << connect(1) >> connected()
    chart.commands.clear()
    chart >> from_pod(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert chart.counter("verdict.unparsed") == 2


def test_what_the_gateway_must_not_pass_on_is_taken_out() -> None:
    head = (
        b"GET http://b.example/api/../api/%41?q HTTP/1.1\r\nHost: a\r\n"
        b"Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
        b"Proxy-Connection: x\r\nTE: gzip, trailers\r\nUpgrade: h2c\r\n"
        b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: ::1\r\n"
        b"X-Forwarded-Client-Cert: By=me\r\nX-Forwarded-Host: kept\r\nX-Request-Id: mine\r\n"
        b"X-Envoy-Retry-On: 5xx\r\nX-Envoy-Attempt-Count: 9\r\nX-Envoy-Foo: kept\r\n"
        b"Via: 1.1 kept\r\n\r\n"
    )
    data, _ = at_pod(head, decided(head, touch=True))
    lines = data.split(b"\r\n")
    assert lines[0] == b"GET /api/A?q HTTP/1.1"
    assert [line for line in lines[1:-2] if not line.startswith(b"x-request-id: ")] == [
        b"host: b.example",
        b"te: trailers",
        b"x-forwarded-for: 203.0.113.9,::1,192.0.2.7",
        b"x-forwarded-host: kept",
        b"x-envoy-foo: kept",
        b"via: 1.1 kept",
        b"x-forwarded-proto: http",
        b"x-envoy-external-address: 192.0.2.7",
        b"x-envoy-expected-rq-timeout-ms: 1000",
        b"x-envoy-attempt-count: 1",
    ]
    assert b"mine" not in data
