"""CORS: preflights answered by the gateway, and fields for the browser (``corsPolicy``)."""

from dataclasses import replace

import re2

from hybridmesh.config.model import CorsPolicy, MatchKind, StringMatch

from ..reply import Reply
from ..request import Request
from . import lines

__all__ = ["PREFLIGHT", "Cors"]

PREFLIGHT = "cors_response"
"""Details of the answers to preflights."""

_ALLOW = "access-control-allow-"
_REQUEST = "access-control-request-"


class Cors:
    """One route's policy."""

    __slots__ = ("_policy", "_regexes")

    def __init__(self, policy: CorsPolicy) -> None:
        self._policy = replace(
            policy,
            methods=lines.wire(policy.methods),
            headers=lines.wire(policy.headers),
            expose=lines.wire(policy.expose),
        )
        self._regexes = {
            origin.value: re2.compile(origin.value)
            for origin in policy.origins
            if origin.kind is MatchKind.REGEX
        }

    def preflight(self, request: Request) -> Reply | None:
        """The answer to a preflight; None: it is none, or not the gateway's to answer."""
        origin = request.value("origin")
        method = request.value(f"{_REQUEST}method")
        if not origin or request.method != "OPTIONS" or not method:
            return None
        policy = self._policy
        allowed = self._allows(origin)
        if not allowed and policy.forward_unmatched:
            return None
        asked = request.value(f"{_REQUEST}headers") or ""
        fields = {
            "origin": origin if allowed else "",
            "credentials": "true" if policy.credentials else "",
            "methods": method if policy.methods == "*" else policy.methods,
            "headers": asked if policy.headers == "*" else policy.headers,
        }
        head = b""
        for name, value in fields.items():
            if value:
                head = lines.add(head, _ALLOW + name, value)
        if policy.max_age is not None:
            head = lines.add(head, "access-control-max-age", str(policy.max_age))
        if policy.expose and allowed:
            head = lines.add(head, "access-control-expose-headers", policy.expose)
        return Reply(200, b"", PREFLIGHT, fields=head, adapts=False)

    def mark(self, request: Request, head: bytes) -> bytes:
        """The response *head* with what the browser is told."""
        origin = request.value("origin")
        if not origin or not self._allows(origin):
            return head
        head = _put(head, f"{_ALLOW}origin", origin)
        if self._policy.credentials:
            head = _put(head, f"{_ALLOW}credentials", "true")
        if self._policy.expose:
            head = _put(head, "access-control-expose-headers", self._policy.expose)
        return head

    def _allows(self, origin: str) -> bool:
        return any(self._agrees(allowed, origin) for allowed in self._policy.origins)

    def _agrees(self, allowed: StringMatch, origin: str) -> bool:
        if allowed.kind is MatchKind.EXACT:
            return allowed.value in ("*", origin)
        if allowed.kind is MatchKind.PREFIX:
            return origin.startswith(allowed.value)
        regex = self._regexes[allowed.value]
        # Envoy asks whether "*" agrees, whoever the origin is.
        return bool(regex.fullmatch(origin) or regex.fullmatch("*"))


def _put(head: bytes, name: str, value: str) -> bytes:
    return lines.add(lines.drop(head, name), name, value)
