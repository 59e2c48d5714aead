"""The access log: one JSON line per request, with the field names of Istio's JSON log.

``verdict`` is added: what the NIC said of the head, and in how many clocks.  Nothing of this is
computed unless the request is logged.
"""

import json
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hybridmesh.contract.verdict import NO_ROW, Reason, Verdict

from .flags import spell
from .ports import Lines

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["AccessLog", "entry", "verdict_fields"]


class AccessLog:
    """Writes a share of the requests to *lines*.

    Parameters
    ----------
    lines : Lines
        A text file, or what looks like one.
    sample : float
        Share of the requests that is logged.
    rng : random.Random
        Draws the sample.
    """

    def __init__(self, lines: Lines, sample: float = 1.0, rng: random.Random | None = None) -> None:
        self._lines = lines
        self._sample = sample
        self._random = (rng or random.Random()).random

    def record(self, exchange: "Exchange") -> None:
        """The exchange is over."""
        if self._sample < 1.0 and self._random() >= self._sample:
            return
        self._lines.write(json.dumps(entry(exchange), separators=(",", ":")) + "\n")


def entry(exchange: "Exchange") -> dict[str, object]:
    """The fields of one line; None where Envoy writes ``-``."""
    down = exchange.down
    clock = down.proxy.clock
    raw = exchange.raw.lstrip(b"\r\n")
    method, path, protocol = _request_line(raw)
    started = datetime.fromtimestamp(clock.wall - (clock.now - exchange.started), UTC)
    answered = exchange.details == "via_upstream"
    host, plan, cluster = exchange.host, exchange.plan, exchange.cluster
    return {
        "start_time": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "method": method,
        "path": path,
        "protocol": protocol,
        "authority": _authority(exchange, raw),
        "response_code": exchange.status,
        "response_flags": spell(exchange.flags),
        "response_code_details": exchange.details or None,
        "upstream_transport_failure_reason": exchange.failure or None,
        "bytes_received": exchange.bytes_received,
        "bytes_sent": exchange.bytes_sent,
        "duration": int((clock.now - exchange.started) * 1000),
        "upstream_service_time": exchange.service_time if answered else None,
        "x_forwarded_for": _ours(exchange, b"\r\nx-forwarded-for: "),
        "request_id": _ours(exchange, b"\r\nx-request-id: "),
        "user_agent": _field(raw, b"user-agent"),
        "upstream_host": str(host.endpoint) if host is not None else None,
        "upstream_cluster": cluster.name if cluster is not None else None,
        "upstream_request_attempt_count": exchange.attempts,
        "downstream_local_address": "{}:{}".format(*down.local),
        "downstream_remote_address": "{}:{}".format(*down.peer),
        "route_name": plan.route.id if plan is not None else None,
        "verdict": verdict_fields(exchange.verdict),
    }


def verdict_fields(verdict: Verdict | None) -> dict[str, object]:
    """*verdict* as JSON tells it; None where the NIC has nothing to say."""
    if verdict is None:
        return {"state": "none", "reason": None, "row": None, "epoch": None, "cycles": None}
    return {
        "state": verdict.state.word,
        "reason": Reason(verdict.reason).word if verdict.reason else None,
        "row": None if verdict.row == NO_ROW else verdict.row,
        "epoch": verdict.epoch,
        "cycles": verdict.latency,
    }


def _request_line(raw: bytes) -> tuple[str | None, str | None, str | None]:
    words = raw.partition(b"\r\n")[0].decode("latin-1").split(" ")
    return (words[0], words[1], words[2]) if len(words) == 3 else (None, None, None)


def _authority(exchange: "Exchange", raw: bytes) -> str | None:
    if exchange.head is not None:
        return exchange.head.authority
    verdict = exchange.verdict
    if verdict is not None and verdict.host_offset:
        start = verdict.host_offset
        return raw[start : raw.find(b"\r\n", start)].decode("latin-1")
    return _field(raw, b"host")


def _ours(exchange: "Exchange", name: bytes) -> str | None:
    """Value of a line that the gateway has put into the head for the pod."""
    _, found, rest = exchange.prefix.rpartition(name)
    return rest.partition(b"\r\n")[0].decode("latin-1") if found else None


def _field(raw: bytes, name: bytes) -> str | None:
    start = raw.lower().find(b"\r\n%b:" % name)
    if start < 0:
        return None
    line = raw[start + 2 :].partition(b"\r\n")[0]
    return line[len(name) + 1 :].strip().decode("latin-1")
