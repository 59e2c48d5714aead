"""Pods that misbehave and clients that do, at random, with books of what happened to each request.

Every request has an id of its own.  A pod notes whom it has served; a client checks that its answer
is to its own request and from the cluster that its path belongs to.
"""

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter

COLOURS = ("blue", "green")
PODS = 3
TIMEOUT = 1.0

_ROUTES = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gate, namespace: chaos}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: chaos, namespace: chaos}
spec:
  hosts: [a.test]
  gateways: [gate]
  http:
"""

_ROUTE = """\
    - match: [{{uri: {{prefix: /{colour}/}}}}]
      timeout: 1s
      retries: {{attempts: 2, retryOn: "connect-failure,refused-stream"}}
      route: [{{destination: {{host: {colour}}}}}]
"""

_PODS = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {colour}, namespace: chaos}}
spec:
  hosts: [{colour}.chaos.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints:
"""

_POD = "    - {{address: 127.0.0.1, ports: {{http: {port}}}}}\n"

_EJECTION = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: green, namespace: chaos}
spec:
  host: green
  trafficPolicy:
    connectionPool: {http: {maxRequestsPerConnection: 20}}
    outlierDetection: {consecutiveGatewayErrors: 5, interval: 0.2s, baseEjectionTime: 0.2s}
"""


class Pods:
    """Six servers, three a colour.

    Attributes
    ----------
    served : Counter
        By id, how often a request came to a pod that got all of it.
    """

    def __init__(self, rng: random.Random) -> None:
        self.served: Counter[str] = Counter()
        self._rng = rng
        self._servers: list[asyncio.Server] = []
        self._open: set[Writer] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """The YAML of the mesh that has them."""
        self._servers = [await self._start(n, 0) for n in range(len(COLOURS) * PODS)]
        try:
            yield _yaml([server.sockets[0].getsockname()[1] for server in self._servers])
        finally:
            for server in self._servers:
                server.close()
            self.kill_all()

    def kill_all(self) -> None:
        self.kill(len(self._open))

    def kill(self, number: int) -> None:
        """Reset so many connections at once."""
        for writer in self._rng.sample(sorted(self._open, key=id), number):
            _reset(writer)

    async def misfortune(self) -> None:
        """A third of the connections is reset, or a pod is gone for a while."""
        self.kill(len(self._open) // 3)
        if self._rng.random() < 0.5:
            n = self._rng.randrange(len(self._servers))
            port = self._servers[n].sockets[0].getsockname()[1]
            self._servers[n].close()
            while True:
                await asyncio.sleep(0.1)
                with suppress(OSError):  # somebody's connection may have the port
                    self._servers[n] = await self._start(n, port)
                    break

    async def _start(self, n: int, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._handler(COLOURS[n // PODS]), "127.0.0.1", port)

    def _handler(self, colour: str) -> Callable[[Reader, Writer], Awaitable[None]]:
        async def handler(reader: Reader, writer: Writer) -> None:
            self._open.add(writer)
            try:
                while await self._answer(colour, reader, writer):
                    pass
            except (asyncio.IncompleteReadError, ConnectionError, ValueError, RuntimeError):
                pass
            finally:
                self._open.discard(writer)
                writer.close()

        return handler

    async def _answer(self, colour: str, reader: Reader, writer: Writer) -> bool:
        """One request; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        mood = self._rng.choice(_MOODS)
        if mood == "reset before the body":
            _reset(writer)
            return False
        if mood == "answers before the body":
            writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return False
        if mood == "reads slowly":
            await asyncio.sleep(0.1)
        await _body(head, reader)
        number = _field(head, b"x-number")
        self.served[number] += 1
        text = f"{colour} {number} ".encode() * 50
        sized = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
        match mood:
            case "reset":
                _reset(writer)
                return False
            case "hang":
                await asyncio.sleep(TIMEOUT * 2)
                return False
            case "garbage":
                writer.write(self._rng.randbytes(200))
                return False
            case "half a head":
                writer.write(sized[:30])
                return False
            case "half a body, and no more":
                writer.write(sized % (2 * len(text)) + text)
                await asyncio.sleep(TIMEOUT * 2)
                return False
            case "reset in the body":
                writer.write(sized % (2 * len(text)) + text)
                await asyncio.sleep(0.01)
                _reset(writer)
                return False
            case "two lengths":
                writer.write(sized[:-2] % len(text) + b"content-length: 7\r\n\r\n" + text)
                return True
            case "half a body":
                writer.write(sized % (2 * len(text)) + text)
                return False
            case "more than it says":
                writer.write(sized % len(text) + text + text)
                return False
            case "broken chunks":
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc\r\n")
                return True
            case "slow":
                writer.write(sized % len(text))
                for start in range(0, len(text), 200):
                    await asyncio.sleep(0.01)
                    writer.write(text[start : start + 200])
            case "chunked":
                chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(text), text)
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk)
            case "until the end":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + text)
                return False
            case "100":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + sized % len(text) + text)
            case "close":
                writer.write(
                    (sized % len(text)).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
                )
                writer.write(text)
                return False
            case _:
                writer.write(sized % len(text) + text)
        await writer.drain()
        return True


