"""The access log: Istio's fields, the verdict, and flags that tell what happened."""

import io
import json
import random
from typing import Any

from playbook import (
    CLIENT_LEAVES,
    Playbook,
    cluster,
    connected,
    decided,
    from_client,
    from_pod,
    mesh,
    refused,
    route,
    tick,
)

from hybridmesh.config.model import RetryPolicy
from hybridmesh.proxy import AccessLog

HEAD = (
    b"POST /api/x?y=1 HTTP/1.1\r\nHost: Shop.example:81\r\n"
    b"Content-Length: 3\r\nUser-Agent: t\r\n\r\n"
)


def logged(*events: object, unparsed: bool = False, **policy: Any) -> dict[str, Any]:
    lines = io.StringIO()
    chart = Playbook(
        mesh([route("/api", retry=None, **policy)], [cluster()]),
        verdicts={0: decided(HEAD)} if unparsed else {},
        log=AccessLog(lines),
    )
    for event in events:
        chart >> event  # type: ignore[operator]
    text = lines.getvalue()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    line: dict[str, Any] = json.loads(text)
    return line


ANSWERED = (
    from_client(HEAD + b"abc"),
    connected(),
    tick(0.05),
    from_pod(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"),
)


def test_an_answered_request_has_all_fields() -> None:
    line = logged(*ANSWERED)
    identity = line.pop("request_id")
    assert len(identity) == 36
    assert line == {
        "start_time": "1970-01-01T00:00:00.000Z",
        "method": "POST",
        "path": "/api/x?y=1",
        "protocol": "HTTP/1.1",
        "authority": "Shop.example:81",
        "response_code": 201,
        "response_flags": "-",
        "response_code_details": "via_upstream",
        "upstream_transport_failure_reason": None,
        "bytes_received": 3,
        "bytes_sent": 2,
        "duration": 50,
        "upstream_service_time": 50,
        "x_forwarded_for": "192.0.2.7",
        "user_agent": "t",
        "upstream_host": "10.0.0.1:8080",
        "upstream_cluster": "pods",
        "upstream_request_attempt_count": 1,
        "downstream_local_address": "192.0.2.1:80",
        "downstream_remote_address": "192.0.2.7:40000",
        "route_name": "shop/vs//api",
        "verdict": {"state": "none", "reason": None, "row": None, "epoch": None, "cycles": None},
    }


def test_an_unparsed_request_has_the_same_fields_and_its_verdict() -> None:
    parsed, unparsed = logged(*ANSWERED), logged(*ANSWERED, unparsed=True)
    assert unparsed.pop("verdict") == {
        "state": "decided",
        "reason": None,
        "row": 0,
        "epoch": 1,
        "cycles": 123,
    }
    del parsed["verdict"]
    assert unparsed == parsed


def test_flags_and_details_say_why() -> None:
    cases = {
        (404, "NR", "route_not_found"): [from_client(HEAD.replace(b"/api", b"/no") + b"abc")],
        (503, "UF", "upstream_reset_before_response_started{remote_connection_failure}"): [
            from_client(HEAD + b"abc"),
            refused(),
        ],
        (504, "UT", "response_timeout"): [from_client(HEAD + b"abc"), connected(), tick(9.0)],
        (0, "DC", "downstream_remote_disconnect"): [from_client(HEAD), CLIENT_LEAVES],
        (400, "DPE", "http1.codec_error: the head breaks the grammar of RFC 9112"): [
            from_client(b"GET / x\r\n\r\n")
        ],
    }
    for expected, events in cases.items():
        line = logged(*events, timeout=3.0)
        found = line["response_code"], line["response_flags"], line["response_code_details"]
        assert found == expected


def test_retries_are_in_the_log() -> None:
    lines = io.StringIO()
    policy = RetryPolicy(attempts=1)
    chart = Playbook(mesh([route(retry=policy)], [cluster()]), log=AccessLog(lines))
    chart >> from_client(HEAD + b"abc") >> refused() >> tick(0.03) >> refused(1)
    line = json.loads(lines.getvalue())
    assert line["response_flags"] == "URX,UF"
    assert line["upstream_request_attempt_count"] == 2
    assert line["upstream_transport_failure_reason"] == "Connection refused"


def test_a_share_of_the_requests_is_logged() -> None:
    lines = io.StringIO()
    log = AccessLog(lines, 0.25, random.Random(1))
    chart = Playbook(mesh([route("/api")], [cluster()]), log=log)
    for _ in range(400):
        chart >> from_client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert 80 <= lines.getvalue().count("\n") <= 120
