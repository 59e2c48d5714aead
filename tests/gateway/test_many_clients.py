"""More clients than are busy, more than there are files for, and clients that stay too long."""

import asyncio
import gc
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hybridmesh.proxy import Gateway, NoVerdicts, run
from hybridmesh.proxy.core import downstream

from .conftest import Served, serving

REQUEST = b"GET /api/x HTTP/1.1\r\nHost: town.example.com\r\n\r\n"
BODY = b"\r\n\r\nGET /api/x\n"
FILES = 60
IDLE = 400
"""``bench/idle_clients.py`` has ten thousand."""


def client(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5)


def served(sock: socket.socket) -> bool:
    """Whether a pod answers a request; not, if the connection ends."""
    try:
        sock.sendall(REQUEST)
        answer = b""
        while not answer.endswith(BODY):
            data = sock.recv(4096)
            if not data:
                return False
            answer += data
    except ConnectionError:
        return False
    return answer.startswith(b"HTTP/1.1 200 OK\r\n")


def soon_served(port: int) -> bool:
    """Whether a new client is, within two seconds: the gateway may not know yet who has gone."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        with client(port) as sock:
            if served(sock):
                return True
        time.sleep(0.02)
    return False


def memory(gateway: Served) -> int:
    """Bytes of the process that are in memory."""
    pages = Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def limits(gateway: Served) -> list[str]:
    """The soft and the hard limit of open files."""
    lines = Path(f"/proc/{gateway.process.pid}/limits").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("Max open files")]
    return line.split()[3:5]


@contextmanager
def clients(port: int, number: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(client(port)) for _ in range(number)]


def test_idle_clients_take_little_memory_and_all_are_still_served(yaml, tmp_path):
    with serving(yaml, "off", tmp_path / "log") as gateway, ExitStack() as stack:
        warm = [stack.enter_context(client(gateway.port)) for _ in range(50)]
        assert all(served(sock) for sock in warm)
        empty = memory(gateway)
        idle = [stack.enter_context(client(gateway.port)) for _ in range(IDLE)]
        assert all(served(sock) for sock in idle)
        assert memory(gateway) - empty < IDLE * 8192
        assert all(served(sock) for sock in [*warm, *idle])


def test_the_gateway_opens_as_many_files_as_it_may(yaml, tmp_path):
    with serving(yaml, "off", tmp_path / "log", files=(64, 512)) as gateway:
        assert limits(gateway) == ["512", "512"]
        with clients(gateway.port, 300) as many:
            assert all(served(sock) for sock in many)


def test_without_files_clients_are_turned_away_and_that_is_said_once(yaml, tmp_path):
    with serving(yaml, "off", tmp_path / "log", strict=True, files=(FILES, FILES)) as gateway:
        with clients(gateway.port, 2 * FILES) as many:
            lucky = [sock for sock in many if served(sock)]
            assert FILES // 2 < len(lucky) < FILES
            assert all(served(sock) for sock in lucky)
        assert soon_served(gateway.port)
        with clients(gateway.port, 2 * FILES) as many:
            assert not all(served(sock) for sock in many)
        assert soon_served(gateway.port)
        gateway.process.terminate()
        assert gateway.process.wait(10) == 0
        (line,) = gateway.said().splitlines()
        assert f"of {FILES} files are open: clients are turned away" in line


def test_pods_are_reached_when_there_are_no_files_for_clients(yaml, tmp_path):
    """Those who were let in before get their answers, each from a connection of its own."""
    limited = serving(yaml, "off", tmp_path / "log", files=(FILES, FILES))
    with limited as gateway, clients(gateway.port, 2 * FILES) as many:
        time.sleep(0.3)
        assert any(served(sock) for sock in many)


def test_idle_clients_end_in_time_and_leave_nothing(mesh, table, monkeypatch):
    """Of three kinds: silent from the start, after an answer, and in the middle of a head."""
    monkeypatch.setattr(downstream, "CONNECTION_IDLE", 1.0)
    monkeypatch.setattr(downstream, "STREAM_IDLE", 0.5)
    answers = []

    async def scene() -> None:
        gateway = Gateway(mesh, table.resolver, NoVerdicts())
        await gateway.start("127.0.0.1", 0)

        async def idle(data: bytes) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(data)
            answers.append((await reader.read())[:12])
            writer.close()

        try:
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                for _ in range(60):
                    for data in (b"", REQUEST, REQUEST[:20]):
                        group.create_task(idle(data))
            async with asyncio.timeout(2):
                while (counters := gateway.counters())["http.ingress.downstream_cx_active"]:
                    await asyncio.sleep(0.01)
            assert counters["http.ingress.downstream_rq_active"] == 0
            assert counters["http.ingress.downstream_cx_idle_timeout"] == 120
        finally:
            await gateway.stop(0)

    run(scene)
    assert sorted(answers) == [b""] * 60 + [b"HTTP/1.1 200"] * 60 + [b"HTTP/1.1 408"] * 60
    gc.collect()
    assert not [o for o in gc.get_objects() if isinstance(o, downstream.Downstream)]
