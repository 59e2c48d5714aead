"""What a request costs the proxy's CPU: python bench/request_cost.py [--seconds N].

First the core alone, without sockets: a GET that the NIC has decided goes to a pod and its answer
back, with one feature more or less each time.  Then, if wrk is installed, the whole gateway on one
core, pods and clients on another: CPU time per request, by the kernel's account of the process.
Verdicts come from the golden model, which is asked once for each head: the NIC's own work is not in
the figures.  All variants take turns; shown are the median, and the least and the most.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from hybridmesh.config.model import (
    Cluster,
    Endpoint,
    Forward,
    HeaderChange,
    HeaderOps,
    Location,
    MatchKind,
    Mesh,
    OutlierDetection,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)
from hybridmesh.config.model.action import NO_CHANGE
from hybridmesh.contract.verdict import State, Verdict
from hybridmesh.ingress import open_table
from hybridmesh.nic.frames import Connection, split
from hybridmesh.proxy import AccessLog, Gateway, serve
from hybridmesh.proxy.core import exchange
from hybridmesh.proxy.core.clock import Clock
from hybridmesh.proxy.core.ports import Buffer, Caller
from hybridmesh.proxy.core.proxy import Proxy
from hybridmesh.reference.resolver import Resolver

ROUTES = 100
HEAD = (
    b"GET /service-99/items?page=2 HTTP/1.1\r\nHost: shop.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
    b"Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=all\r\n"
    b"Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n"
    b"Referer: https://shop.example.com/service-99/\r\nCache-Control: max-age=0\r\n\r\n"
)
BODY = b"hello from a pod"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 16\r\n\r\n" + BODY
ROUNDS = 9
BATCH = 4_000
CONNECTIONS = 32


def mesh(*ports: int, headers: HeaderOps = NO_CHANGE, outlier: bool = True, **how: Any) -> Mesh:
    """:data:`ROUTES` prefixes, all for the pods at *ports*; the requests are for the last."""
    forward = Forward((WeightedCluster("pods"),), **{"timeout": 15.0} | how)
    routes = tuple(
        Route(
            f"bench/{n}",
            RouteMatch(path=StringMatch(MatchKind.PREFIX, f"/service-{n}/")),
            forward,
            Location("bench", n + 1),
            headers=headers,
        )
        for n in range(ROUTES)
    )
    table = RouteTable(80, (VirtualHost("shop", "shop.example.com", routes),))
    pods = Cluster("pods", tuple(Endpoint("127.0.0.1", port) for port in ports))
    if outlier:
        pods = replace(pods, outlier=OutlierDetection())
    return Mesh.of(table, {"pods": pods})


# ------------------------------------------------------------------ the NIC's word


def golden(mesh: Mesh) -> tuple[Resolver, Verdict]:
    """The routes of *mesh* with their table in a NIC, and what that says of :data:`HEAD`."""
    with open_table(mesh, "reference") as table:
        assert table.nic is not None
        table.nic.listen(80)
        connection = Connection(("192.0.2.7", 40000), ("198.51.100.1", 80))
        frames = [connection.opening(0), connection.frame(0, HEAD)]
        verdict, _ = split(table.nic.exchange(frames)[1])
    assert verdict is not None
    assert (verdict.state, verdict.row) == (State.DECIDED, ROUTES - 1)
    return table.resolver, verdict


class Said:
    """A source of verdicts: every head is :data:`HEAD`."""

    def __init__(self, verdict: Verdict | None) -> None:
        self._verdict = verdict

    def open(self, *connection: object) -> "Said":
        return self

    def received(self, data: bytes) -> bytes:
        return data

    def verdict(self, offset: int) -> Verdict | None:
        return self._verdict

    def head_at(self, offset: int) -> None:
        pass

    def close(self) -> None:
        pass


# ------------------------------------------------------------------ the core alone


class Pipe:
    """A connection that takes all there is."""

    def __init__(self, network: "Pods", caller: Caller | None) -> None:
        self._network = network
        self._caller = caller

    def write(self, data: Buffer, /) -> None:
        self._network.asked = self._caller

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: None


class Pods:
    """Connects at once, and knows who was asked last."""

    def __init__(self) -> None:
        self.asked: Caller | None = None

    def to(self, cluster: Cluster) -> "Pods":
        return self

    def connect(self, endpoint: Endpoint, caller: Caller) -> None:
        caller.connected(Pipe(self, caller))

    def give_up(self, caller: Caller) -> None:
        pass


def core(mesh: Mesh, *, decided: bool = True, log: AccessLog | None = None) -> Callable[[], None]:
    """One request and its answer, as the core is told of them."""
    resolver, verdict = golden(mesh)
    clock, pods = Clock(100.0, 1.7e9), Pods()
    proxy = Proxy(mesh, resolver, pods, clock, random.Random(1), log)
    said = Said(verdict if decided else None)
    client = Pipe(pods, None)
    down = proxy.accept(client, said, ("192.0.2.7", 40000), ("192.0.2.1", 80))

    def one() -> None:
        clock.now += 0.0001
        down.received(HEAD)
        assert pods.asked is not None
        pods.asked.received(ANSWER)

    one()
    assert proxy.counters()["http.ingress.downstream_rq_2xx"] == 1
    return one


class Nowhere:
    def write(self, line: str) -> None:
        pass


def variants() -> Mapping[str, Callable[[], None]]:
    three = (8001, 8002, 8003)
    field = HeaderOps(response=HeaderChange(set=(("x-frame-options", "DENY"),)))
    return {
        "one pod, no policy": core(mesh(8001, outlier=False, timeout=None, retry=None)),
        "+ three pods, least request": core(mesh(*three, outlier=False, timeout=None, retry=None)),
        "+ deadline": core(mesh(*three, outlier=False, retry=None)),
        "+ retries": core(mesh(*three, outlier=False)),
        "+ outlier detection: the whole": core(mesh(*three)),
        "the whole, and a field set in the response": core(mesh(*three, headers=field)),
        "the whole, and a prefix rewritten": core(mesh(*three, prefix_rewrite="/items/")),
        "the whole, and each request logged": core(mesh(*three), log=AccessLog(Nowhere())),
        "the whole, without a verdict": core(mesh(*three), decided=False),
    }


def alone() -> dict[str, list[tuple[float, ...]]]:
    """Microseconds of CPU time per request, by variant."""
    subjects = variants()
    figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in subjects}
    for _ in track(range(ROUNDS), "the core alone", transient=True):
        for name, one in subjects.items():
            started = time.process_time()
            for _ in range(BATCH):
                one()
            figures[name].append(((time.process_time() - started) / BATCH * 1e6,))
    return figures


# ------------------------------------------------------------------ with sockets


class Pod(asyncio.Protocol):
    """Answers every request with :data:`ANSWER`, as long as each comes in one piece."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER)