_MOODS = ["well"] * 12 + [
    "reset before the body",
    "answers before the body",
    "reads slowly",
    "reset",
    "hang",
    "garbage",
    "half a head",
    "half a body",
    "half a body, and no more",
    "reset in the body",
    "two lengths",
    "more than it says",
    "broken chunks",
    "slow",
    "chunked",
    "until the end",
    "100",
    "close",
]


class Clients:
    """Clients that ask, one connection after the other.

    Attributes
    ----------
    wrong : list of str
        Answers that cannot be.
    good : list of str
        Ids of requests that got a whole answer of a pod.
    posts : set of str
        Ids of those that must not be done twice.
    """

    def __init__(self, port: int, rng: random.Random) -> None:
        self.wrong: list[str] = []
        self.good: list[str] = []
        self.posts: set[str] = set()
        self.answers: Counter[int] = Counter()
        self._port = port
        self._rng = rng
        self._numbers = count()

    async def run(self, until: float) -> None:
        """Ask until the loop's time is *until*."""
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            try:
                await self._connection()
            except (ConnectionError, asyncio.IncompleteReadError, RuntimeError):
                pass  # the gateway says so where a response has begun and cannot end
            except TimeoutError:
                self.wrong.append("an answer that neither comes nor ends")

    async def _connection(self) -> None:
        rng = self._rng
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                asked = [self._request() for _ in range(rng.choice((1, 1, 1, 2, 3)))]
                data = b"".join(request for _, _, request in asked)
                if rng.random() < 0.05:  # goes in the middle of asking
                    writer.write(data[: rng.randrange(len(data))])
                    await asyncio.sleep(rng.random() * 0.02)
                    return
                for start in range(0, len(data), step := rng.choice((5000, 5000, 100, 40))):
                    writer.write(data[start : start + step])
                    await asyncio.sleep(0)
                if rng.random() < 0.05:  # goes without waiting for the answer
                    await asyncio.sleep(rng.random() * 0.02)
                    return
                if rng.random() < 0.05:  # goes in the middle of the answer
                    await reader.read(rng.randrange(1, 400))
                    return
                if rng.random() < 0.05:  # has nothing more to say, and would hear the answer
                    writer.write_eof()
                for number, colour, _ in asked:
                    if rng.random() < 0.05:  # does not read for a while
                        await asyncio.sleep(rng.random() * 0.2)
                    async with asyncio.timeout(TIMEOUT * 12):
                        more = await self._answer(reader, number, colour)
                    if not more:
                        return
        finally:
            writer.transport.abort()

    def _request(self) -> tuple[str, str, bytes]:
        rng = self._rng
        number, colour = str(next(self._numbers)), rng.choice(COLOURS)
        head = f"%s /{colour}/x HTTP/1.1\r\nHost: a.test\r\nX-Number: {number}\r\n"
        body = rng.randbytes(rng.choice((0, 10, 3000)))
        kind = rng.choice(("GET", "GET", "sized", "chunked"))
        if kind == "GET":
            return number, colour, (head % "GET" + "\r\n").encode()
        self.posts.add(number)
        if kind == "sized":
            return (
                number,
                colour,
                (head % "POST" + f"Content-Length: {len(body)}\r\n\r\n").encode() + body,
            )
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return (
            number,
            colour,
            (head % "POST" + "Transfer-Encoding: chunked\r\n\r\n").encode() + chunk + b"0\r\n\r\n",
        )

    async def _answer(self, reader: Reader, number: str, colour: str) -> bool:
        """Read an answer; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100 "):
            head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        self.answers[status] += 1
        body = await _body(head, reader)
        if status == 200:
            if body != f"{colour} {number} ".encode() * 50:
                self.wrong.append(f"{number} of {colour} got {body[:40]!r}")
            self.good.append(number)
        elif status not in (502, 503, 504):
            self.wrong.append(f"{number} got {status}")
        return b"\r\nconnection: close\r\n" not in head


def _yaml(ports: list[int]) -> str:
    text = _ROUTES + "".join(_ROUTE.format(colour=colour) for colour in COLOURS)
    for n, colour in enumerate(COLOURS):
        text += _PODS.format(colour=colour)
        text += "".join(_POD.format(port=port) for port in ports[n * PODS : (n + 1) * PODS])
    return text + _EJECTION


def _field(head: bytes, name: bytes) -> str:
    return head.lower().partition(b"\r\n%b: " % name)[2].partition(b"\r\n")[0].decode()


async def _body(head: bytes, reader: Reader) -> bytes:
    if _field(head, b"transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readuntil(b"\n")).partition(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return body
    return await reader.readexactly(int(_field(head, b"content-length") or 0))


def _reset(writer: Writer) -> None:
    if writer.is_closing():
        return
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
