"""What a pod answers, to the proxy: cut anywhere it comes to the same, and llhttp reads in what the
client gets what it reads in what the pod has sent.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import httptools

from .chunks import cuts
from .stage import Played, play
from .target import Seen, Target

__all__ = ["RESPONSES"]

_REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def _check(data: bytes, seen: Seen) -> Iterator[str]:
    whole = _answered([data])
    sent, got = _Reading(data), _Reading(whole.client)
    seen((got.status, sent.status, sent.error is None, sent.complete, whole.ended))
    if got.error is not None:
        yield f"the client gets {whole.client!r}: {got.error}"
    elif _is_passed_on(whole) and sent.error is None:
        if (got.status, got.body) != (sent.status, sent.body):
            yield f"{sent.status}, {sent.body!r} is sent; the client gets {whole.client!r}"
        if kept := [line for line in got.lines if line not in sent.lines and not _is_ours(line)]:
            yield f"nobody has sent {kept}"
    for parts in cuts(data):
        played = _answered(parts)
        reading = _Reading(played.client)
        if reading.error is not None:
            yield f"cut into {parts}, the client gets {played.client!r}: {reading.error}"
        elif _is_passed_on(whole) and reading.said() != got.said():
            yield f"cut into {parts}, the client gets {played.client!r}; whole: {whole.client!r}"


def _answered(parts: Sequence[bytes]) -> Played:
    """What becomes of the pod's answer in *parts*, after which it closes the connection."""
    return play([_REQUEST], answer=lambda request: [*filter(None, parts), b""])


def _is_passed_on(played: Played) -> bool:
    """Whether the client gets the pod's answer, and not one of the proxy's own."""
    return b"\r\nx-envoy-upstream-service-time: 0\r\n" in played.client


def _is_ours(line: tuple[bytes, bytes]) -> bool:
    return line[0] in (b"server", b"date", b"x-envoy-upstream-service-time", b"transfer-encoding")


class _Reading:
    """The final answer that llhttp reads in *data*; the names with ``on_`` are httptools'."""

    def __init__(self, data: bytes) -> None:
        self.status, self.body = 0, b""
        self.lines: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.error: Exception | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        try:
            for at in range(len(data)):
                self._parser.feed_data(data[at : at + 1])
                if self.complete and self.status >= 200:
                    break
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            self.error = error

    def said(self) -> tuple[int, list[tuple[bytes, bytes]], bytes, bool]:
        """All of it, but for how the body is cut into chunks."""
        return self.status, self.lines, self.body, self.complete

    def on_message_begin(self) -> None:
        self.lines.clear()
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


RESPONSES = Target(
    claim="a pod's answer, cut anywhere, is the same to the client, and to llhttp what was sent",
    check=_check,
    words=(
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 \r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b": "),
        *(b"Content-Length: 2\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
        *(b"\r\n\r\n", b"\r\n 2", b"2\r\nok\r\n0\r\n\r\n", b"204", b"304", b"101", b"Date: x\r\n"),
    ),
    longest=300,
)
