"""Retry policy: whether an attempt that went wrong is tried again, and after how long.

Conditions, their words, and the back-off are those of Envoy's router filter (``x-envoy-retry-on``,
``x-envoy-retry-grpc-on``).
"""

import enum
import random

from hybridmesh.config.model import RetryPolicy

from .breaker import Breaker
from .flags import ResponseFlag
from .stats import ClusterStats

__all__ = ["BASE_INTERVAL", "MAX_INTERVAL", "Reset", "RetryState"]

BASE_INTERVAL = 0.025
"""Seconds: the first retry comes at random within this time."""

MAX_INTERVAL = 0.25
"""Seconds: the interval doubles with every retry up to this."""

_GRPC = {1: "cancelled", 4: "deadline-exceeded", 8: "resource-exhausted", 13: "internal",
         14: "unavailable"}  # fmt: skip


class Reset(enum.Enum):
    """Why an attempt ended without a response, in Envoy's words."""

    CONNECT_FAILURE = "remote connection failure"
    CONNECT_TIMEOUT = "connection timeout"
    TERMINATION = "connection termination"
    PROTOCOL_ERROR = "protocol error"
    OVERFLOW = "overflow"
    PER_TRY_TIMEOUT = "local reset"

    @property
    def word(self) -> str:
        """As ``response_code_details`` has it."""
        return self.value.replace(" ", "_")


_CONNECT = (Reset.CONNECT_FAILURE, Reset.CONNECT_TIMEOUT)


class RetryState:
    """Retries of one request.

    Parameters
    ----------
    policy : RetryPolicy
    rng : random.Random
        For the jitter of the back-off.
    breaker : Breaker
    stats : ClusterStats
        Of the cluster that is tried.
    """

    __slots__ = ("_breaker", "_interval", "_left", "_policy", "_rng", "_stats", "_under_way")

    def __init__(
        self, policy: RetryPolicy, rng: random.Random, breaker: Breaker, stats: ClusterStats
    ) -> None:
        self._policy = policy
        self._rng = rng
        self._breaker = breaker
        self._stats = stats
        self._interval = BASE_INTERVAL
        self._left = policy.attempts
        self._under_way = False

    def wants_status(
        self, status: int, grpc_status: int | None = None, *, limited: bool = False
    ) -> bool:
        """Whether a response with this status is to be tried again; *limited*: its pod says that
        requests come too often."""
        on = self._policy.on
        if limited:
            return "envoy-ratelimited" in on
        return (
            status in self._policy.on_status
            or (status >= 500 and "5xx" in on)
            or (status in (502, 503, 504) and "gateway-error" in on)
            or (status == 409 and "retriable-4xx" in on)
            or (grpc_status is not None and _GRPC.get(grpc_status, "") in on)
        )

    def wants_reset(self, reset: Reset) -> bool:
        """Whether an attempt that ended this way is to be tried again."""
        if reset is Reset.OVERFLOW:
            return False
        on = self._policy.on
        return (
            "5xx" in on
            or "gateway-error" in on
            or "reset" in on
            or (reset in _CONNECT and ("connect-failure" in on or "reset-before-request" in on))
        )

    def begin(self) -> int:
        """Take one retry; returns 0, or the flag that says why there is none."""
        stats = self._stats
        if not self._left:
            stats.upstream_rq_retry_limit_exceeded += 1
            return ResponseFlag.URX
        if not self._breaker.may_retry:
            stats.upstream_rq_retry_overflow += 1
            return ResponseFlag.UO
        self._left -= 1
        self._under_way = True
        self._breaker.retries += 1
        stats.upstream_rq_retry += 1
        stats.upstream_rq_retry_backoff_exponential += 1
        return 0

    def end(self) -> None:
        """The retry under way, if there is one, is over."""
        if self._under_way:
            self._under_way = False
            self._breaker.retries -= 1

    def back_off(self) -> float:
        """Seconds until the next retry: full jitter over a doubling interval."""
        interval = self._interval
        self._interval = min(interval * 2, MAX_INTERVAL)
        return self._rng.random() * interval
