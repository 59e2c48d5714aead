"""The response's head: parsed by httptools (llhttp, strict), written anew for the client.

What the gateway needs of it: the status, how the body ends (RFC 9112, 6.3), whether the connection
lives on (9.3).  Fields of the pod's hop go, ``server`` becomes the gateway's, ``date`` is added
where the pod gave none.
"""

from functools import lru_cache
from typing import Any

import httptools

from hybridmesh.contract.grammar import MAX_FIELDS

from .framing import Chunked, Framing, Sized, UntilClose
from .reply import reason_phrase

__all__ = ["MAX_HEAD", "ResponseError", "ResponseHead", "read_head"]

MAX_HEAD = 80 * 1024
"""Longest head in bytes that a pod may send, as Envoy has it by default."""

_DROPPED = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"upgrade",
        b"transfer-encoding",
        b"server",
        b"x-envoy-upstream-service-time",
    )
)
"""The hop's own fields (RFC 9110, 7.6.1), and those that the gateway writes itself."""

_KEPT = frozenset((b"content-length", b"date"))
"""Fields that no ``Connection`` option takes away."""


_KNOWN = 1024
"""Heads that are remembered, and bytes that each may have: pods give the same ones again and again,
a second long where they are dated."""


class ResponseError(Exception):
    """The pod's answer is not HTTP/1.x."""


class ResponseHead:
    """One parsed response head.

    Parameters
    ----------
    data : bytes
        The head and nothing else, empty line included.

    Raises
    ------
    ResponseError
        Where it is malformed, too long or of too many fields.
    """

    __slots__ = (
        "_connection",
        "_lines",
        "_minor",
        "_reason",
        "_rendered",
        "_switch",
        "_upgrade",
        "chunked",
        "dated",
        "grpc_status",
        "keep_alive",
        "length",
        "rate_limited",
        "status",
    )

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_HEAD or data.count(b"\n") > MAX_FIELDS + 2:
            raise ResponseError("the head is too large")
        self._lines: list[bytes] = []
        self._connection = b""
        self.dated = False
        self._reason = b""
        self._switch = b"upgrade"
        self._upgrade = b""
        self._rendered: list[bytes | None] = [None, None]  # by the client's version
        self.length: int | None = None
        self.chunked = False
        self.grpc_status: int | None = None
        self.rate_limited = False
        parser: Any = httptools.HttpResponseParser(self)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # said by a 101, which the caller refuses
        except httptools.HttpParserError as error:
            raise ResponseError(str(error.__context__ or error)) from error
        self.status: int = parser.get_status_code()
        if not data.startswith(b"HTTP/1.") or self.status < 100:
            raise ResponseError("not a response of HTTP/1.x")
        self._minor = data[7] - 0x30
        self.keep_alive = self._persists()

    # Called by httptools.

    def on_status(self, reason: bytes) -> None:
        self._reason = reason

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower in _DROPPED:
            if lower == b"connection":
                self._connection += b"," + value.lower()
                self._switch = value
            elif lower == b"transfer-encoding":
                if value.lower() != b"chunked":
                    raise ResponseError("a transfer coding other than chunked")
                self.chunked = True
            elif lower == b"upgrade":
                self._upgrade = value
            return
        self._lines.append(b"%b: %b\r\n" % (lower, value))
        if lower == b"content-length":
            self.length = int(value)
        elif lower == b"date":
            self.dated = True
        elif lower == b"x-envoy-ratelimited":
            self.rate_limited = True
        elif lower == b"grpc-status" and value.isdigit():
            self.grpc_status = int(value)

    # What the gateway asks.

    def size(self, *, head_only: bool) -> int | None:
        """Bytes of the body, where the head says it (RFC 9112, 6.3)."""
        if self.status == 101:
            return None
        if head_only or self.status in (204, 304):
            return 0
        return None if self.chunked else self.length

    def framing(self, *, head_only: bool, decode: bool) -> Framing:
        """How the body ends (RFC 9112, 6.3); *decode* for a client that knows no chunks."""
        size = self.size(head_only=head_only)
        if size is not None:
            return Sized(size)
        if self.chunked and self.status != 101:
            return Chunked(decode=decode)
        return UntilClose()  # or of another protocol (RFC 9110, 15.2.2)

    def render(self, minor: int, service_time: int | None) -> bytes:
        """The head for the client, but for the lines that are the gateway's own: coding, date,
        server and connection.

        Parameters
        ----------
        minor : int
            The client's HTTP version is 1.minor.
        service_time : int or None
            Milliseconds that the pod took; None: it answered before it had all of the request.
        """
        head = self._rendered[minor]
        if head is None:
            head = self._rendered[minor] = self._render(minor)
        if service_time is not None:
            head = b"%bx-envoy-upstream-service-time: %d\r\n" % (head, service_time)
        if self.status == 101:
            head += b"connection: %b\r\nupgrade: %b\r\n" % (self._switch, self._upgrade)
        return head

    def render_interim(self) -> bytes:
        """The head of an interim response (1xx) for the client."""
        reason = self._reason or reason_phrase(self.status)
        return b"HTTP/1.1 %d %b\r\n%b\r\n" % (self.status, reason, b"".join(self._lines))

    def _render(self, minor: int) -> bytes:
        """The status line, and the fields that go on."""
        lines = self._lines
        if self._connection or self.status == 204:
            gone = self._options() | ({b"content-length"} if self.status == 204 else set())
            lines = [line for line in lines if line.partition(b":")[0] not in gone]
        reason = self._reason or reason_phrase(self.status)
        return b"HTTP/1.%d %d %b\r\n%b" % (minor, self.status, reason, b"".join(lines))

    def _persists(self) -> bool:
        """Whether the pod keeps the connection open (RFC 9112, 9.3), as far as the head says."""
        if not self._connection:
            return self._minor == 1
        options = self._options()
        return b"close" not in options and (self._minor == 1 or b"keep-alive" in options)

    def _options(self) -> set[bytes]:
        return {option.strip() for option in self._connection.split(b",")} - _KEPT


_remembered = lru_cache(_KNOWN)(ResponseHead)


def read_head(data: bytes) -> ResponseHead:
    """*data* as a head; what it is depends on nothing but its bytes.

    Raises
    ------
    ResponseError
        Where it is malformed.
    """
    return _remembered(data) if len(data) <= _KNOWN else ResponseHead(data)
