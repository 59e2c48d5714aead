"""SIGTERM and SIGINT to the command itself, while it is busy.

Python runs in its development mode: what is left open, and every task that nobody has waited for,
would be on standard error, where there must be nothing.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from .conftest import Served, serving
from .ledger import Books, Reader, Writer, head_of, pods_of, post

GRACE = 5.0
SLACK = 3.0
"""Seconds that a busy machine may take more."""

Act = Callable[[Served], Awaitable[None]]


def reply(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def soon(number: str, reader: Reader, writer: Writer) -> None:
    await asyncio.sleep(random.random() * 0.05)
    writer.write(reply(number.encode()))


async def ended(gateway: Served, seconds: float) -> int:
    """The exit code, which must be there in time."""
    async with asyncio.timeout(seconds + SLACK):
        while (code := gateway.process.poll()) is None:
            await asyncio.sleep(0.01)
    return code


@pytest.fixture
def scene(tmp_path: Path):
    """Runs an act before the gateway, whose pods answer as they are told to."""

    def scene(books: Books, answer, act: Act, nic: str = "off") -> None:
        async def main() -> None:
            async with pods_of(books, answer, tmp_path) as yaml:
                with serving(yaml, nic, tmp_path / "log", strict=True) as gateway:
                    await act(gateway)

        asyncio.run(main())

    return scene


@pytest.mark.parametrize("nic", ["off", "sim"])
def test_sigterm_under_load_loses_no_request_and_does_none_twice(scene, nic):
    books = Books()

    async def act(gateway: Served) -> None:
        over = asyncio.Event()
        clients = [asyncio.create_task(books.client(gateway.port, 0.1, over)) for _ in range(40)]
        await asyncio.sleep(1.0)
        assert len(books.answered) > 40
        os.kill(gateway.process.pid, signal.SIGTERM)
        assert await ended(gateway, GRACE) == 0
        over.set()
        await asyncio.gather(*clients)
        assert gateway.said() == ""

    scene(books, soon, act, nic)
    assert set(books.served.values()) == {1}
    assert books.answered == set(books.served)
    assert not books.ends["cut, used"], books.ends
    assert books.ends["told"]


def test_a_client_without_a_request_is_let_go_soon(scene):
    books = Books()

    async def act(gateway: Served) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(post("1"))
        await head_of(reader)
        started = time.monotonic()
        os.kill(gateway.process.pid, signal.SIGTERM)
        assert await reader.read() == b""
        assert time.monotonic() - started < GRACE
        assert await ended(gateway, 0) == 0
        assert gateway.said() == ""
        writer.close()

    scene(books, soon, act)


def test_a_request_that_is_still_coming_is_done(scene):
    books = Books()

    async def act(gateway: Served) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        request = post("1", b"x" * 10)
        writer.write(request[:-5])
        await asyncio.sleep(0.1)
        os.kill(gateway.process.pid, signal.SIGTERM)
        await asyncio.sleep(1.5)  # longer than a client without a request may stay
        writer.write(request[-5:])
        head, body = await head_of(reader)
        assert body == b"1"
        assert b"\r\nconnection: close\r\n" in head
        assert await ended(gateway, GRACE) == 0
        assert gateway.said() == ""
        writer.close()

    scene(books, soon, act)


async def never(number: str, reader: Reader, writer: Writer) -> None:
    await reader.read()


def test_there_is_an_end_to_waiting_for_a_pod(scene):
    books = Books()

    async def act(gateway: Served) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(post("1"))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        os.kill(gateway.process.pid, signal.SIGTERM)
        assert await ended(gateway, GRACE) == 0
        assert time.monotonic() - started > GRACE
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await head_of(reader)
        assert gateway.said() == ""
        writer.close()

    scene(books, never, act)


@pytest.mark.parametrize(
    ("signals", "code", "words"),
    [
        ((signal.SIGTERM, signal.SIGTERM), 0, ""),
        ((signal.SIGINT, signal.SIGINT), 130, "\nhybridmesh: interrupted\n"),
    ],
)
def test_the_second_signal_ends_it_at_once(scene, signals, code, words):
    books = Books()

    async def act(gateway: Served) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(post("1"))
        await asyncio.sleep(0.1)
        os.kill(gateway.process.pid, signals[0])
        await asyncio.sleep(0.3)
        assert gateway.process.poll() is None
        os.kill(gateway.process.pid, signals[1])
        assert await ended(gateway, 0) == code
        assert gateway.said() == words
        writer.close()

    scene(books, never, act)
