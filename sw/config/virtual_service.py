"""Istio's ``VirtualService``: which requests go where, and with what timeout and retries."""

import http
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from .document import Node
from .message import FieldError, Message, Read, expect
from .model import MatchKind, RetryPolicy, StringMatch
from .values import (
    count,
    domain,
    duration,
    host_name,
    label_name,
    port_number,
    positive_duration,
    regex_text,
)

__all__ = [
    "Destination",
    "HttpMatch",
    "HttpRoute",
    "PortSelector",
    "Retries",
    "TextMatch",
    "VirtualService",
    "WeightedDestination",
]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_GATEWAY = re.compile(r"(?:(?:[-a-zA-Z0-9]+|\.)/)?[-.a-zA-Z0-9]+", re.ASCII)


def regex_or_star(node: Node) -> str:
    """A regular expression, or ``*``: Istio's own word for "any value" of a field."""
    return "*" if node.value == "*" else regex_text(node)


@dataclass(frozen=True)
class TextMatch(Message):
    """Istio's ``StringMatch``; without any field it asks whether the value is there at all."""

    exact: str | None = None
    prefix: str | None = None
    regex: Annotated[str, Read(regex_or_star)] | None = None

    def check(self) -> None:
        given = [kind.value for kind, _ in self._given()]
        if len(given) > 1:
            raise FieldError(
                f"{' and '.join(map(repr, given))} do not go together", "keep one of them"
            )
        if self.prefix == "":
            raise FieldError("a prefix must not be empty", "write {} for any value")

    @property
    def match(self) -> StringMatch:
        for kind, text in self._given():
            if self.regex != "*":
                return StringMatch(kind, text)
        return StringMatch(MatchKind.PRESENT)

    def _given(self) -> list[tuple[MatchKind, str]]:
        texts = {
            MatchKind.EXACT: self.exact,
            MatchKind.PREFIX: self.prefix,
            MatchKind.REGEX: self.regex,
        }
        return [(kind, text) for kind, text in texts.items() if text is not None]


def retry_words(node: Node) -> tuple[frozenset[str], frozenset[int]]:
    """Envoy's retry conditions, and the status codes to retry on."""
    words, codes = set(), set()
    for word in filter(None, map(str.strip, expect(node, str).split(","))):
        if word in _RETRY_DONE:
            words.add(word)
        elif word in _STATUS_CODES:
            codes.add(int(word))
        elif word in _RETRY_NOT_DONE:
            raise FieldError(f"the retry condition {word!r} is not supported yet", "remove it")
        else:
            raise FieldError(
                f"{word!r} is neither a retry condition nor a status code",
                f"use {', '.join(sorted(_RETRY_DONE))} or codes such as 503",
            )
    # The codes speak for themselves, with the word and without.
    return frozenset(words - {"retriable-status-codes"}), frozenset(codes)


_STATUS_CODES = frozenset(str(int(status)) for status in http.HTTPStatus)
_RETRY_DONE = frozenset(
    {
        "5xx",
        "gateway-error",
        "reset",
        "connect-failure",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        # Conditions on gRPC's status; in Istio's default, and never true of plain HTTP/1.1.
        "unavailable",
        "cancelled",
    }
)
_RETRY_NOT_DONE = frozenset(
    {
        "reset-before-request",
        "retriable-headers",
        "envoy-ratelimited",
        "http3-post-connect-failure",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
    }
)


def gateway_name(node: Node) -> str:
    text = expect(node, str)
    if not _GATEWAY.fullmatch(text):
        raise FieldError(
            f"{text!r} is not the name of a Gateway", "write 'name' or 'namespace/name'"
        )
    return text


@dataclass(frozen=True)
class PortSelector(Message):
    """A port of the destination."""

    number: Annotated[int, Read(port_number)]


@dataclass(frozen=True)
class Destination(Message):
    """A service, or a subset of it."""

    host: Annotated[str, Read(host_name)]
    subset: Annotated[str, Read(label_name)] = ""
    port: PortSelector | None = None


@dataclass(frozen=True)
class WeightedDestination(Message, not_done="headers"):
    """Istio's ``HTTPRouteDestination``."""

    destination: Destination
    weight: Annotated[int, Read(count)] | None = None


