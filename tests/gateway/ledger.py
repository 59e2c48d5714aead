"""Numbered requests, and books of what became of each: at the pods, and at who sent it."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from .town import HOST, PODS, write_yaml

__all__ = ["Books", "Reader", "Writer", "head_of", "pods_of", "post"]

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Answer = Callable[[str, Reader, Writer], Awaitable[None]]


class Books:
    """Who got what.

    Attributes
    ----------
    served : Counter
        By number, how often a pod has got the whole request.
    answered : set of str
        Numbers of requests that have been answered to the last byte.
    ends : Counter
        How connections have ended.
    """

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        self.answered: set[str] = set()
        self.ends: Counter[str] = Counter()
        self._numbers = count(1)

    async def client(self, port: int, think: float, until: asyncio.Event) -> None:
        """Ask, again and again, *until* then or until the gateway does not listen any more."""
        while not until.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                self.ends["refused"] += 1
                return
            used = False
            try:
                while await self._ask(reader, writer):
                    used = True
                    if until.is_set():
                        return
                    await asyncio.sleep(random.random() * think)
                self.ends["told"] += 1
            except (asyncio.IncompleteReadError, ConnectionError):
                self.ends["cut, used" if used else "cut"] += 1
            finally:
                writer.close()

    async def _ask(self, reader: Reader, writer: Writer) -> bool:
        """One request and its answer; whether there may be another."""
        number = str(next(self._numbers))
        writer.write(post(number))
        head, body = await head_of(reader)
        assert head.startswith(b"http/1.1 200 "), head
        assert body.decode() == number
        self.answered.add(number)
        return b"connection: close" not in head


@asynccontextmanager
async def pods_of(books: Books, answer: Answer, folder: Path) -> AsyncIterator[Path]:
    """The town's pods all run *answer*, once for each request; gives the YAML."""

    async def handler(reader: Reader, writer: Writer) -> None:
        try:
            while True:
                head, _ = await head_of(reader)
                number = head.partition(b"x-number: ")[2].partition(b"\r\n")[0].decode()
                books.served[number] += 1
                await answer(number, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield write_yaml(folder / "town.yaml", dict.fromkeys(PODS, port))


def post(number: str, body: bytes = b"hello") -> bytes:
    """A request that must not be done twice."""
    return (
        f"POST /upload HTTP/1.1\r\nHost: {HOST}\r\nX-Number: {number}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def head_of(reader: Reader) -> tuple[bytes, bytes]:
    """A message: head in lower case, and body by its length."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    return head, await reader.readexactly(length)
