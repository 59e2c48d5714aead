"""Clients that ask for another protocol (RFC 9110, 7.8): WebSocket goes through, others do not.

The expected answers are those of Envoy 1.40 with Istio's ``upgrade_configs``.
"""

import pytest
from playbook import (
    ADDED,
    CLIENT_LEAVES,
    Playbook,
    abort,
    cluster,
    connect,
    connected,
    fin,
    from_client,
    from_pod,
    local,
    mesh,
    pod_closes,
    response,
    route,
    tick,
    to_client,
    to_pod,
)

WISH = b"Host: a\r\nConnection: Upgrade\r\nUpgrade: %b\r\nSec-WebSocket-Key: k\r\n"
ASK = b"GET /chat HTTP/1.1\r\n" + WISH % b"websocket" + b"\r\n"
ASKED = (
    b"GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-key: k\r\n" + ADDED + b"x-envoy-expected-rq-timeout-ms: 5000\r\n"
    b"x-envoy-attempt-count: 1\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s\r\n\r\n"
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s\r\nconnection: Upgrade\r\n"
    b"upgrade: websocket\r\ndate: NOW\r\nserver: istio-envoy\r\n\r\n"
)


def asked(client: bytes = ASK, pod: bytes = ASKED) -> Playbook:
    """A proxy whose pod has got the wish."""
    chart = Playbook(mesh([route(timeout=5.0)], [cluster()]))
    chart >> from_client(client)
    chart << connect(1)
    chart >> connected()
    chart << to_pod(pod)
    return chart


def switched() -> Playbook:
    chart = asked() >> from_pod(SWITCH)
    chart << to_client(SWITCHED)
    return chart


def test_a_websocket_goes_through_both_ways() -> None:
    chart = switched() >> from_client(b"\x81\x02hi") >> from_pod(b"\x81\x03hey")
    chart << to_pod(b"\x81\x02hi") << to_client(b"\x81\x03hey")


def test_bytes_of_both_sides_that_come_with_the_heads_are_of_the_new_protocol() -> None:
    chart = asked(ASK + b"GET /", ASKED + b"GET /") >> from_pod(SWITCH + b"HTTP/1.1 200")
    chart << to_client(SWITCHED + b"HTTP/1.1 200")


def test_a_websocket_ends_with_either_side() -> None:
    chart = switched() >> pod_closes()
    chart << abort("pod 0") << fin()
    chart >> tick(1.1)
    chart = switched() >> CLIENT_LEAVES
    chart << abort("pod 0")
    chart.at_rest()


def test_a_websocket_outlives_the_routes_timeout_and_idleness() -> None:
    chart = switched()
    for _ in range(30):
        (chart >> tick(200.0)).quiet()
    chart >> from_client(b"x")
    chart << to_pod(b"x")


def test_a_pod_may_decline() -> None:
    chart = asked() >> from_pod(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
    chart << abort("pod 0")
    close = b"connection: close\r\n"
    answer = response(b"403 Forbidden", b"content-length: 2", body=b"no", last=close)
    chart << to_client(answer.replace(b"x-envoy-upstream-service-time: 0\r\n", b""))


@pytest.mark.parametrize("protocol", [b"foo", b"h2c, websocket", b"websocket, foo"])
def test_other_protocols_are_refused(protocol: bytes) -> None:
    chart = Playbook(mesh([route()], [cluster()]))
    chart >> from_client(b"GET / HTTP/1.1\r\n" + WISH % protocol + b"\r\n")
    chart << to_client(local(b"403 Forbidden", last=b"connection: close\r\n"))
    assert chart.counter("downstream_cx_protocol_error") == 0


@pytest.mark.parametrize(
    "wish",
    [
        b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
        b"Upgrade: websocket\r\n",
        b"Connection: Upgrade\r\n",
    ],
)
def test_a_wish_that_is_none_is_served_as_if_it_were_not_there(wish: bytes) -> None:
    chart = Playbook(mesh([route()], [cluster()]))
    chart >> from_client(b"GET / HTTP/1.1\r\nHost: a\r\n" + wish + b"\r\n")
    chart << connect(1)
    chart >> connected()
    plain = b"GET / HTTP/1.1\r\nhost: a\r\n" + ADDED + b"x-envoy-attempt-count: 1\r\n\r\n"
    chart << to_pod(plain)


def test_a_body_before_the_switch_has_no_framing() -> None:
    client = (
        b"POST /chat HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + WISH % b"websocket" + b"\r\n"
    )
    pod = ASKED.replace(b"GET", b"POST")
    chart = asked(client + b"3\r\nabc\r\n0\r\n\r\n", pod + b"3\r\nabc\r\n0\r\n\r\n")
    chart >> from_pod(SWITCH)
    chart << to_client(SWITCHED)


def test_what_is_sent_after_the_switch_is_not_kept() -> None:
    chart = switched()
    for _ in range(40):
        chart >> from_client(bytes(64 * 1024))
    assert chart.counter("retry_or_shadow_abandoned") == 0
