"""Istio's ``HTTPRetry``: when a request is tried again."""

import http
from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Differs, FieldError, Message, Read, expect
from ..model import RetryPolicy
from ..values import count, positive_duration

__all__ = ["Retries"]

_STATUS_CODES = frozenset(str(int(status)) for status in http.HTTPStatus)

_CONDITIONS = frozenset(
    {
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "envoy-ratelimited",
        # Never true: Istio cannot name the header fields, and this gateway speaks no HTTP/3.
        "retriable-headers",
        "http3-post-connect-failure",
        # Conditions on the status of gRPC.
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    }
)


def retry_words(node: Node) -> tuple[frozenset[str], frozenset[int]] | None:
    """Envoy's retry conditions, and the status codes to retry on; None: Istio's default ones."""
    text = expect(node, str)
    if not text:
        return None
    words, codes = set(), set()
    for word in map(str.strip, text.split(",")):
        if word in _CONDITIONS:
            words.add(word)
        elif word in _STATUS_CODES:
            codes.add(int(word))
        else:
            raise FieldError(
                f"{word!r} is neither a retry condition nor a status code",
                f"use {', '.join(sorted(_CONDITIONS))} or codes such as 503",
            )
    # The codes speak for themselves, with the word and without.
    return frozenset(words - {"retriable-status-codes"}), frozenset(codes)


@dataclass(frozen=True)
class Retries(Message, name="HTTPRetry"):
    """An http entry without has two retries, on Istio's default conditions."""

    attempts: Annotated[int, Read(count)] = 0
    per_try_timeout: Annotated[float, Read(positive_duration)] | None = None
    retry_on: (
        Annotated[
            tuple[frozenset[str], frozenset[int]] | None,
            Read(retry_words),
            Differs(
                "blanks around the words are allowed, as istiod reads them; `retriable-headers` "
                "and `http3-post-connect-failure` never hold"
            ),
        ]
        | None
    ) = None
    retry_ignore_previous_hosts: bool | None = None
    retry_remote_localities: bool | None = None
    backoff: Annotated[float, Read(positive_duration)] | None = None

    def check(self) -> None:
        given = self.per_try_timeout, self.retry_on, self.retry_remote_localities
        if not self.attempts and any(value is not None for value in given):
            raise FieldError(
                "retries are configured, but 'attempts' is 0 (its default), which disables them",
                "set 'attempts'",
            )

    def policy(self, other_hosts: bool) -> RetryPolicy | None:
        """Envoy's policy; *other_hosts* where the message does not say."""
        if not self.attempts:
            return None
        default = RetryPolicy()
        on, on_status = self.retry_on or (default.on, default.on_status)
        ignore = self.retry_ignore_previous_hosts
        return RetryPolicy(
            attempts=self.attempts,
            on=on,
            on_status=on_status,
            per_try_timeout=self.per_try_timeout,
            back_off=self.backoff or default.back_off,
            other_hosts=other_hosts if ignore is None else ignore,
            other_localities=bool(self.retry_remote_localities),
        )
