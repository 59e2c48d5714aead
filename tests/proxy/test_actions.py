"""What routes do besides forwarding, event by event: what the pods and the client get."""

from collections.abc import Iterable
from typing import Any

import pytest
from playbook import (
    ADDED,
    Playbook,
    cluster,
    connect,
    connected,
    decided,
    from_client,
    from_pod,
    local,
    mesh,
    request,
    response,
    tick,
    to_client,
    to_pod,
)

from hybridmesh.config.model import (
    Abort,
    CorsPolicy,
    Delay,
    DirectResponse,
    Fault,
    Forward,
    HeaderChange,
    HeaderOps,
    Location,
    MatchKind,
    Mirror,
    Redirect,
    RegexRewrite,
    Route,
    RouteMatch,
    StringMatch,
    WeightedCluster,
)

EXACT, PREFIX, REGEX, PRESENT = MatchKind
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
GET = b"GET /shop/cart?item=1 HTTP/1.1\r\nHost: shop.test\r\nX-User: ann\r\n\r\n"


def play(
    action: Any, path: StringMatch | None = None, *, nic: bool = False, **more: Any
) -> Playbook:
    """A proxy with one route, whose path has *path*; *nic*: it decides :data:`GET`."""
    route = Route(
        "shop/vs/0",
        RouteMatch(path=path or StringMatch(PREFIX, "/shop")),
        action,
        Location("shop.yaml", 1),
        **more,
    )
    verdicts = {0: decided(GET)} if nic else {}
    return Playbook(mesh([route], [cluster("pods"), cluster("copies")]), verdicts=verdicts)


def forward(**more: Any) -> Forward:
    return Forward((WeightedCluster("pods"),), **more)


def sent(chart: Playbook, client: bytes = GET) -> tuple[bytes, list[bytes]]:
    """First line and fields (lower-case names, those that every request gets left out) of what the
    pod gets for what the *client* sends."""
    chart >> from_client(client)
    chart << connect(1)
    chart >> connected()
    (command,) = chart.commands
    chart.commands.clear()
    first, *lines = command.data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    common = {line.partition(b":")[0] for line in ADDED.split(b"\r\n")}
    common.add(b"x-envoy-attempt-count")
    named = [(name.lower(), text) for name, _, text in (line.partition(b":") for line in lines)]
    return first, sorted(name + b":" + text for name, text in named if name not in common)


USUAL = [b"host: shop.test", b"x-user: ann"]


@pytest.mark.parametrize("nic", [False, True])
@pytest.mark.parametrize(
    ("path", "rewrite", "target"),
    [
        (StringMatch(PREFIX, "/shop"), {"prefix_rewrite": "/store"}, b"/store/cart?item=1"),
        (StringMatch(PREFIX, "/shop/"), {"prefix_rewrite": "/"}, b"/cart?item=1"),
        (StringMatch(PREFIX, "/shop"), {"prefix_rewrite": "/"}, b"//cart?item=1"),
        (
            StringMatch(PREFIX, "/SHOP", ignore_case=True),
            {"prefix_rewrite": "/x"},
            b"/x/cart?item=1",
        ),
        (StringMatch(EXACT, "/shop/cart"), {"prefix_rewrite": "/all"}, b"/all?item=1"),
        (StringMatch(REGEX, "/s.*"), {"prefix_rewrite": "/all"}, b"/all?item=1"),
        (
            StringMatch(PREFIX, "/"),
            {"regex_rewrite": RegexRewrite("^/([a-z]+)/([a-z]+)", r"/\2/\1")},
            b"/cart/shop?item=1",
        ),
        (
            StringMatch(PREFIX, "/"),
            {"regex_rewrite": RegexRewrite("[ao]", "0")},
            b"/sh0p/c0rt?item=1",
        ),
    ],
)
def test_a_path_is_rewritten_and_its_query_kept(
    nic: bool, path: StringMatch, rewrite: Any, target: bytes
) -> None:
    first, fields = sent(play(forward(**rewrite), path, nic=nic))
    assert first == b"GET %b HTTP/1.1" % target
    assert fields == [*USUAL[:1], b"x-envoy-original-path: /shop/cart?item=1", *USUAL[1:]]


