"""The client: one request after the other, and the answers to them."""

import asyncio
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from .exchange import Answer, masked, shortened
from .pods import TAG
from .wire import LIMIT, read_message

__all__ = ["Client", "Request"]

_PATIENCE = 20.0
"""Seconds for an answer; on a machine with much other work some are late."""


@dataclass(frozen=True)
class Request:
    """A request, as it goes on the wire.

    Attributes
    ----------
    line : str
        The request line.
    lines : tuple of str
        Lines of the head, ``Host`` among them.
    raw : str or None
        Instead of all this; ``{tag}`` in it is replaced by the tag.
    """

    line: str = ""
    lines: tuple[str, ...] = ()
    body: str = ""
    raw: str | None = None

    def render(self, tag: str) -> bytes:
        if self.raw is not None:
            return self.raw.replace("{tag}", tag).encode("latin-1")
        lines = (self.line, *self.lines, f"{TAG}: {tag}", "", self.body)
        return "\r\n".join(lines).encode("latin-1")

    @property
    def method(self) -> str:
        return (self.line if self.raw is None else self.raw.lstrip()).partition(" ")[0]


class Client:
    """A client of *port*; its connection is used for as long as it lasts.

    With *tls* it asks for the server *name*.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, name: str = "") -> None:
        self._port = port
        self._tls: dict[str, Any] = {}
        if tls is not None:
            self._tls = {"ssl": tls, "server_hostname": name}
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: Request, tag: str) -> Answer:
        """Send *request* and read the answer, to which the pods' part is still missing.

        Raises :exc:`TimeoutError` where it does not come.
        """
        async with asyncio.timeout(_PATIENCE):
            return await self._ask(request, tag)

    async def _ask(self, request: Request, tag: str) -> Answer:
        if self._writer is None:
            try:
                self._reader, self._writer = await asyncio.open_connection(
                    "127.0.0.1", self._port, limit=LIMIT, **self._tls
                )
            except OSError:
                return Answer()
        reader, writer = self._reader, self._writer
        assert reader is not None
        writer.write(request.render(tag))
        interim: list[int] = []
        while True:
            message = await read_message(reader, head_only=request.method == "HEAD")
            if message is None:
                self.close()
                return Answer(interim=tuple(interim))
            _, status, *reason = message.line.split(" ", 2)
            if int(status) >= 200 or int(status) == 101:
                break
            interim.append(int(status))
        if not message.whole or message.value("connection") == "close":
            self.close()
        return Answer(
            int(status),
            "".join(reason),
            tuple(interim),
            tuple(masked(name, value) for name, value in message.fields),
            shortened(message.body.decode("latin-1")),
            message.whole,
        )

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
