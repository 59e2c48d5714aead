"""The gateway on real sockets, before pods that behave and pods that do not."""

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, cast

import pytest
from playbook import decided, mesh, resolver, route

from hybridmesh.config.model import Cluster, Endpoint, RetryPolicy
from hybridmesh.contract.verdict import Verdict
from hybridmesh.proxy import Gateway, GatewayError, NoVerdicts, VerdictSource, run, serve

MEGABYTE = random.Random(1).randbytes(1024 * 1024)
ON_5XX = RetryPolicy(on=frozenset({"5xx"}))

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Handler = Callable[[Reader, Writer], Awaitable[None]]


# ------------------------------------------------------------------ a NIC that decides everything


class EagerStream:
    """Decides every head that stands at the beginning of what comes in."""

    def __init__(self) -> None:
        self._offset = 0
        self._verdicts: dict[int, Verdict] = {}

    def received(self, data: bytes) -> bytes:
        head, end, _ = data.partition(b"\r\n\r\n")
        if end and b" HTTP/1." in head.partition(b"\r\n")[0]:
            self._verdicts[self._offset] = decided(head + end, touch=b"\nConnection:" in head)
        self._offset += len(data)
        return data

    def verdict(self, offset: int) -> Verdict | None:
        return self._verdicts.pop(offset, None)

    def head_at(self, offset: int) -> None:
        assert offset == self._offset

    def close(self) -> None:
        self._verdicts.clear()


class EagerNic:
    def open(
        self, peer: tuple[str, int], local: tuple[str, int], sock: socket.socket
    ) -> EagerStream:
        return EagerStream()


# ------------------------------------------------------------------ pods


async def read_request(reader: Reader) -> tuple[bytes, bytes]:
    """Head and body, chunks taken apart."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return head, body
    length = 0
    if b"content-length: " in lower:
        length = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(length)


async def echo(reader: Reader, writer: Writer) -> None:
    """Sends every request's body back; ``/chunked``, ``/close``: framed that way."""
    while True:
        head, body = await read_request(reader)
        target = head.split(b" ")[1]
        if head.startswith(b"HEAD"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")
        elif target == b"/chunked":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in range(0, len(body), 50_001):
                piece = body[start : start + 50_001]
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            writer.write(b"0\r\n\r\n")
        elif target == b"/close":
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + body)
            await writer.drain()
            return
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()


def says(data: bytes, *, then_reset: bool = False) -> Handler:
    """Answers the first request with *data*, then closes."""

    async def handler(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(data)
        await writer.drain()
        if then_reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return handler


async def hangs(reader: Reader, writer: Writer) -> None:
    await reader.read()


class World:
    """A gateway and its pods."""

    def __init__(self, gateway: Gateway, pods: list[asyncio.Server]) -> None:
        self.gateway = gateway
        self.pods = pods

    async def client(self) -> tuple[Reader, Writer]:
        return await asyncio.open_connection("127.0.0.1", self.gateway.port)

    async def ask(self, data: bytes) -> tuple[bytes, bytes]:
        """Head and body of the answer on a connection of its own, which ends with it."""
        reader, writer = await self.client()
        writer.write(data)
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return head, body

    def counter(self, name: str) -> int:
        return sum(v for k, v in self.gateway.counters().items() if k.endswith("." + name))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.005)

    async def at_rest(self) -> None:
        """Every request and every client is gone from the books."""
        names = ("downstream_cx_active", "downstream_rq_active", "upstream_rq_active",
                 "upstream_rq_pending_active", "upstream_rq_retry_active")  # fmt: skip
        await self.until(lambda: not any(self.counter(name) for name in names))


