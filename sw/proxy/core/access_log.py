"""The access log: one JSON line per request, with the field names of Istio's JSON log.

``verdict`` is added: what the NIC said of the head, and in how many clocks.  Nothing of this is
computed unless the request is logged.
"""

import random
import time
from functools import lru_cache

import orjson

from hybridmesh.contract.verdict import NO_ROW, Reason, Verdict

from .exchange import Exchange
from .flags import spell
from .ports import Lines

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

    def record(self, exchange: Exchange) -> None:
        """The exchange is over."""
        if self._sample < 1.0 and self._random() >= self._sample:
            return
        self._lines.write(orjson.dumps(entry(exchange)).decode() + "\n")


def entry(exchange: Exchange) -> dict[str, object]:
    """The fields of one line; None where Envoy writes ``-``."""
    down = exchange.down
    clock = down.context.clock
    request = exchange.request
    method, target, protocol = request.line
    answered = exchange.details == "via_upstream"
    endpoint, plan, cluster = exchange.endpoint, exchange.plan, exchange.cluster
    return {
        "start_time": _moment(exchange.wall),
        "method": method or None,
        "path": target or None,
        "protocol": protocol or None,
        "authority": request.authority,
        "response_code": exchange.status,
        "response_flags": spell(exchange.flags),
        "response_code_details": exchange.details or None,
        "upstream_transport_failure_reason": exchange.failure or None,
        "bytes_received": exchange.bytes_received,
        "bytes_sent": exchange.bytes_sent,
        "duration": int((clock.now - exchange.started) * 1000),
        "upstream_service_time": exchange.service_time if answered else None,
        "x_forwarded_for": request.added("x-forwarded-for"),
        "request_id": request.added("x-request-id"),
        "user_agent": request.value("user-agent"),
        "upstream_host": str(endpoint) if endpoint is not None else None,
        "upstream_cluster": cluster.name if cluster is not None else None,
        "upstream_request_attempt_count": exchange.attempts,
        "downstream_local_address": "{}:{}".format(*down.local),
        "downstream_remote_address": "{}:{}".format(*exchange.peer),
        "route_name": plan.route.id if plan is not None else None,
        "verdict": verdict_fields(request.verdict),
    }


def _moment(wall: float) -> str:
    """ISO 8601, to the millisecond."""
    second = int(wall)
    return f"{_second(second)}.{int((wall - second) * 1000):03d}Z"


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


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
