"""Clients that take their time: two hundred at once, of whom a third sends a head byte by byte, a
third a body, and a third does not read its answer.  Others are served, and memory has a bound."""

import asyncio
import resource
from pathlib import Path

from .conftest import Served, serving
from .ledger import Books, Reader, Writer, head_of, pods_of, post
from .town import HOST

CLIENTS = 200
LARGE = bytes(4 << 20)
MOST = 400 * 1024
"""Bytes that one of them may take: what the loop reads at once from the pod, the buffer whose
filling stops the reading, and what Python has to say about it."""


async def large(number: str, reader: Reader, writer: Writer) -> None:
    """A small answer for those who have a number, a large one for the others."""
    body = number.encode() or LARGE
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()


def memory(gateway: Served) -> int:
    """Bytes of the process that are in memory."""
    pages = Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


async def trickle(port: int, request: bytes, first: int, until: asyncio.Event) -> bool:
    """Send *request*, *first* bytes at once and then one by one, the rest when the time has come;
    whether it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request[:first])
    at = first
    while not until.is_set():
        writer.write(request[at : at + 1])
        at += 1
        await asyncio.sleep(0.1)
    writer.write(request[at:])
    head, _ = await head_of(reader)
    writer.close()
    return head.startswith(b"http/1.1 200 ")


async def deaf(port: int, until: asyncio.Event) -> bool:
    """Ask for much and do not read until then; whether all of it comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 17)
    writer.write(f"GET /web HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    await until.wait()
    head = await reader.readuntil(b"\r\n\r\n")
    size = 0
    while data := await reader.read(1 << 16):
        size += len(data)
    writer.close()
    return head.startswith(b"HTTP/1.1 200 ") and size == len(LARGE)


def test_slow_clients_are_served_in_the_end_and_others_meanwhile(tmp_path):
    books = Books()
    head = post("1", b"").replace(b"\r\n\r\n", b"\r\nX-Long: %b\r\n\r\n" % (b"x" * 20000))
    body = post("2", b"y" * 20000)

    async def scene() -> None:
        async with asyncio.timeout(30), pods_of(books, large, tmp_path) as yaml:
            with serving(yaml, "off", tmp_path / "log") as gateway:
                before = memory(gateway)
                until = asyncio.Event()
                slow = [
                    asyncio.create_task(act)
                    for n in range(CLIENTS // 3)
                    for act in (
                        trickle(gateway.port, head, 10000, until),
                        trickle(gateway.port, body, 10000, until),
                        deaf(gateway.port, until),
                    )
                ]
                others = asyncio.create_task(books.client(gateway.port, 0.01, until))
                await asyncio.sleep(1.5)
                grown = memory(gateway) - before
                started = len(books.answered)
                await asyncio.sleep(0.5)
                assert len(books.answered) > started
                until.set()
                assert all(await asyncio.gather(*slow))
                assert grown < CLIENTS * MOST
                await others

    asyncio.run(scene())