@contextlib.asynccontextmanager
async def world(
    *handlers: Handler, source: VerdictSource | None = None, **policy: Any
) -> AsyncIterator[World]:
    def guarded(handler: Handler) -> Handler:
        async def guard(reader: Reader, writer: Writer) -> None:
            try:
                await handler(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        return guard

    pods = [await asyncio.start_server(guarded(handler), "127.0.0.1", 0) for handler in handlers]
    ends = tuple(Endpoint("127.0.0.1", pod.sockets[0].getsockname()[1]) for pod in pods)
    config = mesh([route(**{"retry": None, **policy})], [Cluster("pods", ends)])
    gateway = Gateway(config, resolver(config.table), source or NoVerdicts())
    await gateway.start("127.0.0.1", 0)
    try:
        yield World(gateway, pods)
    finally:
        await gateway.stop(0)
        for pod in pods:
            pod.close()


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def timed() -> None:
        async with asyncio.timeout(20):
            await scene()

    run(timed)


# ------------------------------------------------------------------ what works


@pytest.mark.parametrize("nic", [NoVerdicts(), EagerNic()], ids=["no NIC", "NIC"])
@pytest.mark.parametrize("target", [b"/length", b"/chunked", b"/close"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_megabyte_comes_back_byte_for_byte(
    nic: VerdictSource, target: bytes, chunked: bool
) -> None:
    async def scene() -> None:
        async with world(echo, source=nic) as w:
            reader, writer = await w.client()
            for _ in range(2):
                if chunked:
                    writer.write(b"POST %b HTTP/1.1\r\nHost: a\r\n" % target)
                    writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
                    for start in range(0, len(MEGABYTE), 100_000):
                        piece = MEGABYTE[start : start + 100_000]
                        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    writer.write(b"0\r\n\r\n")
                else:
                    writer.write(
                        b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                        % (target, len(MEGABYTE))
                    )
                    writer.write(MEGABYTE)
                head, body = await read_request(reader)
                assert head.startswith(b"HTTP/1.1 200 OK\r\n")
                assert hashlib.sha256(body).digest() == hashlib.sha256(MEGABYTE).digest()
            unparsed = w.gateway.counters()["http.ingress.verdict.unparsed"]
            assert unparsed == (2 if isinstance(nic, EagerNic) else 0)
            writer.close()
            await w.at_rest()

    play(scene)


@pytest.mark.parametrize("nic", [NoVerdicts(), EagerNic()], ids=["no NIC", "NIC"])
def test_old_clients_head_and_pipelines(nic: VerdictSource) -> None:
    async def scene() -> None:
        async with world(echo, source=nic) as w:
            old = b"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
            head, body = await w.ask(old)
            assert head.startswith(b"HTTP/1.0 200 OK")
            assert b"connection: close" in head
            assert body == b"hi"
            close = b"Connection: close\r\n\r\n"
            head, body = await w.ask(b"HEAD / HTTP/1.1\r\nHost: a\r\n" + close)
            assert b"content-length: 77" in head
            assert body == b""
            post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
            many = b"".join(post + b"\r\n%d" % n for n in range(9)) + post + close + b"9"
            reader, writer = await w.client()
            writer.write(many)
            answers = await reader.read()
            bodies = [part[:1] for part in answers.split(b"\r\n\r\n")[1:]]
            assert b"".join(bodies) == b"0123456789"
            writer.close()
            await w.at_rest()

    play(scene)


def test_a_hundred_clients_at_once_share_the_pods() -> None:
    async def scene() -> None:
        async with world(echo, echo, echo) as w:
            post = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
            answers = await asyncio.gather(*(w.ask(post + b"%03d" % n) for n in range(100)))
            assert [body for _, body in answers] == [b"%03d" % n for n in range(100)]
            await w.at_rest()
            assert w.counter("upstream_rq_total") == 100

    play(scene)


# ------------------------------------------------------------------ pods that misbehave

CLOSE_GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("handler", "status", "body"),
    [
        (says(b""), b"503", b"connection termination"),
        (says(b"", then_reset=True), b"503", b"connection termination"),
        (says(b"HTTP/1.1 200 OK\r\nConte"), b"503", b"connection termination"),
        (says(b"\x16\x03\x01garbage\r\n\r\n"), b"502", b"protocol error"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), b"200", b"abc"),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"),
            b"200",
            b"9\r\nabc",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n"),
            b"502",
            b"protocol error",
        ),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdefg"), b"200", b"abc"),
        (hangs, b"504", b"upstream request timeout"),
    ],
    ids=["silent", "reset", "half a head", "garbage", "short", "short chunk", "long chunk",
         "long", "hung"],
)  # fmt: skip
def test_the_client_is_told_and_nothing_stays_behind(
    handler: Handler, status: bytes, body: bytes
) -> None:
    async def scene() -> None:
        async with world(handler, timeout=0.3) as w:
            head, got = await w.ask(CLOSE_GET)
            assert head.split(b" ")[1] == status
            assert got.endswith(body)
            await w.at_rest()

    play(scene)


