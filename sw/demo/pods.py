"""Sample pods: HTTP servers of Python's standard library that tell what they were asked.

Each answer is a JSON object with the pod's name and the request as it came.  Two of them are
special: one fails on purpose, one takes its time.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

__all__ = ["PODS", "Pod", "running"]


@dataclass(frozen=True)
class Pod:
    """A pod that ``examples/shop`` expects at *port* of this machine.

    ``delay`` is in seconds; one that is ``failing`` answers 503 and breaks the connection in turn.
    """

    name: str
    port: int
    delay: float = 0.0
    failing: bool = False


PODS = (
    Pod("products-1", 19001),
    Pod("products-2", 19002),
    Pod("products-3", 19003, failing=True),
    Pod("cart-1", 19011),
    Pod("cart-2", 19012),
    Pod("checkout-1", 19021),
    Pod("reviews-v1-1", 19031),
    Pod("reviews-v1-2", 19032),
    Pod("reviews-v2-1", 19033),
    Pod("orders-1", 19041),
    Pod("search-v1-1", 19051),
    Pod("search-v2-1", 19052),
    Pod("inventory-1", 19061, delay=0.5),
    Pod("web-1", 19071),
    Pod("web-2", 19072),
)


@contextmanager
def running() -> Iterator[Mapping[int, int]]:
    """Run all pods on ports that are free; gives these ports by the ones in ``examples/shop``."""
    servers = {pod.port: _Server(("127.0.0.1", 0), _handler(pod)) for pod in PODS}
    try:
        for server in servers.values():
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield {port: server.server_port for port, server in servers.items()}
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def _handler(pod: Pod) -> type[BaseHTTPRequestHandler]:
    turns = count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body in one segment

        def parse_request(self) -> bool:
            """One answer for every method."""
            parsed = super().parse_request()
            if parsed:
                setattr(self, f"do_{self.command}", self._answer)
            return parsed

        def _answer(self) -> None:
            body = self._body()
            time.sleep(pod.delay)
            if pod.failing and next(turns) % 2:
                self.close_connection = True
                return
            told = {
                "pod": pod.name,
                "method": self.command,
                "target": self.path,
                "host": self.headers["Host"],
                "attempt": self.headers["X-Envoy-Attempt-Count"],
                "sha256": hashlib.sha256(body).hexdigest(),
            }
            content = json.dumps(told).encode() + b"\n"
            self.send_response(503 if pod.failing else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Pod", pod.name)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass  # trailers
            return b"".join(parts)

        def log_message(self, format: str, *arguments: object) -> None:
            """Silence; the gateway has an access log."""

    return Handler
