"""The lab's pods: servers that answer each request with the number of their port, in one process.

``python -m hybridmesh.lab.pods ADDRESS PORT COUNT`` says "ready" and serves until it is killed.
"""

import asyncio
import sys
from functools import partial

import uvloop

__all__ = ["main"]

_LAST_CHUNK = b"\r\n0\r\n\r\n"


class _Pod(asyncio.Protocol):
    """One connection: heads end with an empty line, bodies have the length that they say, or come
    in chunks."""

    def __init__(self, port: int) -> None:
        body = b"%d\n" % port
        self._answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        answers = 0
        while (end := self._data.find(b"\r\n\r\n") + 4) > 3:
            head = self._data[:end].lower()
            _, _, length = head.partition(b"\r\ncontent-length: ")
            end += int(length[: length.find(b"\r\n")]) if length else 0
            if b"\r\ntransfer-encoding: chunked" in head:
                end = self._data.find(_LAST_CHUNK, end - 2) + len(_LAST_CHUNK)
            if not len(_LAST_CHUNK) <= end <= len(self._data):
                break
            self._data = self._data[end:]
            answers += 1
        if answers:
            self._transport.write(self._answer * answers)  # type: ignore[attr-defined]


async def _serve(address: str, first: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    for port in range(first, first + count):
        await loop.create_server(partial(_Pod, port), address, port, backlog=1024)
    print("ready", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    address, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    uvloop.run(_serve(address, first, count))


if __name__ == "__main__":
    main()
