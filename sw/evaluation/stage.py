"""Where all of it runs: load generator, gateway and pods, each with its core and its account.

As root::

    client: wrk ──(stamp)── veth ──(tunnel)── host: gateway ── loopback ── pods

in two network namespaces, and each of the three in a cgroup of its own.  Without, all are on the
loopback, and no verdict is stamped.  Load generator and pods are on one core, the gateway is on
another.  Whoever is killed takes all with it (see :mod:`hybridmesh.lab.footprint`).
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from ..config import load
from ..contract.verdict import SHIM
from ..lab.footprint import Footprint
from ..lab.namespace import Namespace
from ..tunnel.loader import Tunnel
from . import accounts, pods
from .accounts import Cpu
from .asking import ask
from .mesh import manifest
from .peers import Peer, find
from .runtime import counting, run_time
from .site import PODS_PER_SERVICE, EvaluationError, Site, make_certificate
from .stamp import Golden, golden_verdicts, stamping
from .workload import SERVICES, Workload

__all__ = ["Load", "Process", "Role", "Stage", "cores", "is_privileged"]

Role = Literal["gateway", "pods", "load"]
Process = subprocess.Popen[bytes]

_CLIENT, _HOST = "198.51.100.7", "198.51.100.1"
_NETWORK = "198.51.100.0/24"
_MTU = 1500
_PATIENCE = 60.0
_SIMULATION = 900.0
"""The simulated NIC is built first, once."""
_SCRIPT = Path(__file__).with_name("load.lua")
_NET_ADMIN, _SYS_ADMIN = 12, 21
_NEEDED = {"wrk": "wrk", "nginx": "nginx-light", "taskset": "util-linux"}


@dataclass(frozen=True)
class Load:
    """What became of the requests of one run; times in microseconds."""

    requests: int
    seconds: float
    bytes: int
    refused: int
    failed: int
    p50: float
    p99: float


def is_privileged() -> bool:
    """Whether there can be namespaces and programs in the kernel: root may lack the right, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = int(next(line.split()[1] for line in lines if line.startswith("CapEff:")), 16)
    return all(effective >> bit & 1 for bit in (_NET_ADMIN, _SYS_ADMIN))


