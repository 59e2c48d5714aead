"""An access log that cannot be written: the requests go on, and their connections too."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import Served, serving

REQUEST = b"GET /api/x HTTP/1.1\r\nHost: town.example.com\r\n"
BODY = b"\r\n\r\nGET /api/x\n"
LONG = b"GET /%b HTTP/1.1\r\nHost: village.example.com\r\n\r\n" % (b"x" * 30000)
"""There is no such host: the answer is soon there, and the line as long as the request."""


@contextmanager
def fifo(folder: Path) -> Iterator[tuple[Path, int]]:
    """A pipe, and the number of the file that reads it."""
    path = folder / "pipe"
    os.mkfifo(path)
    yield path, os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def answer(client: socket.socket, request: bytes, end: bytes = BODY, count: int = 1) -> None:
    client.sendall(request)
    came = b""
    while came.count(end) < count:
        data = client.recv(4096)
        assert data, came
        came += data


def ended(gateway: Served) -> list[str]:
    """The lines that it has said, once it has been asked to stop."""
    gateway.process.terminate()
    assert gateway.process.wait(10) == 0
    return gateway.said().splitlines()


@pytest.mark.parametrize("lost", ["a full disk", "a reader that is gone"])
def test_a_log_that_cannot_be_written_costs_lines_and_no_more(yaml, tmp_path, lost):
    with fifo(tmp_path) as (pipe, reader):
        log = Path("/dev/full") if lost == "a full disk" else pipe
        with serving(yaml, "off", log, strict=True) as gateway:
            os.close(reader)
            with socket.create_connection(("127.0.0.1", gateway.port), 5) as client:
                answer(client, REQUEST + b"\r\n")
                answer(client, 2 * (REQUEST + b"\r\n"), count=2)
                answer(client, REQUEST + b"Connection: close\r\n\r\n")
                assert client.recv(4096) == b""
            (line,) = ended(gateway)
            assert line.startswith(f"the access log {log}: lines are lost (")


def test_nobody_waits_for_who_reads_the_log(yaml, tmp_path):
    """Three megabytes of it, where a pipe has one; what is read then are whole lines."""
    with fifo(tmp_path) as (pipe, reader):
        with serving(yaml, "off", pipe, strict=True) as gateway:
            with socket.create_connection(("127.0.0.1", gateway.port), 5) as client:
                for _ in range(100):
                    answer(client, LONG, b"\r\n\r\n")
                came = b""
                while len(came) < 1 << 19:
                    came += os.read(reader, 1 << 16)
                answer(client, REQUEST + b"\r\n")
            (line,) = ended(gateway)
            assert line == f"the access log {pipe}: lines are lost (its reader is too slow)"
        while data := os.read(reader, 1 << 16):
            came += data
        os.close(reader)
    paths = [json.loads(line)["path"] for line in came.splitlines()]
    assert 20 < len(paths) < 100
    assert set(paths) == {"/" + "x" * 30000, "/api/x"}
    assert paths[-1] == "/api/x"