@pytest.mark.parametrize("nic", [False, True])
def test_the_pod_sees_the_host_that_the_route_says(nic: bool) -> None:
    _, fields = sent(play(forward(authority="pod.internal:81"), nic=nic))
    was = b"x-envoy-original-host: shop.test"
    assert fields == [b"host: pod.internal:81", was, b"x-user: ann"]


def test_a_destinations_host_counts_unless_the_route_has_its_own() -> None:
    share = WeightedCluster("pods", authority="of.destination")
    _, fields = sent(play(Forward((share,))))
    assert fields == [b"host: of.destination", b"x-user: ann"]
    _, fields = sent(play(Forward((share,), authority="of.route")))
    was = b"x-envoy-original-host: of.destination"
    assert fields == [b"host: of.route", was, b"x-user: ann"]


CHANGES: list[tuple[HeaderChange, list[bytes]]] = [
    (HeaderChange(add=(("x-new", "1"),)), [*USUAL[:1], b"x-new: 1", *USUAL[1:]]),
    (HeaderChange(add=(("x-user", "bob"),)), [*USUAL, b"x-user: bob"]),
    (HeaderChange(set=(("x-user", "bob"),)), [*USUAL[:1], b"x-user: bob"]),
    (HeaderChange(set=(("x-other", "1"),)), [*USUAL[:1], b"x-other: 1", *USUAL[1:]]),
    (HeaderChange(remove=("x-user", "x-none")), USUAL[:1]),
    (HeaderChange(set=(("x-user", "<%REQ(x-user)%>"),)), [*USUAL[:1], b"x-user: <ann>"]),
    (HeaderChange(set=(("x-user", "%REQ(x-none)%"),)), USUAL),
    (HeaderChange(add=(("x-a", "%REQ(x-none?x-user):2%"),)), [*USUAL[:1], b"x-a: an", *USUAL[1:]]),
    (HeaderChange(add=(("x-a", "100%%"),)), [*USUAL[:1], b"x-a: 100%", *USUAL[1:]]),
    (
        HeaderChange(add=(("x-a", "%REQ(:method)% %REQ(:path)% %REQ(:authority)%"),)),
        [*USUAL[:1], b"x-a: GET /shop/cart?item=1 shop.test", *USUAL[1:]],
    ),
    (
        HeaderChange(add=(("x-a", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),)),
        [*USUAL[:1], b"x-a: 192.0.2.7", *USUAL[1:]],
    ),
    (
        HeaderChange(add=(("x-a", "%REQ(x-user)%"),), remove=("x-user",)),
        USUAL[:1],
    ),
    (
        HeaderChange(set=(("x-a", "%REQ(x-user)%"), ("x-user", "bob"))),
        [*USUAL[:1], b"x-a: ann", b"x-user: bob"],
    ),
]


@pytest.mark.parametrize("nic", [False, True])
@pytest.mark.parametrize(("change", "fields"), CHANGES)
def test_a_requests_fields_are_changed(
    nic: bool, change: HeaderChange, fields: list[bytes]
) -> None:
    chart = play(forward(), nic=nic, headers=HeaderOps(request=change))
    assert sent(chart)[1] == fields


def test_text_of_the_configuration_is_sent_as_utf_8_and_text_of_the_client_as_it_came() -> None:
    change = HeaderChange(add=(("x-a", "\u00e4 \u2192 %REQ(x-user)%"),))
    chart = play(forward(prefix_rewrite="/\u00fc"), headers=HeaderOps(request=change))
    first, fields = sent(chart, GET.replace(b"ann", b"\xe9"))
    assert first == "GET /\u00fc/cart?item=1 HTTP/1.1".encode()
    assert "x-a: \u00e4 \u2192 ".encode() + b"\xe9" in fields


