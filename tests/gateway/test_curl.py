"""curl and raw sockets through ``hybridmesh serve --nic sim``: the same answers as with no NIC."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Served, serving
from .town import HOST, MEGABYTE

REPORT = "%{stderr}%{http_code} %header{x-pod} %{num_connects}\n"
"""Per transfer: status, pod, connections that were opened for it."""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def gateways(
    yaml: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Served]]:
    """One on the simulated NIC, one without a NIC."""
    logs = tmp_path_factory.mktemp("logs")
    with ExitStack() as stack:
        sim, off = (stack.enter_context(serving(yaml, nic, logs / nic)) for nic in ("sim", "off"))
        yield sim, off


@dataclass(frozen=True)
class Case:
    """What curl is told, and what it then reports and prints; ``verdicts`` of the NIC."""

    arguments: Sequence[str]
    reports: Sequence[str]
    body: bytes
    verdicts: Sequence[str]
    stdin: bytes = b""


def post(*arguments: str) -> tuple[str, ...]:
    return ("--data-binary", "@-", *arguments)


CASES = {
    "get": Case(["/"], ["200 web 1"], b"GET /\n", ["decided"]),
    "keep-alive": Case(
        ["/api/1", "/nowhere"],
        ["200 api 1", "200 web 0"],
        b"GET /api/1\nGET /nowhere\n",
        ["decided", "decided"],
    ),
    "regex": Case(["/orders/17"], ["200 orders 1"], b"GET /orders/17\n", ["provisional"]),
    "header": Case(["-H", "X-Group: beta", "/api/1"], ["200 beta 1"], b"GET /api/1\n", ["decided"]),
    "another host": Case(["-H", "Host: village.example.com", "/"], ["404  1"], b"", ["decided"]),
    "percent-encoded": Case(
        ["/%61pi/caf%C3%A9"], ["200 api 1"], b"GET /api/caf%C3%A9\n", ["undecided"]
    ),
    "post": Case(post("/upload"), ["200 upload 1"], b"a=1&b=2", ["decided"], b"a=1&b=2"),
    "post, then get": Case(
        post("/upload", "--next", "/"),
        ["200 upload 1", "200 web 0"],
        b"a=1GET /\n",
        ["decided", "decided"],
        b"a=1",
    ),
    "chunked": Case(
        post("-H", "Transfer-Encoding: chunked", "/upload"),
        ["200 upload 1"],
        MEGABYTE[:100_001],
        ["decided"],
        MEGABYTE[:100_001],
    ),
    "a megabyte down": Case(["/megabyte"], ["200 web 1"], MEGABYTE, ["decided"]),
    "a megabyte up and down": Case(
        post("/upload"), ["200 upload 1"], MEGABYTE, ["decided"], MEGABYTE
    ),
    "a megabyte up, then get": Case(
        post("-o", "unread", "/upload", "--next", "/"),
        ["200 upload 1", "200 web 0"],
        b"GET /\n",
        ["decided", "decided"],
        MEGABYTE,
    ),
    "a chunked megabyte": Case(
        post("-H", "Transfer-Encoding: chunked", "/upload"),
        ["200 upload 1"],
        MEGABYTE,
        ["decided"],
        MEGABYTE,
    ),
    "expect": Case(
        # Without the 100 that it waits for, curl would stay silent for longer than the test waits.
        post("-H", "Expect: 100-continue", "--expect100-timeout", "60", "/upload"),
        ["200 upload 1"],
        b"a=1",
        ["decided"],
        b"a=1",
    ),
    "head": Case(["-I", "-o", "unread", "/api/1"], ["200 api 1"], b"", ["decided"]),
    "head, then get": Case(
        ["-I", "-o", "unread", "/megabyte", "--next", "/"],
        ["200 web 1", "200 web 0"],
        b"GET /\n",
        ["decided", "decided"],
    ),
    "http/1.0": Case(
        ["-0", "/", "/api/1"],
        ["200 web 1", "200 api 1"],
        b"GET /\nGET /api/1\n",
        ["decided", "decided"],
    ),
    "connection: close": Case(
        ["-H", "Connection: close", "/", "/api/1"],
        ["200 web 1", "200 api 1"],
        b"GET /\nGET /api/1\n",
        ["decided", "decided"],
    ),
}


@needs_curl
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_curl_gets_the_same_with_the_nic_and_without(gateways, tmp_path, case):
    sim, off = gateways
    for gateway, verdicts in ((sim, case.verdicts), (off, ["none"] * len(case.verdicts))):
        logged = len(gateway.log.read_text().splitlines())
        assert curl(gateway.port, tmp_path, case) == (list(case.reports), case.body)
        assert verdicts_of(gateway.log, logged, len(verdicts)) == list(verdicts)


def curl(port: int, folder: Path, case: Case) -> tuple[list[str], bytes]:
    """What curl, run in *folder*, reports of each transfer, and all that it prints."""
    base = ["--silent", "--show-error", "--write-out", REPORT]
    base += ["--resolve", f"{HOST}:{port}:127.0.0.1", "--noproxy", "*"]
    words = list(base)
    for word in case.arguments:
        if word == "--next":
            words += ["--next", *base]
        elif word.startswith("/"):
            words.append(f"http://{HOST}:{port}{word}")
        else:
            words.append(word)
    done = subprocess.run(
        ["curl", "--disable", *words],
        cwd=folder,
        input=case.stdin,
        capture_output=True,
        timeout=20,
    )
    return done.stderr.decode().splitlines(), done.stdout


def verdicts_of(log: Path, start: int, count: int) -> list[str]:
    """States of the verdicts in the lines from *start* on; waits for *count* of them."""
    end = time.monotonic() + 2
    while True:
        lines = log.read_text().splitlines()[start:]
        if len(lines) >= count or time.monotonic() > end:
            return [json.loads(line)["verdict"]["state"] for line in lines]
        time.sleep(0.01)


def test_pipelined_requests_are_answered_in_their_order(gateways):
    requests = (
        b"GET /api/1 HTTP/1.1\r\nHost: town.example.com\r\n\r\n"
        b"POST /upload HTTP/1.1\r\nHost: town.example.com\r\nContent-Length: 4\r\n\r\nbody"
        b"GET /orders/5 HTTP/1.1\r\nHost: town.example.com\r\n\r\n"
        b"POST /upload HTTP/1.1\r\nHost: town.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nchunk\r\n0\r\n\r\n"
        b"HEAD /api/2 HTTP/1.1\r\nHost: town.example.com\r\n\r\n"
        b"GET /lost HTTP/1.1\r\nHost: village.example.com\r\n\r\n"
        b"GET /last HTTP/1.1\r\nHost: town.example.com\r\nConnection: close\r\n\r\n"
    )
    for gateway in gateways:
        assert answers(gateway.port, requests) == [
            (b"200", b"api", b"GET /api/1\n"),
            (b"200", b"upload", b"body"),
            (b"200", b"orders", b"GET /orders/5\n"),
            (b"200", b"upload", b"chunk"),
            (b"200", b"api", b""),
            (b"404", b"", b""),
            (b"200", b"web", b"GET /last\n"),
        ]


def answers(port: int, requests: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Status, pod and body of all that comes back for *requests* in one send.

    The length of the answer to HEAD is known to be of a body that does not come.
    """
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(requests)
        data = b"".join(iter(lambda: client.recv(65536), b""))
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in lines)
        length = int(fields[b"content-length"])
        if length == len(b"HEAD /api/2\n") and data.startswith(b"HTTP/1.1 404"):
            length = 0
        found.append((status.split(b" ")[1], fields.get(b"x-pod", b""), data[:length]))
        data = data[length:]
    return found


def test_ctrl_c_ends_the_gateway_on_the_simulated_nic_and_leaves_nothing(yaml, tmp_path):
    with serving(yaml, "sim", tmp_path / "log") as gateway:
        request = b"GET / HTTP/1.1\r\nHost: town.example.com\r\nConnection: close\r\n\r\n"
        assert answers(gateway.port, request) == [(b"200", b"web", b"GET /\n")]
        os.killpg(gateway.process.pid, signal.SIGINT)
        assert gateway.process.wait(10) == 130
        # An empty line comes first: it ends the terminal's ^C.
        assert gateway.process.stderr.read() == "\nhybridmesh: interrupted\n"
        with pytest.raises(ProcessLookupError):
            os.killpg(gateway.process.pid, 0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", gateway.port), 1)