def test_a_pod_that_is_not_there_is_503_until_it_is_back() -> None:
    async def scene() -> None:
        async with world(echo) as w:
            address = w.pods[0].sockets[0].getsockname()
            w.pods[0].close()
            head, body = await w.ask(CLOSE_GET)
            assert head.startswith(b"HTTP/1.1 503")
            assert body.endswith(b"remote connection failure")
            w.pods[0] = await asyncio.start_server(echo, *address)
            assert (await w.ask(CLOSE_GET))[0].startswith(b"HTTP/1.1 200")
            await w.at_rest()

    play(scene)


def test_pods_that_take_no_connection_leave_no_file_open() -> None:
    """Whether the time for it is over, or the client has gone before."""

    async def ask(port: int, *, stays: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        if stays:
            answer = await reader.read()
        else:
            await asyncio.sleep(0.05)
            answer = b""
        writer.transport.abort()
        return answer.partition(b"\r\n")[0]

    async def scene() -> None:
        with contextlib.ExitStack() as stack:
            full = stack.enter_context(socket.socket())
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(4):  # those who come after them have to wait
                ahead = stack.enter_context(socket.socket())
                ahead.setblocking(False)
                ahead.connect_ex(full.getsockname())
            pod = Cluster("pods", (Endpoint(*full.getsockname()),), connect_timeout=0.2)
            config = mesh([route(retry=None)], [pod])
            gateway = Gateway(config, resolver(config.table), NoVerdicts())
            await gateway.start("127.0.0.1", 0)
            files = len(os.listdir("/proc/self/fd"))
            asked = (ask(gateway.port, stays=bool(n % 3)) for n in range(30))
            answers = await asyncio.gather(*asked)
            assert set(answers) == {b"", b"HTTP/1.1 503 Service Unavailable"}
            await World(gateway, []).at_rest()
            await World(gateway, []).until(lambda: len(os.listdir("/proc/self/fd")) == files)
            await gateway.stop(0)

    play(scene)


def test_a_retry_rescues_the_request_on_another_pod() -> None:
    async def scene() -> None:
        broken = says(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n")
        async with world(broken, echo, retry=ON_5XX) as w:
            post = CLOSE_GET.replace(b"GET", b"POST")[:-2] + b"Content-Length: 4\r\n\r\nbody"
            for _ in range(20):
                head, body = await w.ask(post)
                assert head.startswith(b"HTTP/1.1 200")
                assert body == b"body"
            assert w.counter("upstream_rq_retry") == w.counter("upstream_rq_retry_success") > 0
            await w.at_rest()

    play(scene)


# ------------------------------------------------------------------ flow control


def test_a_client_that_does_not_read_stops_the_pod() -> None:
    sent = 0

    async def floods(reader: Reader, writer: Writer) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async def scene() -> None:
        async with world(floods) as w:
            reader, writer = await w.client()
            writer.write(CLOSE_GET)
            before = -1
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 30_000_000  # what the sockets' buffers hold, not what the proxy took
            got = 0
            while piece := await reader.read(1 << 20):
                got += len(piece)
            assert got > 100_000_000
            writer.close()
            await w.at_rest()

    play(scene)


def test_a_pod_that_does_not_read_stops_the_client() -> None:
    async def scene() -> None:
        release = asyncio.Event()

        async def late(reader: Reader, writer: Writer) -> None:
            await release.wait()
            _, body = await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%08d" % len(body))
            await writer.drain()

        async with world(late) as w:
            reader, writer = await w.client()
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
            sent = 0

            async def upload() -> None:
                nonlocal sent
                for _ in range(500):
                    writer.write(b"x" * 100_000)
                    await writer.drain()
                    sent += 100_000

            uploading = asyncio.create_task(upload())
            before = -1
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 30_000_000
            release.set()
            await uploading
            _, body = await read_request(reader)
            assert body == b"50000000"
            writer.close()
            await w.at_rest()

    play(scene)


# ------------------------------------------------------------------ clients that misbehave


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: a",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
    ids=["half a head", "waiting", "half a body", "half a chunk"],
)
def test_a_client_that_goes_leaves_nothing_behind(data: bytes) -> None:
    async def scene() -> None:
        async with world(hangs) as w:
            for _ in range(3):
                _, writer = await w.client()
                writer.write(data)
                await w.until(lambda: w.counter("downstream_cx_active") == 1)
                await asyncio.sleep(0.02)
                writer.transport.abort()
                await w.at_rest()
            assert w.counter("upstream_cx_active") == 0

    play(scene)


def test_an_early_answer_reaches_a_client_that_is_still_sending() -> None:
    async def scene() -> None:
        async with world() as w:
            reader, writer = await w.client()
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n")
            for _ in range(30):
                writer.write(b"x" * 100_000)
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert answer.endswith(b"no healthy upstream")
            writer.close()
            await w.at_rest()

    play(scene)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"400"),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", b"505"),
        (b"GET /" + b"x" * 70_000, b"431"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
    ],
)
def test_a_request_that_is_not_http_is_answered_and_the_gateway_lives_on(
    data: bytes, status: bytes
) -> None:
    async def scene() -> None:
        async with world(echo) as w:
            head, _ = await w.ask(data)
            assert head.split(b" ")[1] == status
            assert (await w.ask(CLOSE_GET))[0].startswith(b"HTTP/1.1 200")
            await w.at_rest()

    play(scene)