@dataclass(frozen=True)
class HttpMatch(Message, no_effect="statPrefix"):
    """Istio's ``HTTPMatchRequest``: conditions that must all hold."""

    name: str = ""
    uri: TextMatch | None = None
    scheme: TextMatch | None = None
    method: TextMatch | None = None
    authority: TextMatch | None = None
    headers: Mapping[str, TextMatch] | None = None
    without_headers: Mapping[str, TextMatch] | None = None
    query_params: Mapping[str, TextMatch] | None = None
    ignore_uri_case: bool = False
    port: Annotated[int, Read(port_number)] | None = None
    gateways: tuple[Annotated[str, Read(gateway_name)], ...] = ()
    source_labels: Mapping[str, str] | None = None
    source_namespace: str = ""

    def check(self) -> None:
        for name in [*(self.headers or ()), *(self.without_headers or ())]:
            if name.startswith("@request.auth.claims"):
                raise FieldError("matching on JWT claims is not supported yet", f"remove {name!r}")
            if not _TOKEN.fullmatch(name):
                raise FieldError(f"{name!r} is not a header name", _PSEUDO.get(name, ""))
        if self.query_params and "" in self.query_params:
            raise FieldError("a query parameter without a name")
        if self.uri is not None and self.uri.regex == "*":
            raise FieldError("'*' is not a regular expression", "write .* for any path")
        for part in (self.scheme, self.method, self.authority):
            # Every request has these, so there is no point in asking whether they are there.
            if part is not None and part.match.kind is MatchKind.PRESENT:
                raise FieldError(
                    "a condition that always holds",
                    "remove it, or say what the value must be",
                    part.node,
                )


_PSEUDO = {
    ":method": "use the field 'method'",
    ":authority": "use the field 'authority'",
    ":scheme": "use the field 'scheme'",
    ":path": "use the field 'uri'",
}


@dataclass(frozen=True)
class Retries(Message, not_done="retryRemoteLocalities retryIgnorePreviousHosts backoff"):
    """Istio's ``HTTPRetry``."""

    attempts: Annotated[int, Read(count)] = 0
    per_try_timeout: Annotated[float, Read(positive_duration)] | None = None
    retry_on: Annotated[tuple[frozenset[str], frozenset[int]], Read(retry_words)] | None = None

    def check(self) -> None:
        if not self.attempts and (self.per_try_timeout is not None or self.retry_on is not None):
            raise FieldError(
                "retries are configured, but 'attempts' is 0 (its default), which disables them",
                "set 'attempts'",
            )

    def policy(self) -> RetryPolicy | None:
        """Envoy's policy; conditions that are not given are Istio's default ones."""
        if not self.attempts:
            return None
        conditions = self.retry_on
        if conditions is None or not (conditions[0] or conditions[1]):
            return RetryPolicy(self.attempts, per_try_timeout=self.per_try_timeout)
        return RetryPolicy(self.attempts, *conditions, per_try_timeout=self.per_try_timeout)


@dataclass(frozen=True)
class HttpRoute(
    Message,
    not_done="redirect directResponse delegate rewrite fault mirror mirrors mirrorPercent "
    "mirror_percent mirrorPercentage corsPolicy headers",
):
    """Istio's ``HTTPRoute``: an entry of ``http``."""

    name: str = ""
    match: tuple[HttpMatch, ...] = ()
    route: tuple[WeightedDestination, ...] = ()
    timeout: Annotated[float, Read(duration)] | None = None
    retries: Retries | None = None

    def check(self) -> None:
        if not self.route:
            raise FieldError("the http entry has no 'route'", "add 'route' with a destination")
        if len(self.route) > 1 and not sum(target.weight or 0 for target in self.route):
            raise FieldError(
                "the weights of the destinations add up to 0",
                "give each destination its 'weight'; one without gets no request",
            )


@dataclass(frozen=True)
class VirtualService(Message, not_done="tcp tls"):
    """Istio's ``VirtualService``."""

    hosts: tuple[Annotated[str, Read(domain)], ...]
    http: tuple[HttpRoute, ...] = ()
    gateways: tuple[Annotated[str, Read(gateway_name)], ...] = ("mesh",)
    export_to: tuple[str, ...] = ()

    def check(self) -> None:
        if not self.hosts:
            raise FieldError("the VirtualService has no hosts", "add 'hosts'")
        if not self.http:
            raise FieldError("the VirtualService has no routes", "add 'http'")
