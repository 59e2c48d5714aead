"""Requests through the core, as sequence charts; no sockets, no sleeps."""

import time

import pytest
from playbook import (
    CLIENT_BLOCKED,
    CLIENT_LEAVES,
    CLIENT_UNBLOCKED,
    DRAIN,
    Command,
    Playbook,
    abort,
    close,
    cluster,
    connect,
    connected,
    decided,
    fin,
    from_client,
    from_pod,
    local,
    mesh,
    pause,
    pod_blocked,
    pod_closes,
    pod_resets,
    pod_unblocked,
    refused,
    request,
    response,
    resume,
    route,
    tick,
    to_client,
    to_pod,
)

from hybridmesh.config.model import Balancer, CircuitBreaker, LoadBalancing, RetryPolicy

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
GET_AT_POD = request(b"GET /", b"host: a")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OK_AT_CLIENT = response(b"200 OK", b"content-length: 2", body=b"ok")
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
RESET = b"upstream connect error or disconnect/reset before headers. "
CLOSES = b"connection: close\r\n"

ISTIO_RETRY = RetryPolicy(
    on=frozenset(
        {"connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"}
    )
)
ON_5XX = RetryPolicy(on=frozenset({"5xx"}), on_status=frozenset())


def play(pods: int = 1, *, retry: RetryPolicy | None = None, timeout: float | None = None,
         **policy: object) -> Playbook:  # fmt: skip
    return Playbook(mesh([route(retry=retry, timeout=timeout)], [cluster(pods=pods, **policy)]))


def warmed(**settings: object) -> Playbook:
    """After one request: the connection to the pod is there, and idle."""
    chart = play(**settings)  # type: ignore[arg-type]
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(GET_AT_POD)
    return chart >> from_pod(OK) << to_client(OK_AT_CLIENT)


# ------------------------------------------------------------------ the plain way


def test_a_request_goes_to_the_pod_and_its_answer_to_the_client() -> None:
    chart = play()
    chart >> from_client(GET) << connect(1)
    chart >> connected() << to_pod(GET_AT_POD)
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT)
    chart.at_rest()


def test_the_next_request_uses_the_same_connection() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD) >> from_pod(OK) << to_client(OK_AT_CLIENT)
    chart.at_rest()
    assert chart.counter("upstream_cx_total") == 1


def test_pipelined_requests_are_answered_in_order_one_at_a_time() -> None:
    chart = warmed()
    second = GET.replace(b"/ ", b"/2 ")
    chart >> from_client(GET + second) << to_pod(GET_AT_POD)
    chart.quiet()
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT) << to_pod(request(b"GET /2", b"host: a"))
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT)
    chart.at_rest()


def test_a_bad_head_behind_a_good_one_is_answered_after_it() -> None:
    chart = warmed()
    chart >> from_client(GET + b"GET  / HTTP/1.1\r\n\r\n") << to_pod(GET_AT_POD)
    bad = local(b"400 Bad Request", b"Bad Request", last=CLOSES)
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT + bad) << fin()
    chart.at_rest()


def test_a_head_that_comes_byte_by_byte_is_a_head() -> None:
    chart = warmed()
    for k in range(len(GET) - 1):
        (chart >> from_client(GET[k : k + 1])).quiet()
    chart >> from_client(GET[-1:]) << to_pod(GET_AT_POD)


@pytest.mark.parametrize("field", [b"x", b"\n"])
def test_a_head_that_comes_byte_by_byte_is_searched_once(field: bytes) -> None:
    """The longest head there may be; searched anew for each byte, it would take half a minute."""
    chart = warmed()
    client = chart.client
    head = GET[:-2] + b"X: " + (b"a" + field) * 30000
    started = time.process_time()
    for k in range(60000):
        client.received(head[k : k + 1])
    assert time.process_time() - started < 3


def test_empty_lines_before_a_request_are_ignored() -> None:
    chart = warmed()
    chart >> from_client(b"\r\n\r\n" + GET) << to_pod(GET_AT_POD)


def test_a_response_that_comes_byte_by_byte_is_passed_on_whole() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    for k in range(len(OK)):
        chart >> from_pod(OK[k : k + 1])
    chart << to_client(OK_AT_CLIENT)
    chart.at_rest()


