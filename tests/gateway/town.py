"""A small town behind the gateway: YAML as a user writes it, and pods that say who they are."""

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

__all__ = ["HOST", "MEGABYTE", "PODS", "pods_running", "write_yaml"]

HOST = "town.example.com"
PODS = ("upload", "beta", "api", "orders", "web")
MEGABYTE = random.Random(1).randbytes(1 << 20)

_ROUTES = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gate, namespace: town}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: 80, name: http, protocol: HTTP}
      hosts: [town.example.com]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: town, namespace: town}
spec:
  hosts: [town.example.com]
  gateways: [gate]
  http:
    - name: upload
      match: [{uri: {exact: /upload}, method: {exact: POST}}]
      route: [{destination: {host: upload}}]
    - name: beta
      match: [{uri: {prefix: /api/}, headers: {x-group: {exact: beta}}}]
      route: [{destination: {host: beta}}]
    - name: api
      match: [{uri: {prefix: /api/}}]
      route: [{destination: {host: api}}]
    - name: orders
      match: [{uri: {regex: "/orders/[0-9]+"}}]
      route: [{destination: {host: orders}}]
    - name: web
      route: [{destination: {host: web}}]
"""

_POD = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: town}}
spec:
  hosts: [{name}.town.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]
"""


def write_yaml(path: Path, ports: Mapping[str, int]) -> Path:
    """The town's YAML at *path*, with each pod at its port."""
    pods = "".join(_POD.format(name=name, port=port) for name, port in ports.items())
    path.write_text(_ROUTES + pods)
    return path


@contextmanager
def pods_running() -> Iterator[Mapping[str, int]]:
    """Run the pods on ports that are free; gives these by name."""
    servers = {name: _Server(("127.0.0.1", 0), _handler(name)) for name in PODS}
    try:
        for server in servers.values():
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield {name: server.server_port for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def _handler(name: str) -> type[BaseHTTPRequestHandler]:
    class Pod(BaseHTTPRequestHandler):
        """Sends a body back; without one, a megabyte for ``/megabyte``, else what was asked.

        ``X-Saw`` tells all of the request that should not differ from one time to the next.
        """

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            asked = f"{self.command} {self.path}\n".encode()
            self._answer(MEGABYTE if self.path == "/megabyte" else asked)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            if self.headers["Transfer-Encoding"] == "chunked":
                self._answer(b"".join(self._chunks()))
            else:
                self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _chunks(self) -> Iterator[bytes]:
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Pod", name)
            self.send_header("X-Saw", quote(f"{self.command} {self.path} {self._fields()}"))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _fields(self) -> list[tuple[str, str]]:
            fields = [(name.lower(), value) for name, value in self.headers.items()]
            return [field for field in fields if field[0] != "x-request-id"]

        def log_message(self, format: str, *arguments: object) -> None:
            """Silence."""

    return Pod