def cores() -> tuple[int, int]:
    """That of the gateway, and that of load generator and pods; the same where there is one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


class Stage:
    """Sets up what stays the same for all gateways.

    Parameters
    ----------
    namespaces : bool
        Whether there are namespaces, cgroups and stamped verdicts, which takes root.

    Attributes
    ----------
    site : Site
    namespaces : bool
    verdict : str
        What the verdicts say that are stamped now: ``decided``, for one; empty: none are.

    Raises
    ------
    HybridMeshError
        Where something is missing; nothing stays.
    """

    def __init__(self, namespaces: bool) -> None:
        for program, package in _NEEDED.items():
            if find(program) is None:
                raise EvaluationError(
                    f"The command {program} is missing, and nothing is measured without it",
                    remedy=f"run: apt-get install {package}",
                )
        self.namespaces = namespaces
        self.verdict = ""
        self._parts = ExitStack()
        self._processes: dict[Role, Process] = {}
        self._tunnel: Tunnel | None = None
        self._stamp = -1
        self._verdicts: dict[Workload, Golden] = {}
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise

    def _set_up(self) -> None:
        keep = self._parts
        if self.namespaces:
            self._client, self._host = Namespace(), Namespace()
            keep.callback(self._client.close)
            keep.callback(self._host.close)
            self._footprint = Footprint()
            keep.callback(self._footprint.close)
            self._connect()
            self.site = Site(self._footprint.folder, _HOST, 8080, "127.0.0.1", 9000)
        else:
            folder = Path(tempfile.mkdtemp(prefix="hybridmesh-bench-"))
            keep.callback(shutil.rmtree, folder, ignore_errors=True)
            first = _free_ports(1 + PODS_PER_SERVICE * SERVICES)
            self.site = Site(folder, "127.0.0.1", first, "127.0.0.1", first + 1)
        make_certificate(self.site)

    def _connect(self) -> None:
        """A veth pair, with room for the shim in both ends, as the NIC's host leg has it; the wire
        between them has its own MTU."""
        self._client.run(
            *("ip", "link", "add", "client0", "type", "veth"),
            *("peer", "name", "host0", "netns", self._host.path),
        )
        ends = ((self._client, "client0", _CLIENT), (self._host, "host0", _HOST))
        for place, name, address in ends:
            place.run("ip", "address", "add", f"{address}/24", "dev", name)
            place.run("ip", "link", "set", "dev", name, "mtu", str(_MTU + SHIM.size), "up")
            place.run(
                *("ip", "route", "replace", _NETWORK, "dev", name, "src", address),
                *("mtu", str(_MTU), "advmss", str(_MTU - 40)),
            )

    # ------------------------------------------------------------------ what runs

    @contextmanager
    def pods(self, workload: Workload) -> Iterator[None]:
        path = pods.configuration(workload, self.site)
        with self._running("pods", find("nginx"), "-e", "stderr", "-c", path):
            yield

    @contextmanager
    def gateway(self, peer: Peer, workload: Workload) -> Iterator[Process]:
        """*peer* runs, and has answered each kind of request from a right pod."""
        with ExitStack() as parts:
            if peer.name == "stamped":
                parts.enter_context(self._stamped(workload))
            launch = peer.launch(workload, self.site)
            process = parts.enter_context(self._running("gateway", *launch.command))
            patience = _SIMULATION if peer.name == "sim" else _PATIENCE
            self._ask_until_right(peer, workload, process, patience)
            yield process

    @contextmanager
    def _stamped(self, workload: Workload) -> Iterator[None]:
        """Frames get verdicts where they leave the client, and lose them where they arrive."""
        loaded, verdicts = self._golden(workload)
        loaded.write(self.site.folder / "loaded.json")
        self.verdict = ", ".join(sorted({v.state.word for v in verdicts.values()}))
        with ExitStack() as parts:
            with self._host.inside():
                self._tunnel = Tunnel("host0", self._footprint.host)
            parts.callback(self._unload)
            with self._client.inside():
                self._stamp = parts.enter_context(stamping("client0", verdicts))
            parts.enter_context(counting())
            yield

    def _golden(self, workload: Workload) -> Golden:
        """What the golden model says of the heads, which is the same in each round."""
        if workload not in self._verdicts:
            path = self.site.folder / "stamped.yaml"
            path.write_text(manifest(workload, self.site))
            heads = [request.head for request in workload.requests()]
            self._verdicts[workload] = golden_verdicts(load([path]), heads, self.site.port)
        return self._verdicts[workload]

    def _unload(self) -> None:
        if self._tunnel is not None:
            with self._host.inside():
                self._tunnel.close()
            self._tunnel = None
        self.verdict = ""

    def load(self, workload: Workload, seconds: int) -> Load:
        """Send requests for some *seconds*; :exc:`EvaluationError` where one is not answered, or by
        a wrong pod."""
        site = self.site
        path = site.folder / "heads"
        path.write_bytes(b"\0".join(request.head for request in workload.requests()))
        scheme = "https" if workload.tls else "http"
        words = [
            *(find("wrk"), "-t1", f"-c{workload.connections}", f"-d{seconds}s", "--timeout", "10s"),
            *("-s", _SCRIPT, f"{scheme}://{site.address}:{site.port}/", "--", path, workload.think),
        ]
        process = self._start("load", *words)
        with process:
            try:
                _, said = process.communicate(timeout=seconds + _PATIENCE)
            finally:
                process.kill()
        try:
            result = Load(**json.loads(said.splitlines()[-1]))
        except (IndexError, ValueError, TypeError):
            raise EvaluationError(f"wrk failed: {said.decode(errors='replace').strip()}") from None
        if result.refused or result.failed or not result.requests:
            raise EvaluationError(
                f"Of {result.requests} requests {result.refused} came to a wrong pod, or to none, "
                f"and {result.failed} failed",
                place=workload.name,
            )
        if result.bytes < result.requests * workload.response:
            raise EvaluationError("Answers are shorter than the pods' are", place=workload.name)
        return result

    # ------------------------------------------------------------------ what it takes

    def cpu(self, role: Role) -> Cpu:
        """What all processes of *role* have taken so far, by the kernel's account: of its cgroup,
        or, without, of its process (for the load generator: of those that have ended)."""
        if self.namespaces:
            return accounts.of_group(self._group(role))
        if role == "load":
            return accounts.of_ended_children()
        return accounts.of_process(self._processes[role].pid)

    def memory(self) -> tuple[int, int]:
        """RSS and PSS of the gateway, in bytes."""
        return accounts.memory(self._processes["gateway"].pid)

    def verdicts(self) -> tuple[int, int]:
        """Times that the gateway has asked for a verdict, and has got one that it could use."""
        if self._tunnel is None:
            return 0, 0
        counters = self._tunnel.counters()
        return counters["answered"] + counters["missed"], counters["usable"]

    def programs(self) -> tuple[float, float]:
        """Seconds that the tunnel's program at the interface, and the one that stamps verdicts,
        have run; no process is charged with the first: it runs on the core that sends."""
        if self._tunnel is None:
            return 0.0, 0.0
        return run_time(self._tunnel.arrival), run_time(self._stamp)

    # ------------------------------------------------------------------ processes

    @contextmanager
    def _running(self, role: Role, *command: object) -> Iterator[Process]:
        process = self._start(role, *command)
        self._processes[role] = process
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def _start(self, role: Role, *command: object) -> Process:
        """On its core, in its place, without capabilities; killed when this process ends."""
        gateway, other = cores()
        words: list[object] = ["setpriv", "--pdeathsig=KILL"]
        if self.namespaces:
            enter = 'echo $$ > "$0"/cgroup.procs && exec "$@"'
            words = ["sh", "-c", enter, self._group(role), *words]
            words += ["--bounding-set=-all", "--inh-caps=-all"]
        words += ["--", "taskset", "-c", gateway if role == "gateway" else other, *command]
        with self._inside(role):
            return subprocess.Popen(
                [str(word) for word in words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # What a server has to say is read where it ends by itself.
                stderr=subprocess.PIPE if role == "load" else (self._log(role)).open("wb"),
            )

    def _log(self, role: Role) -> Path:
        return self.site.folder / f"{role}.log"

    def _group(self, role: Role) -> Path:
        groups = self._footprint
        return {"gateway": groups.host, "pods": groups.near, "load": groups.far}[role]

    def _inside(self, role: Role) -> AbstractContextManager[Any]:
        if not self.namespaces:
            return nullcontext()
        return (self._client if role == "load" else self._host).inside()

    def _ask_until_right(
        self, peer: Peer, workload: Workload, process: Process, patience: float
    ) -> None:
        """Each service is asked for once, and answers."""
        end = time.monotonic() + patience
        wanted = {request.service: request.head for request in workload.requests()}
        for service, head in wanted.items():
            while True:
                with self._inside("load"):
                    said = ask(self.site, head, workload.tls)
                if said == (200, pods.answer(service, workload.response)):
                    break
                wrong = said[0] == pods.REFUSED
                if wrong or process.poll() is not None or time.monotonic() > end:
                    log = self._log("gateway").read_text(errors="replace").strip()
                    raise EvaluationError(
                        f"{peer.title} does not answer from the right pod, but with {said[0]} "
                        f"{said[1][:60]!r} {log[-500:]}",
                        place=workload.name,
                    )
                time.sleep(0.05)

    def close(self) -> None:
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on, below those that the system gives
    to clients."""
    for first in range(18000 + os.getpid() % 400 * 20, 32000, count):
        try:
            with ExitStack() as parts:
                for port in range(first, first + count):
                    parts.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
        except OSError:
            continue
    raise EvaluationError("There are no free ports")