# ------------------------------------------------------------------ bodies


def test_a_body_follows_its_head_piece_by_piece() -> None:
    chart = warmed()
    post = (b"POST /", b"host: a", b"content-length: 6")
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab")
    chart << to_pod(request(*post, body=b"ab"))
    chart >> from_client(b"cd") << to_pod(b"cd")
    chart >> from_client(b"ef" + GET) << to_pod(b"ef")
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT) << to_pod(GET_AT_POD)


def test_a_chunked_body_goes_on_chunked_without_its_trailers() -> None:
    chart = warmed()
    chart >> from_client(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc"
    )
    head = request(b"POST /", b"host: a", b"transfer-encoding: chunked")
    chart << to_pod(head + b"3\r\nabc")
    chart >> from_client(b"\r\n0\r\nX-Trailer: 1\r\n\r\n" + GET) << to_pod(b"\r\n0\r\n\r\n")
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT) << to_pod(GET_AT_POD)


def test_a_post_without_a_body_gets_a_length_of_zero() -> None:
    chart = warmed()
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
    chart << to_pod(
        request(b"POST /", b"host: a").replace(
            b"x-envoy-attempt", b"content-length: 0\r\nx-envoy-attempt"
        )
    )


def test_a_bad_chunk_before_the_answer_gives_400_and_the_end() -> None:
    chart = warmed()
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    chart << to_pod(request(b"POST /", b"host: a", b"transfer-encoding: chunked"))
    chart >> from_client(b"zz\r\n") << abort("pod 0")
    chart << to_client(local(b"400 Bad Request", b"Bad Request", last=CLOSES)) << fin()
    chart.at_rest()
    assert chart.counter("downstream_cx_protocol_error") == 1


def test_expect_goes_to_the_pod_and_its_100_to_the_client() -> None:
    chart = warmed()
    chart >> from_client(
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    chart << to_pod(request(b"POST /", b"host: a", b"expect: 100-continue", b"content-length: 2"))
    chart >> from_pod(b"HTTP/1.1 100 Continue\r\n\r\n")
    chart << to_client(b"HTTP/1.1 100 Continue\r\n\r\n")
    chart >> from_client(b"hi") << to_pod(b"hi") >> from_pod(OK) << to_client(OK_AT_CLIENT)
    chart.at_rest()


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", response(b"204 No Content")),
        (
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
            response(b"304 Not Modified", b"content-length: 99"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: 1\r\n\r\n",
            response(
                b"200 OK", b"transfer-encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"
            ),
        ),
        (
            b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:07 GMT\r\nServer: x\r\n"
            b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
            b"Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
            response(b"200 OK", b"date: NOW", b"set-cookie: a", b"set-cookie: b",
                     b"content-length: 0", dated=True),
        ),
    ],
    ids=["204", "304", "chunked", "fields"],
)  # fmt: skip
def test_a_response_reaches_the_client_as_envoy_would_send_it(sent: bytes, passed: bytes) -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD) >> from_pod(sent) << to_client(passed)
    chart >> from_client(GET) << to_pod(GET_AT_POD)  # and the connection lives on


