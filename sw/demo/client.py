"""The client: Python's own ``http.client``, over keep-alive connections, from several threads."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .script import Ask

__all__ = ["Answer", "ask_all"]

_TIMEOUT = 20.0
_PAUSE = 0.05
"""Seconds between the pieces of a head; each becomes a TCP segment of its own."""


@dataclass(frozen=True)
class Answer:
    """What came back for the request with *number*; status 0 and *failure* where nothing did."""

    number: int
    ask: Ask
    status: int = 0
    pod: str = ""
    content: bytes = b""
    failure: str = ""


def numbered(target: str, number: int) -> str:
    """*target* with a query parameter by which the request is found in the access log."""
    return f"{target}{'&' if '?' in target else '?'}n={number}"


def ask_all(
    address: tuple[str, int],
    asks: Sequence[tuple[int, Ask]],
    clients: int,
    on_answer: Callable[[], None],
) -> list[Answer]:
    """Send all *asks*, each with its number, from *clients* threads that begin at the same time."""
    together = threading.Barrier(clients)

    def work(share: Sequence[tuple[int, Ask]]) -> list[Answer]:
        connection = _Connection(*address, timeout=_TIMEOUT)
        connection.connect()
        together.wait()
        answers = []
        for number, ask in share:
            answers.append(_ask(connection, number, ask))
            on_answer()
        connection.close()
        return answers

    with ThreadPoolExecutor(clients) as pool:
        shares = pool.map(work, [asks[first::clients] for first in range(clients)])
        return [answer for share in shares for answer in share]


class _Connection(http.client.HTTPConnection):
    """One that sends a head at once."""

    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _ask(connection: _Connection, number: int, ask: Ask) -> Answer:
    try:
        response = (
            _send_raw(connection, number, ask) if ask.wire else _send(connection, number, ask)
        )
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()  # the next request opens it again
        return Answer(number, ask, failure=str(error) or type(error).__name__)
    return Answer(number, ask, response.status, response.getheader("X-Pod", ""), content)


def _send(connection: _Connection, number: int, ask: Ask) -> http.client.HTTPResponse:
    headers = {"Host": ask.host, **dict(ask.headers)}
    body: bytes | Iterator[bytes] | None = ask.body or None
    if ask.chunked:
        body = iter([ask.body[:5], ask.body[5:]])
        headers["Transfer-Encoding"] = "chunked"
    target = numbered(ask.target, number)
    connection.request(ask.method, target, body, headers, encode_chunked=ask.chunked)
    return connection.getresponse()


def _send_raw(connection: _Connection, number: int, ask: Ask) -> http.client.HTTPResponse:
    """Send bytes that ``http.client`` would not, over a new connection."""
    connection.close()
    connection.connect()
    for piece in ask.wire:
        connection.sock.sendall(piece.format(target=numbered(ask.target, number)).encode())
        time.sleep(_PAUSE)
    response = http.client.HTTPResponse(connection.sock, method=ask.method)
    response.begin()
    return response
