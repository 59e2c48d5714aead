"""Local replies: the answers that the gateway gives by itself, with Envoy's bodies and flags."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import quote

from .action import lines
from .flags import ResponseFlag
from .request import Request
from .retry import Reset

__all__ = ["SERVER", "Reply", "bad_request", "reason_phrase", "reset_reply"]

SERVER = b"istio-envoy"
"""Name in the ``server`` field of every response, as Istio's gateway gives it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the gateway's own.

    Attributes
    ----------
    details : str
        ``response_code_details`` of the access log.
    close : bool
        Whether the connection cannot be used any further.
    fields : bytes
        Further lines of its head.
    grpc_status : int or None
        For a request of gRPC; None: that which its status means.
    kind : str
        Content type, if there is a body and the route does not name another; that of gRPC always
        counts.
    adapts : bool
        Whether gRPC gets it in its own form.
    """

    status: int
    body: bytes
    details: str
    flags: int = 0
    close: bool = False
    fields: bytes = b""
    grpc_status: int | None = None
    kind: str = "text/plain"
    adapts: bool = True

    def to(self, request: Request) -> "Reply":
        """As *request* wants it: one of gRPC has its answer in fields
        (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md)."""
        kind = request.value("content-type") or ""
        if not (self.adapts and (kind == _GRPC or kind.startswith(f"{_GRPC}+"))):
            return self
        status = self.grpc_status
        if status is None:
            status = _GRPC_STATUS.get(self.status, 2)
        fields = b"%bgrpc-status: %d\r\n" % (self.fields, status)
        if self.body and request.method != "HEAD":
            text = quote(self.body, safe=_PLAIN)
            fields += b"grpc-message: %b\r\n" % text.encode()
        close = self.close or self.status == 400
        return replace(self, status=200, body=b"", close=close, fields=fields, kind=_GRPC)

    def head(self, minor: int) -> bytes:
        """Its first lines in HTTP/1.minor."""
        phrase = reason_phrase(self.status)
        return b"HTTP/1.%d %d %b\r\n%b" % (minor, self.status, phrase, self.fields)

    def with_body_lines(self, head: bytes) -> bytes:
        """*head*, where a route may have said what the body is, with the lines about it."""
        if self.status == 204:  # RFC 9110, 8.6
            return head
        if self.kind == _GRPC:
            head = lines.drop(head, "content-type")
        head += b"content-length: %d\r\n" % len(self.body)
        if (self.body or self.kind == _GRPC) and b"\r\ncontent-type: " not in head:
            head += b"content-type: %b\r\n" % self.kind.encode()
        return head


NOT_FOUND = Reply(404, b"", "route_not_found", ResponseFlag.NR)
UPGRADE_REFUSED = Reply(403, b"", "upgrade_failed", close=True)
NO_CLUSTER = Reply(503, b"", "cluster_not_found", ResponseFlag.NC)
NO_ENDPOINT = Reply(503, b"no healthy upstream", "no_healthy_upstream", ResponseFlag.UH)
TIMEOUT = Reply(504, b"upstream request timeout", "response_timeout", ResponseFlag.UT)
TRY_TIMEOUT = Reply(504, b"upstream request timeout", "upstream_per_try_timeout", ResponseFlag.UT)
REQUEST_TIMEOUT = Reply(408, b"stream timeout", "stream_idle_timeout", ResponseFlag.SI, close=True)
HEAD_TOO_LARGE = Reply(431, b"Request Header Fields Too Large", "request_headers_too_large",
                       ResponseFlag.DPE, close=True)  # fmt: skip

_RESET_FLAGS = {
    Reset.CONNECT_FAILURE: ResponseFlag.UF,
    Reset.CONNECT_TIMEOUT: ResponseFlag.UF,
    Reset.TERMINATION: ResponseFlag.UC,
    Reset.PROTOCOL_ERROR: ResponseFlag.UPE,
    Reset.OVERFLOW: ResponseFlag.UO,
}


def reset_reply(reset: Reset, *, retried: bool = False) -> Reply:
    """The answer when the last attempt ended in *reset*; *retried*: it was not the first."""
    if reset is Reset.PER_TRY_TIMEOUT:
        return TRY_TIMEOUT
    reason = "retried and the latest reset reason" if retried else "reset reason"
    text = f"upstream connect error or disconnect/reset before headers. {reason}: {reset.value}"
    return Reply(
        status=502 if reset is Reset.PROTOCOL_ERROR else 503,
        body=text.encode(),
        details=f"upstream_reset_before_response_started{{{reset.word}}}",
        flags=_RESET_FLAGS[reset],
        fields=b"x-envoy-overloaded: true\r\n" if reset is Reset.OVERFLOW else b"",
    )


def bad_request(status: int, detail: str) -> Reply:
    """The answer to a head or a body that is not HTTP as this gateway speaks it; 404 is for
    targets that no route can have."""
    if status == 404:
        return replace(NOT_FOUND, details=detail, close=True)
    return Reply(
        status, reason_phrase(status), f"http1.codec_error: {detail}", ResponseFlag.DPE, close=True
    )


def reason_phrase(status: int) -> bytes:
    """Envoy's."""
    if phrase := _PHRASES.get(status):
        return phrase
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Unknown"


_PHRASES = {
    413: b"Payload Too Large",
    414: b"URI Too Long",
    416: b"Range Not Satisfiable",
    418: b"Unknown",
}
"""Where Python has another one (RFC 2616's, or a joke)."""

_GRPC = "application/grpc"
_GRPC_STATUS = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
