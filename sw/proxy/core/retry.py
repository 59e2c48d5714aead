"""Retry policy: whether an attempt that went wrong is tried again, and after how long.

Conditions, their words, and the back-off are those of Envoy's router filter (``x-envoy-retry-on``,
``x-envoy-retry-grpc-on``).
"""

import enum
import random

from hybridmesh.config.model import RetryPolicy

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

    Attributes
    ----------
    left : int
        Retries that may still be made.
    """

    __slots__ = ("_interval", "_policy", "_rng", "left")

    def __init__(self, policy: RetryPolicy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng
        self._interval = BASE_INTERVAL
        self.left = policy.attempts

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

    def back_off(self) -> float:
        """Seconds until the next retry: full jitter over a doubling interval."""
        interval = self._interval
        self._interval = min(interval * 2, MAX_INTERVAL)
        return self._rng.random() * interval
