"""Endpoints seen from the requests: consistent hashing, ejection, failover, as sequence charts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playbook import (
    CLIENT_LEAVES,
    Playbook,
    abort,
    cluster,
    connect,
    connected,
    from_client,
    from_pod,
    local,
    mesh,
    pod_resets,
    refused,
    request,
    response,
    route,
    tick,
    to_client,
    to_pod,
)

from hybridmesh.config.model import (
    Balancer,
    CircuitBreaker,
    Cluster,
    CookieHash,
    Endpoint,
    FieldHash,
    HeaderChange,
    HeaderOps,
    LoadBalancing,
    Mirror,
    OutlierDetection,
    RetryPolicy,
)

RECORDED = json.loads((Path(__file__).parent / "vectors" / "balancing.json").read_text())

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
GET_AT_POD = request(b"GET /", b"host: a")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OK_AT_CLIENT = response(b"200 OK", b"content-length: 2", body=b"ok")
BROKEN = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
UNHEALTHY = local(b"503 Service Unavailable", b"no healthy upstream")

RING = LoadBalancing(Balancer.RING_HASH)
TURNS = LoadBalancing(Balancer.ROUND_ROBIN)
KEY = (FieldHash("x-key"),)
ONCE = OutlierDetection(consecutive_5xx=1, max_percent=100)


def five() -> tuple[Cluster, str]:
    """The five pods of a recording, and whom Envoy gives each key to."""
    case = next(
        case for case in RECORDED["choices"]
        if case["kind"] == "RING_HASH" and len(case["hosts"]) == 5
    )  # fmt: skip
    pods = tuple(Endpoint(f"127.0.1.{n}", 28000 + n) for n in range(1, 6))
    return Cluster("pods", pods, RING), case["got"]


def keyed(number: int) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: a\r\nX-Key: key-%d\r\n\r\n" % number


def connects(chart: Playbook) -> list[str]:
    """Whom the core has connected to."""
    return [command.who for command in chart.commands if command.what == "connect"]


# ------------------------------------------------------------------ hashes


def test_requests_of_a_key_go_where_envoy_sends_them() -> None:
    pods, expected = five()
    chart = Playbook(mesh([route(hash=KEY)], [pods]))
    for number in range(20):
        chart.another_client().received(keyed(number))
    assert connects(chart) == [f"127.0.1.{n}:2800{n}" for n in expected[:20]]


def test_what_counts_is_the_head_that_the_pod_gets() -> None:
    pods, expected = five()
    change = HeaderOps(request=HeaderChange(set=(("x-key", "key-7"),)))
    chart = Playbook(mesh([replace(route(hash=KEY), headers=change)], [pods]))
    chart >> from_client(keyed(3))
    assert connects(chart) == [f"127.0.1.{expected[7]}:2800{expected[7]}"]


def test_a_client_without_its_cookie_gets_one_with_the_pods_answer() -> None:
    policy = (CookieHash("user", "/", 60),)
    chart = Playbook(mesh([route(hash=policy)], [cluster(pods=1, balancing=RING)]))
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(GET_AT_POD) >> from_pod(OK)
    line = chart.commands[0].data.partition(b"set-cookie: ")[2].partition(b"\r\n")[0]
    assert line.startswith(b'user="')
    assert line.endswith(b'"; Max-Age=60; Path=/; HttpOnly')
    plain = chart.commands.pop().data
    assert plain.index(b"service-time") < plain.index(b"set-cookie") < plain.index(b"date")
    cookie = line.partition(b";")[0]
    again = GET.replace(b"\r\n\r\n", b"\r\nCookie: %b\r\n\r\n" % cookie)
    chart >> from_client(again) << to_pod(request(b"GET /", b"host: a", b"cookie: " + cookie))
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT)


def test_a_retried_request_gets_its_cookie_once_per_attempt_as_with_envoy() -> None:
    policy = (CookieHash("user", "/", 60),)
    retry = RetryPolicy(on=frozenset({"5xx"}))
    chart = Playbook(mesh([route(hash=policy, retry=retry)], [cluster(balancing=RING)]))
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(GET_AT_POD)
    chart >> from_pod(BROKEN) >> tick(0.1)
    chart.commands.clear()
    chart >> from_pod(OK)
    assert chart.commands.pop().data.count(b"set-cookie") == 2


def test_no_cookie_comes_from_the_gateway_itself_or_from_a_cluster_that_does_not_hash() -> None:
    policy = (CookieHash("user", "/", 60),)
    chart = Playbook(mesh([route(hash=policy, retry=None)], [cluster(balancing=RING)]))
    chart >> from_client(GET) << connect(1) >> refused()
    assert b"set-cookie" not in chart.commands.pop().data
    chart = Playbook(mesh([route(hash=policy)], [cluster()]))
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(GET_AT_POD)
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT)


# ------------------------------------------------------------------ ejection


def alone(outlier: OutlierDetection = ONCE, **policy: object) -> Playbook:
    """One pod that is ejected by its first error."""
    plain = route(retry=None, **policy)
    return Playbook(mesh([plain], [cluster(outlier=outlier)]))


def sent(chart: Playbook) -> Playbook:
    """A request is with the pod."""
    chart >> from_client(GET) << connect(1) >> connected()
    assert chart.commands.pop().who == "pod 0"
    return chart


ERRORS: dict[str, Callable[[], Playbook]] = {
    "its answer is 500": lambda: sent(alone()) >> from_pod(BROKEN),
    "a gRPC status stands in its head": lambda: (
        sent(alone()) >> from_pod(b"HTTP/1.1 200 OK\r\ngrpc-status: 14\r\n\r\n")
    ),
    "it closes before its answer": lambda: sent(alone()) >> pod_resets(),
    "it closes in the middle of its answer": lambda: (
        sent(alone()) >> from_pod(OK[:-1]) >> pod_resets()
    ),
    "its answer is no HTTP": lambda: sent(alone()) >> from_pod(b"garbage\r\n\r\n"),
    "it refuses the connection": lambda: alone() >> from_client(GET) << connect(1) >> refused(),
    "the connection times out": lambda: alone() >> from_client(GET) << connect(1) >> tick(11),
    "its answer is late": lambda: sent(alone(timeout=2.0)) >> tick(2.1),
}

HARMLESS: dict[str, Callable[[], Playbook]] = {
    "its answer is 404": lambda: (
        sent(alone()) >> from_pod(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
    ),
    "its answer has begun in time": lambda: (
        sent(alone(timeout=2.0)) >> from_pod(OK[:-1]) >> tick(2.1)
    ),
    "there was no connection in time": lambda: (
        alone(timeout=2.0) >> from_client(GET) << connect(1) >> tick(2.1)
    ),
    "the client leaves": lambda: sent(alone()) >> CLIENT_LEAVES,
    "an idle connection dies": lambda: (
        sent(alone()) >> from_pod(OK) << to_client(OK_AT_CLIENT) >> pod_resets()
    ),
}


@pytest.mark.parametrize("error", ERRORS)
def test_a_pod_is_ejected_when(error: str) -> None:
    assert ERRORS[error]().counter("ejections_active") == 1


@pytest.mark.parametrize("event", HARMLESS)
def test_a_pod_stays_when(event: str) -> None:
    assert HARMLESS[event]().counter("ejections_active") == 0


def test_a_try_that_takes_too_long_is_an_error_of_its_pod() -> None:
    retry = RetryPolicy(on=frozenset({"5xx"}), per_try_timeout=1.0)
    chart = Playbook(mesh([route(retry=retry)], [cluster(pods=2, outlier=ONCE, balancing=TURNS)]))
    chart >> from_client(GET)
    first = chart.commands.pop()
    chart >> connected()
    chart.commands.clear()
    chart >> tick(1.1)
    assert chart.counter("ejections_active") == 1
    chart << abort("pod 0") >> tick(0.1) << connect(2 if first == connect(1) else 1)


def test_an_open_breaker_is_nobodys_error() -> None:
    chart = Playbook(
        mesh(
            [route(retry=None)],
            [cluster(outlier=ONCE, breaker=CircuitBreaker(max_pending_requests=0))],
        )
    )
    chart >> from_client(GET)
    assert chart.counter("ejections_active") == 0


def test_local_errors_are_told_apart_where_the_policy_says_so() -> None:
    split = OutlierDetection(1, consecutive_local=2, split_local=True, max_percent=100)
    chart = alone(split)
    chart >> from_client(GET) << connect(1) >> refused()
    assert chart.counter("ejections_active") == 0
    chart.commands.clear()
    chart >> from_client(GET) << connect(1) >> connected(1) << to_pod(GET_AT_POD, 1)
    chart >> pod_resets(1)
    assert chart.counter("ejections_active") == 0  # it had connected in between
    chart.commands.clear()
    chart >> from_client(GET) << connect(1) >> refused(2)
    assert chart.counter("ejections_enforced_consecutive_local_origin_failure") == 1


def test_an_error_of_a_copy_counts_too() -> None:
    copied = route(retry=None, mirrors=(Mirror("canary"),), timeout=5.0)
    chart = Playbook(mesh([copied], [cluster(), cluster("canary", outlier=ONCE)]))
    chart >> from_client(GET)
    chart.commands.clear()
    chart >> connected(0) >> connected(1) >> tick(5.1)
    assert chart.counter("ejections_active") == 1


def test_an_ejected_pod_gets_no_request_until_it_is_back() -> None:
    chart = Playbook(
        mesh([route(retry=None)], [cluster(pods=2, outlier=ONCE, balancing=TURNS)]), seed=3
    )
    chart >> from_client(GET)
    bad = chart.commands.pop()
    good = connect(2 if bad == connect(1) else 1)
    chart >> connected() << to_pod(GET_AT_POD) >> from_pod(BROKEN)
    chart.commands.clear()
    chart >> from_client(GET) << good >> connected(1) << to_pod(GET_AT_POD, 1)
    chart >> from_pod(OK, 1) << to_client(OK_AT_CLIENT)
    for _ in range(5):
        chart >> from_client(GET) << to_pod(GET_AT_POD, 1)
        chart >> from_pod(OK, 1) << to_client(OK_AT_CLIENT)
    assert chart.counter("membership_healthy") == 1
    for _ in range(4):
        chart >> tick(10)
    assert chart.counter("membership_healthy") == 2
    chart >> from_client(GET) >> CLIENT_LEAVES
    served = {command.who for command in chart.commands}
    chart.another_client().received(GET)
    assert served | {command.who for command in chart.commands} >= {"pod 0", "pod 1"}


def test_where_all_are_ejected_nobody_answers_but_in_panic_all_do() -> None:
    chart = sent(alone())
    chart >> from_pod(BROKEN)
    chart.commands.clear()
    chart >> from_client(GET) << to_client(UNHEALTHY)
    assert chart.counter("upstream_cx_none_healthy") == 1

    chart = sent(alone(OutlierDetection(1, max_percent=100, min_healthy_percent=50)))
    chart >> from_pod(BROKEN)
    chart.commands.clear()
    chart >> from_client(GET) << to_pod(GET_AT_POD) >> from_pod(OK) << to_client(OK_AT_CLIENT)
    assert chart.counter("lb_healthy_panic") == 1


# ------------------------------------------------------------------ priorities


def tiered(*priorities: int, **policy: object) -> Cluster:
    pods = tuple(
        Endpoint(f"10.0.0.{n}", 8080, priority=p) for n, p in enumerate(priorities, start=1)
    )
    return Cluster("pods", pods, **policy)  # type: ignore[arg-type]


def test_the_next_priority_takes_over_from_an_ejected_one() -> None:
    chart = Playbook(mesh([route(retry=None)], [tiered(0, 1, outlier=ONCE)]))
    sent(chart) >> from_pod(BROKEN)
    chart.commands.clear()
    chart >> from_client(GET) << connect(2)


@pytest.mark.parametrize(
    ("localities", "went"), [(False, "1111"), (True, "1122")], ids=["this one", "the next"]
)
def test_retries_stay_in_their_priority_unless_they_go_to_other_localities(
    localities: bool, went: str
) -> None:
    retry = RetryPolicy(3, frozenset({"5xx"}), other_localities=localities)
    chart = Playbook(mesh([route(retry=retry)], [tiered(0, 1)]))
    chart >> from_client(GET)
    for attempt, pod in enumerate(went):
        chart << connect(int(pod)) >> refused(attempt) >> tick(1)


def test_a_retry_avoids_the_pod_that_failed() -> None:
    retry = RetryPolicy(1, frozenset({"5xx"}))
    for seed in range(20):
        chart = Playbook(mesh([route(retry=retry)], [cluster(pods=2, balancing=TURNS)]), seed=seed)
        chart >> from_client(GET)
        first = chart.commands.pop()
        chart >> refused() >> tick(1) << connect(2 if first == connect(1) else 1)


def test_one_destination_of_a_split_may_hash_and_the_other_not() -> None:
    split = route(clusters={"ring": 50, "pods": 50}, hash=(CookieHash("user", "", 0),))
    world = mesh([split], [cluster("ring", balancing=RING), cluster()])
    cookies = set()
    for seed in range(10):
        chart = Playbook(world, seed=seed)
        chart >> from_client(GET) << connect(1) >> connected() << to_pod(GET_AT_POD)
        chart >> from_pod(OK)
        cookies.add(b"set-cookie" in chart.commands.pop().data)
    assert cookies == {True, False}