def test_head_gets_no_body_whatever_the_length_says() -> None:
    chart = warmed()
    chart >> from_client(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    chart << to_pod(request(b"HEAD /", b"host: a"))
    chart >> from_pod(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    chart << to_client(response(b"200 OK", b"content-length: 500"))
    chart >> from_client(GET) << to_pod(GET_AT_POD)


CHUNKED_LINE = b"transfer-encoding: chunked"


def test_a_response_that_ends_with_the_connection_is_chunked_for_the_client() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    chart >> from_pod(b"HTTP/1.0 200 OK\r\n\r\nab")
    chart << to_client(response(b"200 OK", CHUNKED_LINE, body=b"2\r\nab\r\n"))
    chart >> from_pod(b"c") << to_client(b"1\r\nc\r\n")
    chart >> pod_closes() << abort("pod 0") << to_client(b"0\r\n\r\n")
    chart.at_rest()
    chart >> from_client(GET) << connect(1)


def test_a_reset_is_not_the_end_of_a_response_that_ends_with_the_connection() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD) >> from_pod(b"HTTP/1.0 200 OK\r\n\r\nab")
    chart << to_client(response(b"200 OK", CHUNKED_LINE, body=b"2\r\nab\r\n"))
    chart >> pod_resets() << abort("pod 0") << close()
    chart.at_rest()


# ------------------------------------------------------------------ versions, closing


def test_an_http_1_0_client_gets_an_answer_in_its_version_and_the_end() -> None:
    chart = warmed()
    chart >> from_client(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n") << to_pod(GET_AT_POD)
    chart >> from_pod(OK)
    ok = response(b"200 OK", b"content-length: 2", last=CLOSES, body=b"ok", minor=0)
    chart << to_client(ok) << close()


def test_an_http_1_0_client_may_keep_the_connection() -> None:
    chart = warmed()
    chart >> from_client(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    chart << to_pod(request(b"GET /", b"host: a", b"connection: keep-alive"))
    kept = b"connection: keep-alive\r\n"
    chart >> from_pod(OK)
    chart << to_client(response(b"200 OK", b"content-length: 2", last=kept, body=b"ok", minor=0))
    chart.at_rest()


def test_an_http_1_0_client_gets_chunks_as_plain_bytes() -> None:
    chart = warmed()
    chart >> from_client(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n") << to_pod(GET_AT_POD)
    chart >> from_pod(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
    chart << to_client(response(b"200 OK", last=CLOSES, body=b"ok", minor=0)) << close()


def test_a_decided_head_of_http_1_0_is_not_taken_for_1_1() -> None:
    head = b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"
    chart = Playbook(mesh([route(retry=None)], [cluster()]), verdicts={0: decided(head)})
    chart >> from_client(head) << connect(1) >> connected() << to_pod(GET_AT_POD)
    chart >> from_pod(OK)
    ok = response(b"200 OK", b"content-length: 2", last=CLOSES, body=b"ok", minor=0)
    chart << to_client(ok) << close()


def test_connection_close_is_said_back_and_done() -> None:
    chart = warmed()
    chart >> from_client(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    chart << to_pod(GET_AT_POD) >> from_pod(OK)
    chart << to_client(response(b"200 OK", b"content-length: 2", last=CLOSES, body=b"ok"))
    chart << close()
    assert chart.counter("downstream_cx_active") == 0
    assert chart.stream.closed


def test_a_pod_that_closes_is_not_used_again() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    chart >> from_pod(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    chart << abort("pod 0") << to_client(OK_AT_CLIENT)
    chart >> from_client(GET) << connect(1)


def test_a_connection_is_retired_after_its_number_of_requests() -> None:
    chart = play(max_requests_per_connection=2)
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(GET_AT_POD)
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT) >> from_client(GET) << to_pod(GET_AT_POD)
    chart >> from_pod(OK) << abort("pod 0") << to_client(OK_AT_CLIENT)
    assert chart.counter("upstream_cx_max_requests") == 1


def test_an_idle_connection_to_a_pod_is_closed_in_time() -> None:
    chart = warmed(idle_timeout=10.0)
    (chart >> tick(9.0) >> from_client(GET) << to_pod(GET_AT_POD) >> from_pod(OK)) << to_client(
        OK_AT_CLIENT
    )
    (chart >> tick(9.0)).quiet()
    chart >> tick(1.1) << abort("pod 0")
    assert chart.counter("upstream_cx_idle_timeout") == 1
    assert chart.counter("upstream_cx_active") == 0


def test_a_pod_that_speaks_unasked_loses_its_connection() -> None:
    chart = warmed()
    chart >> from_pod(OK) << abort("pod 0")
    chart >> from_client(GET) << connect(1)


def test_draining_ends_idle_clients_at_once_and_busy_ones_with_their_answer() -> None:
    idle = warmed()
    idle >> DRAIN << close()
    arriving = warmed()
    (arriving >> from_client(GET[:-1]) >> DRAIN).quiet()
    arriving >> from_client(GET[-1:]) << to_pod(GET_AT_POD) >> from_pod(OK)
    arriving << to_client(response(b"200 OK", b"content-length: 2", last=CLOSES, body=b"ok"))
    arriving << close()
    busy = warmed()
    (busy >> from_client(GET) << to_pod(GET_AT_POD) >> DRAIN).quiet()
    busy >> from_pod(OK)
    busy << to_client(response(b"200 OK", b"content-length: 2", last=CLOSES, body=b"ok"))
    busy << close()


# ------------------------------------------------------------------ no way to a pod


def test_no_route_is_404() -> None:
    chart = Playbook(mesh([route("/api")], [cluster()]))
    chart >> from_client(GET) << to_client(local(b"404 Not Found"))
    chart.at_rest()
    assert chart.counter("no_route") == 1


def test_no_route_for_head_is_404_without_a_body() -> None:
    chart = Playbook(mesh([route("/api")], [cluster()]))
    chart >> from_client(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    chart << to_client(local(b"404 Not Found"))


def test_the_nic_alone_can_say_that_no_route_matches() -> None:
    chart = Playbook(mesh([route("/")], [cluster()]), verdicts={0: decided(GET, row=0xFFFF)})
    chart >> from_client(GET) << to_client(local(b"404 Not Found"))
    assert chart.counter("verdict.unparsed") == 1


def test_an_answer_before_the_end_of_the_request_closes_gently() -> None:
    chart = Playbook(mesh([route("/api")], [cluster()]))
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
    chart << to_client(local(b"404 Not Found", last=CLOSES)) << fin()
    (chart >> from_client(b"def")).quiet()
    chart >> tick(1.1) << close()
    assert chart.counter("downstream_rq_response_before_rq_complete") == 1


def test_a_cluster_without_endpoints_is_503_uh() -> None:
    chart = play(pods=0, retry=ISTIO_RETRY)
    chart >> from_client(GET)
    chart << to_client(local(b"503 Service Unavailable", b"no healthy upstream"))
    chart.at_rest()


def test_an_unknown_cluster_is_503_nc() -> None:
    chart = Playbook(mesh([route(clusters={"nowhere": 1})], [cluster()]))
    chart >> from_client(GET) << to_client(local(b"503 Service Unavailable"))
    assert chart.counter("no_cluster") == 1


def test_a_refused_connect_is_503_uf() -> None:
    chart = play()
    chart >> from_client(GET) << connect(1) >> refused()
    body = RESET + b"reset reason: remote connection failure"
    chart << to_client(local(b"503 Service Unavailable", body))
    chart.at_rest()
    assert chart.counter("upstream_cx_connect_fail") == 1


def test_a_connect_that_takes_too_long_is_503_uf() -> None:
    chart = play(connect_timeout=1.0)
    (chart >> from_client(GET) << connect(1) >> tick(0.9)).quiet()
    chart >> tick(0.2) << Command("give up", "10.0.0.1:8080")
    body = RESET + b"reset reason: connection timeout"
    chart << to_client(local(b"503 Service Unavailable", body))
    chart.at_rest()
    assert chart.counter("upstream_cx_connect_timeout") == 1


# ------------------------------------------------------------------ attempts that go wrong


@pytest.mark.parametrize("end", [pod_closes(), pod_resets()], ids=["FIN", "RST"])
def test_a_pod_that_ends_without_an_answer_is_503_uc(end: object) -> None:
    chart = warmed(retry=ISTIO_RETRY)
    chart >> from_client(GET) << to_pod(GET_AT_POD) >> end << abort("pod 0")  # type: ignore[operator]
    body = RESET + b"reset reason: connection termination"
    chart << to_client(local(b"503 Service Unavailable", body))
    chart.at_rest()


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 82000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 82000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 101 + b"\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_502_upe(garbage: bytes) -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD) >> from_pod(garbage) << abort("pod 0")
    body = RESET + b"reset reason: protocol error"
    chart << to_client(local(b"502 Bad Gateway", body))
    chart.at_rest()


def test_an_answer_cut_short_ends_the_client_too() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    chart >> from_pod(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    chart << to_client(response(b"200 OK", b"content-length: 9", body=b"abc"))
    chart >> pod_closes() << abort("pod 0") << close()
    chart.at_rest()


def test_bytes_beyond_the_length_never_reach_the_client() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    chart >> from_pod(OK + b"HTTP/1.1 200 OK\r\n") << abort("pod 0") << to_client(OK_AT_CLIENT)
    chart.at_rest()


def test_a_connect_failure_is_retried_on_another_pod() -> None:
    chart = play(pods=2, retry=ISTIO_RETRY)
    chart >> from_client(GET)
    first = chart.commands.pop()
    other = 2 if first == connect(1) else 1
    (chart >> refused()).quiet()
    chart >> tick(0.03) << connect(other) >> connected(1)
    chart << to_pod(request(b"GET /", b"host: a", attempt=2), 1)
    chart >> from_pod(OK, 1)
    chart << to_client(response(b"200 OK", b"content-length: 2", body=b"ok", time=30))
    chart.at_rest()
    assert chart.counter("upstream_rq_retry") == 1
    assert chart.counter("upstream_rq_retry_success") == 1


def test_retries_end_with_the_latest_reason_and_urx() -> None:
    chart = play(retry=ISTIO_RETRY)
    chart >> from_client(GET) << connect(1)
    chart >> refused() >> tick(0.03) << connect(1)
    chart >> refused(1) >> tick(0.06) << connect(1) >> refused(2)
    body = RESET + b"retried and the latest reset reason: remote connection failure"
    chart << to_client(local(b"503 Service Unavailable", body))
    chart.at_rest()
    assert chart.counter("upstream_rq_retry_limit_exceeded") == 1


def test_a_503_is_retried_and_the_last_one_passed_on() -> None:
    chart = warmed(retry=ISTIO_RETRY)
    for attempt in (1, 2):
        chart >> (from_client(GET) if attempt == 1 else tick(0.06))
        chart << to_pod(request(b"GET /", b"host: a", attempt=attempt))
        (chart >> from_pod(UNAVAILABLE)).quiet()
    chart >> tick(0.06) << to_pod(request(b"GET /", b"host: a", attempt=3))
    chart >> from_pod(UNAVAILABLE)
    chart << to_client(
        response(b"503 Service Unavailable", b"content-length: 4", body=b"busy", time=120)
    )
    chart.at_rest()
    assert chart.counter("upstream_cx_total") == 1


def test_a_503_that_is_not_whole_costs_its_connection() -> None:
    chart = warmed(retry=ISTIO_RETRY)
    chart >> from_client(GET) << to_pod(GET_AT_POD) >> from_pod(UNAVAILABLE[:-1])
    chart << abort("pod 0")
    chart >> tick(0.03) << connect(1)


def test_a_body_is_sent_again_with_the_retry() -> None:
    chart = warmed(retry=ON_5XX)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
    post = (b"POST /", b"host: a", b"content-length: 4")
    chart >> from_client(head + b"ab") << to_pod(request(*post, body=b"ab"))
    chart >> from_client(b"cd") << to_pod(b"cd")
    chart >> from_pod(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    chart >> tick(0.03) << to_pod(request(*post, attempt=2, body=b"abcd"))


def test_a_body_beyond_the_buffer_is_sent_once() -> None:
    chart = warmed(retry=ON_5XX)
    size = 1024 * 1024 + 1
    post = (b"POST /", b"host: a", b"content-length: %d" % size)
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    chart << to_pod(request(*post)) >> from_client(b"x" * size) << to_pod(b"x" * size)
    chart >> from_pod(UNAVAILABLE)
    chart << to_client(response(b"503 Service Unavailable", b"content-length: 4", body=b"busy"))
    assert chart.counter("retry_or_shadow_abandoned") == 1


@pytest.mark.parametrize("status", [b"500 A", b"501 B", b"504 C"])
def test_istio_by_default_does_not_retry_other_statuses(status: bytes) -> None:
    chart = warmed(retry=ISTIO_RETRY)
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    chart >> from_pod(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)
    chart << to_client(response(status, b"content-length: 0"))


# ------------------------------------------------------------------ deadlines

GATEWAY_TIMEOUT = local(b"504 Gateway Timeout", b"upstream request timeout")


def with_limit(data: bytes, milliseconds: int) -> bytes:
    line = b"x-envoy-expected-rq-timeout-ms: %d\r\n" % milliseconds
    return data.replace(b"x-envoy-attempt", line + b"x-envoy-attempt")


def test_the_route_timeout_is_504_ut() -> None:
    chart = play(timeout=2.0)
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(with_limit(GET_AT_POD, 2000))
    (chart >> tick(1.99)).quiet()
    chart >> tick(0.02) << abort("pod 0") << to_client(GATEWAY_TIMEOUT)
    chart.at_rest()
    assert chart.counter("upstream_rq_timeout") == 1


def test_the_route_timeout_counts_from_the_end_of_the_request() -> None:
    chart = play(timeout=2.0)
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
    chart << connect(1) >> connected()
    chart.commands.clear()
    (chart >> tick(5.0)).quiet()
    chart >> from_client(b"b") << to_pod(b"b")
    chart >> tick(2.1) << abort("pod 0") << to_client(GATEWAY_TIMEOUT)


def test_a_queued_request_times_out_too() -> None:
    chart = play(timeout=2.0)
    chart >> from_client(GET) << connect(1) >> tick(2.1) << to_client(GATEWAY_TIMEOUT)
    chart.at_rest()


def test_an_answer_that_does_not_end_in_time_is_cut() -> None:
    chart = play(timeout=2.0)
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(with_limit(GET_AT_POD, 2000))
    chart >> from_pod(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    chart << to_client(response(b"200 OK", b"content-length: 9", body=b"abc"))
    chart >> tick(2.1) << abort("pod 0") << close()
    chart.at_rest()


def test_a_per_try_timeout_is_final_under_istios_default_retry() -> None:
    policy = RetryPolicy(on=ISTIO_RETRY.on, per_try_timeout=1.0)
    chart = play(retry=policy)
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(with_limit(GET_AT_POD, 1000))
    chart >> tick(1.1) << abort("pod 0") << to_client(GATEWAY_TIMEOUT)
    chart.at_rest()
    assert chart.counter("upstream_rq_per_try_timeout") == 1


def test_a_per_try_timeout_is_retried_on_5xx_until_the_route_times_out() -> None:
    policy = RetryPolicy(attempts=5, on=frozenset({"5xx"}), per_try_timeout=1.0)
    chart = play(retry=policy, timeout=1.5)
    chart >> from_client(GET) << connect(1) >> connected() << to_pod(with_limit(GET_AT_POD, 1000))
    chart >> tick(1.01) << abort("pod 0") >> tick(0.03) << connect(1) >> connected(1)
    second = with_limit(request(b"GET /", b"host: a", attempt=2), 460)
    chart << to_pod(second, 1)
    chart >> tick(0.5) << abort("pod 1") << to_client(GATEWAY_TIMEOUT)
    chart.at_rest()


def test_who_waits_for_a_pod_may_wait_for_ever() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    for _ in range(100):
        (chart >> tick(70.0)).quiet()
    chart >> from_pod(OK)
    late = response(b"200 OK", b"content-length: 2", body=b"ok", time=7_000_000)
    chart << to_client(late)


def test_a_body_without_a_byte_for_five_minutes_is_408() -> None:
    chart = warmed()
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    chart.commands.clear()
    chart >> tick(200.0) >> from_client(b"x") >> tick(200.0)
    chart << to_pod(b"x")
    chart.quiet()
    chart >> tick(120.0) << abort("pod 0")
    chart << to_client(local(b"408 Request Timeout", b"stream timeout", last=CLOSES))


def test_an_idle_client_is_let_go_after_an_hour() -> None:
    chart = warmed(idle_timeout=9999.0)
    (chart >> tick(3500.0)).quiet()
    chart >> tick(110.0) << close()
    assert chart.counter("downstream_cx_idle_timeout") == 1


def test_a_request_that_never_ends_is_408() -> None:
    chart = warmed()
    (chart >> from_client(GET[:-1])).quiet()
    chart >> tick(301.0) << to_client(local(b"408 Request Timeout", b"stream timeout", last=CLOSES))
    chart << fin()


def test_a_head_that_comes_too_slowly_is_408() -> None:
    """Byte by byte: none of them gains time."""
    chart = warmed()
    for k in range(20):
        (chart >> from_client(GET[k : k + 1]) >> tick(14.9)).quiet()
    chart >> tick(3.0) << to_client(local(b"408 Request Timeout", b"stream timeout", last=CLOSES))
    chart << fin()


def test_a_slow_body_has_all_the_time() -> None:
    chart = warmed()
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n")
    for _ in range(30):
        chart >> from_client(b"x") >> tick(100.0)
    (sent,) = chart.commands
    assert sent.data.endswith(b"\r\n\r\n" + b"x" * 30)


# ------------------------------------------------------------------ circuit breaker

OVERFLOW = local(
    b"503 Service Unavailable",
    RESET + b"reset reason: overflow",
    extra=b"x-envoy-overloaded: true\r\n",
)


def second_client(chart: Playbook) -> None:
    """Another client's request is already under way on pod connection 0."""
    chart.another_client().received(GET)


def test_max_requests_is_503_uo() -> None:
    chart = play(breaker=CircuitBreaker(max_requests=1), retry=ON_5XX)
    second_client(chart)
    chart << connect(1) >> connected() << to_pod(GET_AT_POD)
    chart >> from_client(GET) << connect(1) >> connected(1) << to_client(OVERFLOW)
    assert chart.counter("upstream_rq_pending_overflow") == 1
    chart >> from_pod(OK)
    chart.at_rest()


def test_max_pending_requests_is_503_uo_at_once() -> None:
    chart = play(breaker=CircuitBreaker(max_pending_requests=1))
    second_client(chart)
    chart << connect(1) >> from_client(GET) << to_client(OVERFLOW)
    chart >> connected() << to_pod(GET_AT_POD) >> from_pod(OK)
    chart.at_rest()


def test_max_connections_queues_the_request_for_the_connection_that_frees() -> None:
    chart = play(breaker=CircuitBreaker(max_connections=1))
    second_client(chart)
    chart << connect(1) >> connected() << to_pod(GET_AT_POD)
    (chart >> from_client(GET)).quiet()
    assert chart.counter("upstream_cx_overflow") == 1
    chart >> from_pod(OK) << to_pod(GET_AT_POD) >> from_pod(OK) << to_client(OK_AT_CLIENT)
    chart.at_rest()


def test_a_pod_without_any_connection_gets_one_in_spite_of_the_breaker() -> None:
    chart = play(
        pods=2,
        breaker=CircuitBreaker(max_connections=1),
        balancing=LoadBalancing(Balancer.ROUND_ROBIN),
    )
    second_client(chart)
    first = chart.commands.pop()
    chart >> connected() << to_pod(GET_AT_POD)
    chart >> from_client(GET) << connect(2 if first == connect(1) else 1)


def test_a_pod_is_counted_busy_only_while_it_is() -> None:
    chart = play(pods=2)
    for _ in range(40):  # open a connection to both
        chart >> from_client(GET)
        if chart.commands[0].what == "connect":
            chart.commands.clear()
            chart >> connected(len(chart.network.upstreams) - 1)
        pod = int(chart.commands.pop().who.removeprefix("pod "))
        chart >> from_pod(OK, pod) << to_client(OK_AT_CLIENT)
    chart.at_rest()
    assert [host.active for host in chart.proxy.clusters["pods"].hosts] == [0, 0]


def test_a_queued_request_gets_a_new_connection_when_the_only_one_dies() -> None:
    chart = play(breaker=CircuitBreaker(max_connections=1))
    second_client(chart)
    chart << connect(1) >> connected() << to_pod(GET_AT_POD)
    (chart >> from_client(GET)).quiet()
    chart >> pod_resets() << connect(1)
    assert chart.commands.pop(0) == abort("pod 0")
    chart >> connected(1) << to_pod(GET_AT_POD, 1)


def test_max_retries_passes_the_answer_on() -> None:
    chart = warmed(retry=ISTIO_RETRY, breaker=CircuitBreaker(max_retries=0))
    chart >> from_client(GET) << to_pod(GET_AT_POD) >> from_pod(UNAVAILABLE)
    chart << to_client(response(b"503 Service Unavailable", b"content-length: 4", body=b"busy"))
    assert chart.counter("upstream_rq_retry_overflow") == 1


# ------------------------------------------------------------------ clients that leave, or stall


@pytest.mark.parametrize("phase", ["connecting", "sent", "answering", "backing off"])
def test_a_client_that_leaves_takes_its_attempt_with_it(phase: str) -> None:
    chart = play(retry=ISTIO_RETRY)
    chart >> from_client(GET) << connect(1)
    if phase != "connecting":
        chart >> connected() << to_pod(GET_AT_POD)
    if phase == "answering":
        chart >> from_pod(OK[:-1])
        chart.commands.clear()
    if phase == "backing off":
        (chart >> from_pod(UNAVAILABLE)).quiet()
    chart >> CLIENT_LEAVES
    if phase in ("sent", "answering"):
        chart << abort("pod 0")
    (chart >> tick(1.0)).at_rest()
    assert chart.counter("downstream_cx_active") == 0
    assert chart.counter("downstream_cx_destroy_remote_active_rq") == 1
    assert chart.stream.closed


def test_a_slow_client_slows_the_pod() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    chart >> from_pod(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    chart.commands.clear()
    chart >> CLIENT_BLOCKED << pause("pod 0") >> CLIENT_UNBLOCKED << resume("pod 0")
    chart >> CLIENT_BLOCKED << pause("pod 0")
    chart >> from_pod(b"defghi") << resume("pod 0") << to_client(b"defghi")
    chart.at_rest()


def test_a_client_that_takes_no_answers_gets_no_more_requests_done() -> None:
    chart = Playbook(mesh([route("/api")], [cluster()]))
    (chart >> CLIENT_BLOCKED >> from_client(GET + GET)).quiet()
    chart >> CLIENT_UNBLOCKED << to_client(local(b"404 Not Found") * 2)


def test_a_client_that_is_behind_slows_the_next_pod_from_the_start() -> None:
    chart = play()
    chart >> from_client(GET) << connect(1) >> CLIENT_BLOCKED >> connected()
    chart << pause("pod 0") << to_pod(GET_AT_POD) >> CLIENT_UNBLOCKED << resume("pod 0")


def test_a_slow_pod_slows_the_client() -> None:
    chart = warmed()
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
    chart.commands.clear()
    chart >> pod_blocked() << pause("client") >> pod_unblocked() << resume("client")
    chart >> pod_blocked() << pause("client")
    chart >> pod_resets() << abort("pod 0") << resume("client")
    chart << to_client(
        local(b"503 Service Unavailable", RESET + b"reset reason: connection termination",
              last=CLOSES)
    ) << fin()  # fmt: skip


def test_a_client_that_runs_ahead_is_held() -> None:
    chart = warmed()
    chart >> from_client(GET) << to_pod(GET_AT_POD)
    ahead = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70000
    chart >> from_client(ahead) << pause("client")
    chart >> from_pod(OK) << to_client(OK_AT_CLIENT) << resume("client")
    assert chart.commands.pop().data.endswith(b"x" * 70000)


def test_a_body_waits_in_bounds_for_its_connection() -> None:
    chart = play()
    size = 2 * 1024 * 1024
    chart >> from_client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    chart << connect(1) >> from_client(b"x" * (1024 * 1024 + 1)) << pause("client")
    chart >> connected()
    sent = chart.commands.pop(0)
    assert sent.who == "pod 0"
    assert len(sent.data) > 1024 * 1024
    chart << resume("client")


def test_a_connection_to_a_pod_is_not_used_beyond_its_time() -> None:
    chart = play(max_connection_duration=10.0)
    chart >> from_client(GET) >> connected() >> tick(4.0) >> from_pod(OK) >> tick(4.0)
    chart.commands.clear()
    chart >> from_client(GET)  # the same one
    assert [command.who for command in chart.commands] == ["pod 0"]
    chart.commands.clear()
    chart >> tick(4.0) >> from_pod(OK)  # under way, it lives on
    assert [str(command)[:9] for command in chart.commands] == ["abort pod", "send clie"]
    chart.commands.clear()
    chart >> from_client(GET) >> connected(1) >> from_pod(OK, 1)
    chart.commands.clear()
    chart >> tick(10.1)
    chart << abort("pod 1")
    assert chart.counter("upstream_cx_max_duration_reached") == 1
