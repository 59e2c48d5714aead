"""What clients cost that keep their connections open: python bench/idle_clients.py [--number N].

A gateway, as the command runs it, gets N connections, each with one request, and then silence.
Printed are the memory that it takes for each of them, without what the kernel has for its sockets,
and how long another client waits for its answers, before and with them.  Each end of a connection
needs a file: `ulimit -Hn` must be above N.
"""

import argparse
import resource
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REQUEST = b"GET /x HTTP/1.1\r\nHost: idle.example.com\r\n\r\n"
ROUNDS = 5
ASKED = 400

YAML = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gate, namespace: idle}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [idle.example.com]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: idle, namespace: idle}
spec:
  hosts: [idle.example.com]
  gateways: [gate]
  http: [{route: [{destination: {host: pod}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pod, namespace: idle}
spec:
  hosts: [pod.idle.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: PORT}}]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--nic", choices=["off", "reference", "sim"], default="off")
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with pod() as pod_port, gateway(pod_port, args.nic) as (process, port):
        before = [waited(port) for _ in range(ROUNDS)]
        empty = memory(process)
        started = time.perf_counter()
        idle = [client(port) for _ in range(args.number)]
        took = time.perf_counter() - started
        full = memory(process)
        during = [waited(port) for _ in range(ROUNDS)]
        alive = sum(answered(sock) for sock in idle)
        print(
            f"{alive:,} of {args.number:,} idle clients, which came in {took:.1f} s: "
            f"{(full - empty) / args.number:,.0f} bytes each, {empty >> 20} MiB without them, "
            f"{full >> 20} MiB with them\n"
            f"another client's answers: {shown(before)} without them, {shown(during)} with them"
        )


def shown(rounds: list[list[float]]) -> str:
    """The median of the rounds' medians, and of their 99th percentiles."""
    middle = statistics.median(statistics.median(times) for times in rounds)
    late = statistics.median(statistics.quantiles(times, n=100)[-1] for times in rounds)
    return f"{middle * 1e3:.2f} ms, 99 % within {late * 1e3:.2f} ms"


def client(port: int) -> socket.socket:
    """A connection that has had its answer."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not answered(sock):
        sys.exit("the gateway does not answer")
    return sock


def answered(sock: socket.socket) -> bool:
    """Whether *sock* gets an answer."""
    try:
        sock.sendall(REQUEST)
        return sock.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
    except ConnectionError:
        return False


def waited(port: int) -> list[float]:
    """Seconds for each of some requests of one client."""
    times = []
    with client(port) as sock:
        for _ in range(ASKED):
            started = time.perf_counter()
            answered(sock)
            times.append(time.perf_counter() - started)
    return times


def memory(process: "subprocess.Popen[str]") -> int:
    """Bytes of *process* that are in memory."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@contextmanager
def pod() -> Iterator[int]:
    """A pod that answers everything; gives its port."""

    class Pod(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.send_response(200, "OK")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pod)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@contextmanager
def gateway(pod_port: int, nic: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """The command, with a route to the pod; gives the process and where it listens."""
    command = [Path(sysconfig.get_path("scripts")) / "hybridmesh", "serve", "--nic", nic]
    with tempfile.TemporaryDirectory() as folder:
        yaml = Path(folder) / "idle.yaml"
        yaml.write_text(YAML.replace("PORT", str(pod_port)))
        with subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "-f", str(yaml)],
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                line = process.stderr.readline()
                yield process, int(line.partition(",")[0].rpartition(":")[2])
            finally:
                process.kill()


if __name__ == "__main__":
    main()