def test_a_destinations_changes_come_before_the_routes() -> None:
    def ops(text: str) -> HeaderOps:
        return HeaderOps(request=HeaderChange(set=(("x-by", text),)))

    chart = play(
        Forward((WeightedCluster("pods", headers=ops("destination")),)), headers=ops("route")
    )
    assert b"x-by: route" in sent(chart)[1]


def test_a_responses_fields_are_changed() -> None:
    change = HeaderChange(
        set=(("x-a", "%RESP(x-a)%-%REQ(x-user)%-%RESPONSE_CODE%"),),
        add=(("x-b", "2"),),
        remove=("x-secret",),
    )
    chart = play(forward(), headers=HeaderOps(response=change))
    sent(chart)
    chart >> from_pod(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-Secret: 2\r\ncontent-length: 0\r\n\r\n")
    head = response(b"200 OK", b"content-length: 0")
    timing = b"x-envoy-upstream-service-time: 0\r\n"
    chart << to_client(head.replace(timing, timing + b"x-a: 1-ann-200\r\nx-b: 2\r\n"))


LOCATIONS: list[tuple[Redirect, StringMatch | None, bytes, bytes]] = [
    (Redirect(path="/new"), None, b"shop.test", b"http://shop.test/new?item=1"),
    (Redirect(path="/new?a=b"), None, b"shop.test", b"http://shop.test/new?a=b"),
    (Redirect(authority="new.test"), None, b"shop.test", b"http://new.test/shop/cart?item=1"),
    (Redirect(scheme="https"), None, b"shop.test", b"https://shop.test/shop/cart?item=1"),
    (Redirect(scheme="https"), None, b"shop.test:80", b"https://shop.test/shop/cart?item=1"),
    (Redirect(scheme="https"), None, b"shop.test:81", b"https://shop.test:81/shop/cart?item=1"),
    (Redirect(scheme="http"), None, b"shop.test:80", b"http://shop.test:80/shop/cart?item=1"),
    (Redirect(port=8443), None, b"shop.test:81", b"http://shop.test:8443/shop/cart?item=1"),
    (Redirect(port=8443), None, b"[::1]", b"http://[::1]:8443/shop/cart?item=1"),
    (Redirect(prefix="/store"), None, b"shop.test", b"http://shop.test/store/cart?item=1"),
]


@pytest.mark.parametrize("nic", [False, True])
@pytest.mark.parametrize(("redirect", "path", "host", "location"), LOCATIONS)
def test_a_client_is_redirected(
    nic: bool, redirect: Redirect, path: StringMatch | None, host: bytes, location: bytes
) -> None:
    client = GET.replace(b"shop.test", host)
    chart = play(redirect, path, nic=nic and host == b"shop.test")
    chart >> from_client(client)
    chart << to_client(local(b"301 Moved Permanently", extra=b"location: %b\r\n" % location))


@pytest.mark.parametrize("code", [302, 303, 307, 308])
def test_a_redirect_has_the_code_of_the_route(code: int) -> None:
    chart = play(Redirect(path="/new", code=code))
    chart >> from_client(GET)
    assert chart.commands[0].data.startswith(b"HTTP/1.1 %d " % code)


def test_a_route_answers_by_itself() -> None:
    change = HeaderOps(response=HeaderChange(set=(("content-type", "application/json"),)))
    chart = play(DirectResponse(418, b"{}"), headers=change)
    chart >> from_client(GET)
    plain = local(b"418 Unknown", b"{}", extra=b"content-type: application/json\r\n")
    chart << to_client(plain.replace(b"content-type: text/plain\r\n", b""))


def test_the_body_of_a_request_that_the_route_answers_is_read() -> None:
    chart = play(DirectResponse(200, b"ok"))
    post = b"POST /shop HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    chart >> from_client(post + post)
    chart << to_client(local(b"200 OK", b"ok") * 2)


# ------------------------------------------------------------------ CORS

ALLOWED = (StringMatch(EXACT, "https://a.test"), StringMatch(REGEX, "https://.*[.]b[.]test"))
CORS = CorsPolicy(
    origins=ALLOWED, methods="GET,PUT", headers="x-a", expose="x-b", max_age=60, credentials=True
)


def browser(origin: bytes, method: bytes = b"GET", *fields: bytes) -> bytes:
    lines = b"".join(f + b"\r\n" for f in (b"Host: a", b"Origin: " + origin, *fields))
    return b"%b /shop HTTP/1.1\r\n%b\r\n" % (method, lines)


PREFLIGHT = b"Access-Control-Request-Method: PUT"


def allow(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"access-control-%b: %b\r\n" % field for field in fields)


@pytest.mark.parametrize("origin", [b"https://a.test", b"https://x.b.test"])
def test_a_preflight_is_answered_by_the_gateway(origin: bytes) -> None:
    chart = play(forward(), cors=CORS)
    chart >> from_client(browser(origin, b"OPTIONS", PREFLIGHT))
    fields = allow(
        [
            (b"allow-origin", origin),
            (b"allow-credentials", b"true"),
            (b"allow-methods", b"GET,PUT"),
            (b"allow-headers", b"x-a"),
            (b"max-age", b"60"),
            (b"expose-headers", b"x-b"),
        ]
    )
    chart << to_client(local(b"200 OK", extra=fields))


def test_a_star_allows_what_the_browser_asks_for() -> None:
    chart = play(
        forward(), cors=CorsPolicy(origins=(StringMatch(EXACT, "*"),), methods="*", headers="*")
    )
    asked = (PREFLIGHT, b"Access-Control-Request-Headers: x-q")
    chart >> from_client(browser(b"https://any.test", b"OPTIONS", *asked))
    fields = [
        (b"allow-origin", b"https://any.test"),
        (b"allow-methods", b"PUT"),
        (b"allow-headers", b"x-q"),
    ]
    chart << to_client(local(b"200 OK", extra=allow(fields)))


@pytest.mark.parametrize(
    ("client", "policy"),
    [
        (browser(b"https://c.test", b"OPTIONS", PREFLIGHT), CORS),
        (browser(b"https://a.test", b"OPTIONS"), CORS),
        (browser(b"https://a.test", b"PUT", PREFLIGHT, b"Content-Length: 0"), CORS),
    ],
)
def test_what_is_no_preflight_of_an_allowed_origin_goes_to_the_pod(
    client: bytes, policy: CorsPolicy
) -> None:
    chart = play(forward(), cors=policy)
    chart >> from_client(client)
    chart << connect(1)


def test_a_preflight_of_another_origin_may_end_at_the_gateway() -> None:
    chart = play(
        forward(), cors=CorsPolicy(origins=ALLOWED, methods="GET", forward_unmatched=False)
    )
    chart >> from_client(browser(b"https://c.test", b"OPTIONS", PREFLIGHT))
    chart << to_client(local(b"200 OK", extra=allow([(b"allow-methods", b"GET")])))


def test_a_response_tells_the_browser_who_may_read_it() -> None:
    chart = play(forward(), cors=CORS)
    sent(chart, browser(b"https://a.test"))
    chart >> from_pod(
        b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-length: 0\r\n\r\n"
    )
    fields = allow(
        [
            (b"allow-origin", b"https://a.test"),
            (b"allow-credentials", b"true"),
            (b"expose-headers", b"x-b"),
        ]
    )
    head = response(b"200 OK", b"content-length: 0")
    chart << to_client(head.replace(b"date:", fields + b"date:"))


def test_a_response_to_another_origin_is_left_alone() -> None:
    chart = play(forward(), cors=CORS)
    sent(chart, browser(b"https://c.test"))
    chart >> from_pod(OK)
    chart << to_client(response(b"200 OK", b"content-length: 0"))


# ------------------------------------------------------------------ faults


def test_a_delayed_request_waits_before_a_pod_is_chosen() -> None:
    chart = play(forward(timeout=1.0), fault=Fault(delay=Delay(2.0, 1.0)))
    chart >> from_client(GET) >> tick(1.9)
    assert not chart.commands
    chart >> tick(0.2)
    chart << connect(1)
    chart >> connected()
    chart.commands.clear()
    chart >> tick(0.9)  # the route's own time begins when the delay is over
    assert not chart.commands


def test_a_client_that_leaves_while_its_request_is_delayed_leaves_nothing_behind() -> None:
    chart = play(forward(), fault=Fault(delay=Delay(2.0, 1.0)))
    chart >> from_client(GET)
    chart.client.lost()
    chart >> tick(3.0)
    assert not chart.commands
    assert chart.proxy.counters()["http.ingress.downstream_rq_active"] == 0


def test_an_aborted_request_is_answered_as_the_route_says() -> None:
    chart = play(forward(), fault=Fault(abort=Abort(1.0, 418)))
    chart >> from_client(GET)
    chart << to_client(local(b"418 Unknown", b"fault filter abort"))
    assert chart.proxy.counters()["http.ingress.fault_aborts_injected"] == 1


def test_a_delay_may_be_followed_by_an_abort() -> None:
    chart = play(forward(), fault=Fault(Delay(1.0, 1.0), Abort(1.0, 503)))
    chart >> from_client(GET) >> tick(1.1)
    chart << to_client(local(b"503 Service Unavailable", b"fault filter abort"))


def test_faults_come_as_often_as_the_route_says() -> None:
    chart = play(forward(), fault=Fault(abort=Abort(0.25, 500)))
    for _ in range(2000):
        client = chart.another_client()
        client.received(GET)
        client.lost()
    aborted = chart.proxy.counters()["http.ingress.fault_aborts_injected"]
    assert aborted / 2000 == pytest.approx(0.25, abs=0.04)


# ------------------------------------------------------------------ copies


def test_a_copy_of_the_request_goes_to_another_cluster_and_its_answer_nowhere() -> None:
    chart = play(forward(mirrors=(Mirror("copies"),)))
    post = b"POST /shop HTTP/1.1\r\nHost: a:81\r\nContent-Length: 3\r\n\r\n"
    chart >> from_client(post)
    chart << connect(1)
    chart >> connected(0)
    original = request(b"POST /shop", b"host: a:81", b"content-length: 3")
    chart << to_pod(original)
    chart >> from_client(b"abc")
    copies = chart.proxy.clusters["copies"]
    chart.commands.clear()
    chart >> connected(1)
    (command,) = chart.commands
    chart.commands.clear()
    assert command.who == "pod 1"
    assert b"\r\nhost: a-shadow:81\r\n" in command.data
    assert command.data.endswith(b"\r\n\r\nabc")
    assert copies.breaker.requests == 1
    chart >> from_pod(b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nlost", 1)
    assert not chart.commands
    assert copies.breaker.requests == 0
    chart >> from_pod(OK, 0)
    chart << to_client(response(b"200 OK", b"content-length: 0"))


def test_a_copy_that_nobody_answers_is_given_up() -> None:
    chart = play(forward(mirrors=(Mirror("copies"),), timeout=1.0))
    chart >> from_client(GET) >> connected(0) >> connected(1) >> from_pod(OK, 1)
    chart.commands.clear()
    copies = chart.proxy.clusters["copies"]
    assert copies.breaker.requests == 1
    chart >> tick(1.1)
    assert copies.breaker.requests == 0


def test_a_share_of_nothing_makes_no_copies() -> None:
    chart = play(forward(mirrors=(Mirror("copies", 0.0),)))
    chart >> from_client(GET)
    chart << connect(1)
    assert not chart.commands