# ------------------------------------------------------------------ start and stop


def test_a_port_in_use_is_one_clear_line() -> None:
    async def scene() -> None:
        async with world() as w:
            other = Gateway(mesh([], []), resolver(mesh([], []).table), NoVerdicts())
            with pytest.raises(GatewayError) as caught:
                await other.start("127.0.0.1", w.gateway.port)
            assert f"127.0.0.1:{w.gateway.port}: " in str(caught.value)
            assert "--listen" in str(caught.value)

    play(scene)


def slow(seconds: float) -> Handler:
    async def handler(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        await asyncio.sleep(seconds)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        await writer.drain()

    return handler


def test_stopping_lets_the_request_under_way_end() -> None:
    async def scene() -> None:
        async with world(slow(0.2)) as w:
            idle, _ = await w.client()
            reader, writer = await w.client()
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await w.until(lambda: w.counter("upstream_rq_active") == 1)
            port = w.gateway.port
            stopping = asyncio.create_task(w.gateway.stop(5.0))
            assert await idle.read() == b""
            answer = await reader.read()
            assert answer.endswith(b"connection: close\r\n\r\ndone")
            await stopping
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)

    play(scene)


def test_stopping_does_not_wait_for_ever() -> None:
    async def scene() -> None:
        async with world(hangs) as w:
            reader, writer = await w.client()
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await w.until(lambda: w.counter("upstream_rq_active") == 1)
            await w.gateway.stop(0.05)
            assert await reader.read() == b""
            await w.at_rest()
            assert w.counter("upstream_cx_active") == 0

    play(scene)


def test_stopping_waits_for_a_client_that_has_not_taken_its_answer_yet() -> None:
    """All of the answer is there, but some of it in the gateway's own memory."""
    behind: list[Callable[[], int]] = []

    async def until_behind(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not behind or not behind[0]():
            writer.write(MEGABYTE[: 1 << 15])
            await asyncio.sleep(0.001)

    async def scene() -> None:
        async with world(until_behind) as w:
            with socket.create_connection(("127.0.0.1", w.gateway.port)) as client:
                client.setblocking(False)
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await w.until(lambda: w.counter("downstream_rq_active") == 1)
                (down,) = w.gateway._proxy.connections
                transport = cast(asyncio.Transport, down.port)
                behind.append(transport.get_write_buffer_size)
                await w.until(lambda: w.counter("downstream_rq_active") == 0)
                assert transport.get_write_buffer_size()
                stopping = asyncio.create_task(w.gateway.stop(5.0))
                await asyncio.sleep(0.1)
                assert not stopping.done()
                came = bytearray()
                while data := await asyncio.get_running_loop().sock_recv(client, 1 << 20):
                    came += data
                assert came.endswith(b"\r\n0\r\n\r\n")
                await stopping

    play(scene)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_gracefully(number: signal.Signals) -> None:
    async def scene() -> None:
        config = mesh([], [])
        gateway = Gateway(config, resolver(config.table), NoVerdicts())
        ports: list[int] = []

        def stop_it(started: Gateway) -> None:
            ports.append(started.port)
            os.kill(os.getpid(), number)

        await serve(gateway, "127.0.0.1", 0, on_start=stop_it)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", ports[0])

    play(scene)
