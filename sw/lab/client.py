"""The lab's clients: they know which pod each request must come to, and look whether it did.

``python -m hybridmesh.lab.client ADDRESS PORT REQUESTS CONNECTIONS ROUTES KIND SEED`` prints one
line of JSON.
"""

import asyncio
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Self

import uvloop

from .mesh import FIRST_PORT, HOST

__all__ = ["Tally", "main"]

_PATIENCE = 30.0
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Tally:
    """What became of the requests; ``times`` are the median and the 99th percentile, in
    microseconds, of those that came alone."""

    right: int = 0
    wrong: int = 0
    failed: int = 0
    broken_off: int = 0
    times: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, parts: Iterable[Self]) -> Self:
        """The sum of *parts* whose ``times`` are those of all requests."""
        whole = cls()
        for part in parts:
            for name in ("right", "wrong", "failed", "broken_off", "times"):
                setattr(whole, name, getattr(whole, name) + getattr(part, name))
        times = sorted(whole.times) or [0.0]
        whole.times = [times[len(times) // 2], times[-len(times) // 100]]
        return whole


def _request(rng: random.Random, route: int, body: bool) -> bytes:
    lines = [
        f"{'POST' if body else 'GET'} /r{route}/{rng.randrange(10**6)}?page=2 HTTP/1.1",
        f"Host: {HOST}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: en-US,en;q=0.5",
    ]
    if route % 3 == 2:
        lines.append(f"x-lab: {route}")
    payload = b""
    if body:
        # A body that looks like another request must not be taken for one.
        payload = f"GET /r{(route + 1) % 7}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        lines.append(f"Content-Length: {len(payload)}")
    return "\r\n".join([*lines, "", ""]).encode() + payload


class _Client:
    def __init__(self, address: str, port: int, routes: int, mixed: bool, seed: int) -> None:
        self._address, self._port, self._routes, self._mixed = address, port, routes, mixed
        self._rng = random.Random(seed)
        self.tally = Tally()

    async def run(self, requests: int) -> None:
        """Send as many *requests*, on as many connections as it takes."""
        left = requests
        while left > 0:
            try:
                reader, writer = await asyncio.open_connection(self._address, self._port)
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while left > 0:
                    count = min(left, self._rng.choice((1, 1, 1, 2, 5)) if self._mixed else 1)
                    left -= count
                    if self._mixed and self._rng.random() < 0.02:
                        self._break_off(writer, count)
                        break
                    await asyncio.wait_for(self._send(reader, writer, count), _PATIENCE)
                else:
                    writer.close()
            except (OSError, ValueError, EOFError, TimeoutError) as error:
                print(repr(error), file=sys.stderr)
                self.tally.failed += 1

    def _break_off(self, writer: asyncio.StreamWriter, count: int) -> None:
        """A reset within the first request."""
        data = _request(self._rng, 0, body=True)
        writer.write(data[: self._rng.randrange(1, len(data))])
        if self._rng.random() < 0.5:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.close()
        self.tally.broken_off += count

    async def _send(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int
    ) -> None:
        rng, tally = self._rng, self.tally
        routes = [rng.randrange(self._routes) for _ in range(count)]
        data = b"".join(
            _request(rng, route, body=self._mixed and rng.random() < 0.2) for route in routes
        )
        began = time.perf_counter()
        if self._mixed and rng.random() < 0.2:
            cut = rng.randrange(1, len(data))
            writer.write(data[:cut])
            await asyncio.sleep(rng.choice((0, 0, 0.001, 0.01)))
            data = data[cut:]
        writer.write(data)
        for route in routes:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            if head.startswith(b"HTTP/1.1 200") and body == b"%d\n" % (FIRST_PORT + route):
                tally.right += 1
            else:
                print(route, head, body, file=sys.stderr)
                tally.wrong += 1
        if count == 1:
            tally.times.append((time.perf_counter() - began) * 1e6)


async def _run(arguments: list[str]) -> Tally:
    address, port, requests, connections, routes, kind, seed = arguments
    clients = [
        _Client(address, int(port), int(routes), kind == "mixed", int(seed) * 1000 + number)
        for number in range(int(connections))
    ]
    await asyncio.gather(*(client.run(int(requests) // len(clients)) for client in clients))
    return Tally.of(client.tally for client in clients)


def main() -> None:
    print(json.dumps(asdict(uvloop.run(_run(sys.argv[1:])))))


if __name__ == "__main__":
    main()
