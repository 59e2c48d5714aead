"""HTTP/1.1 as both ends of the test need it: lenient, and with nothing left out or put right."""

import asyncio
import re
from dataclasses import dataclass

from .exchange import Field

__all__ = ["LIMIT", "Message", "read_message"]

LIMIT = 1 << 20
"""Bytes of a head that are read."""


@dataclass(frozen=True)
class Message:
    """A request or a response; ``whole`` says whether its body came to its end."""

    line: str
    fields: tuple[Field, ...]
    body: bytes = b""
    whole: bool = True

    def value(self, name: str) -> str | None:
        """Value of the first field called *name*, which is lower case."""
        return next((value for own, value in self.fields if own.lower() == name), None)


_BODILESS = re.compile(r"HTTP/\S+ (1\d\d|204|304)\b")


async def read_message(reader: asyncio.StreamReader, *, head_only: bool = False) -> Message | None:
    """The next message; None where the connection ends before it.

    Parameters
    ----------
    head_only : bool
        It has no body, whatever its head says.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return None
    line, *lines = head[:-4].decode("latin-1").split("\r\n")
    fields = tuple((n, v.strip()) for n, _, v in (text.partition(":") for text in lines))
    message = Message(line, fields)
    if head_only or _BODILESS.match(line):
        return message
    body = bytearray()
    whole = True
    try:
        if (message.value("transfer-encoding") or "").lower() == "chunked":
            await _read_chunks(reader, body)
        elif (length := message.value("content-length")) is not None:
            await _read(reader, body, int(length))
        elif line.startswith("HTTP/"):
            body += await reader.read(-1)
    except (asyncio.IncompleteReadError, OSError, ValueError):
        whole = False
    return Message(line, fields, bytes(body), whole)


async def _read_chunks(reader: asyncio.StreamReader, body: bytearray) -> None:
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        await _read(reader, body, size)
        await reader.readuntil(b"\r\n")
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass  # trailers


async def _read(reader: asyncio.StreamReader, body: bytearray, size: int) -> None:
    try:
        body += await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        body += error.partial
        raise
