"""An access log that cannot be written: the requests go on, and their connections too."""

import os
import socket
from pathlib import Path

import pytest

from .conftest import serving

REQUEST = b"GET /api/x HTTP/1.1\r\nHost: town.example.com\r\n"
BODY = b"\r\n\r\nGET /api/x\n"


def answer(client: socket.socket, request: bytes) -> bytes:
    client.sendall(request)
    came = b""
    while not came.endswith(BODY):
        data = client.recv(4096)
        assert data, came
        came += data
    return came


@pytest.mark.parametrize("lost", ["a full disk", "a reader that is gone"])
def test_a_log_that_cannot_be_written_costs_lines_and_no_more(yaml, tmp_path, lost):
    log = Path("/dev/full")
    if lost != "a full disk":
        log = tmp_path / "pipe"
        os.mkfifo(log)
        reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    with serving(yaml, "off", log, strict=True) as gateway:
        if lost != "a full disk":
            os.close(reader)
        with socket.create_connection(("127.0.0.1", gateway.port), 5) as client:
            answer(client, REQUEST + b"\r\n")
            twice = answer(client, 2 * (REQUEST + b"\r\n"))  # both come, the second after the first
            while twice.count(BODY) < 2:
                twice += client.recv(4096)
            answer(client, REQUEST + b"Connection: close\r\n\r\n")
            assert client.recv(4096) == b""
        gateway.process.terminate()
        assert gateway.process.wait(10) == 0
        (line,) = gateway.said().splitlines()
        assert line.startswith(f"the access log {log}: lines are lost (")