def pod() -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Pod, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    uvloop.run(main())


def gateway(port: int, *, decided: bool) -> None:
    def started(gateway: Gateway) -> None:
        print(gateway.port, flush=True)

    routes = mesh(port)
    resolver, verdict = golden(routes)
    subject = Gateway(routes, resolver, Said(verdict if decided else None))
    uvloop.run(serve(subject, "127.0.0.1", 0, on_start=started))


@contextmanager
def running(core: int, *words: str) -> Iterator[tuple[int, int]]:
    """This file as a process of its own on one *core*; its number, and its port."""
    command = (sys.executable, __file__, *words)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(process.pid, {core})
    try:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def spent(pid: int) -> tuple[float, float]:
    """Seconds in which *pid* ran its own code, and the kernel's for it."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    return int(words[11]) / tick, int(words[12]) / tick


def load(port: int, core: int, seconds: int, script: Path) -> int:
    """Requests that wrk has had answered on *core* in *seconds*."""
    url = f"http://127.0.0.1:{port}/service-99/items?page=2"
    words = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    done = subprocess.run([*words, "-s", str(script), url], capture_output=True, text=True)
    answered, wrong = (int(word) for word in done.stderr.split())
    if wrong:
        raise SystemExit(f"request_cost: {wrong} requests went wrong")
    return answered


def whole(seconds: int) -> dict[str, list[tuple[float, ...]]]:
    """Microseconds of user and of kernel time per request, by kind of gateway."""
    one, other = sorted(os.sched_getaffinity(0))[:2]
    names = {"the gateway": "decided", "the gateway, without a verdict": "parsed"}
    figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        script = Path(folder, "head.lua")
        script.write_text(LUA)
        _, pods = stack.enter_context(running(other, "pod"))
        doors = {n: stack.enter_context(running(one, w, str(pods))) for n, w in names.items()}
        for turn in track(range(ROUNDS + 1), "with sockets", transient=True):
            for name, (pid, port) in doors.items():
                before = spent(pid)
                count = load(port, other, seconds, script)
                if turn:  # the first one warms up
                    times = zip(before, spent(pid), strict=True)
                    figures[name].append(tuple((b - a) / count * 1e6 for a, b in times))
    return figures


LUA = f"""\
head = {json.dumps(HEAD.decode())}
request = function() return head end
done = function(summary)
  local e = summary.errors
  io.stderr:write(summary.requests, ' ', e.connect + e.read + e.write + e.status + e.timeout)
end
"""
"""For wrk: the head as it is, and two numbers at the end."""


def shown(figures: Mapping[str, list[tuple[float, ...]]], *columns: str) -> Table:
    table = Table("CPU time per request in µs", *columns, box=None)
    for name, rounds in figures.items():
        cells = []
        for column in zip(*rounds, strict=True):
            middle = statistics.median(column)
            cells.append(f"{middle:.1f} ({min(column):.1f} to {max(column):.1f})")
        table.add_row(name, *cells)
    return table


def main() -> None:
    match sys.argv[1:]:
        case ["pod"]:
            pod()
            return
        case ["decided" | "parsed" as how, port]:
            gateway(int(port), decided=how == "decided")
            return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement by wrk")
    args = parser.parse_args()
    console = Console()
    compiled = Path(exchange.__file__).suffix == ".so"
    console.print(f"core: {'machine code' if compiled else 'the sources, interpreted'}")
    console.print(shown(alone(), "the core"))
    if shutil.which("wrk") is None:
        console.print("wrk is not installed: nothing is measured with sockets")
    else:
        console.print(shown(whole(args.seconds), "user", "kernel"))


if __name__ == "__main__":
    main()
