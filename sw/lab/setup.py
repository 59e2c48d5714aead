"""The lab set up: namespaces, wire, NIC, tunnel, pods, gateways; all gone when it is closed.

::

    client ──TAP── wire and NIC, in this process ──TAP── host: tunnel, gateways ──veth── pods

There are two servers of pods: one is in the cgroup that the tunnel knows pods by, so that messages
go from socket to socket, and one is not.

It is also gone when this process is killed: namespaces, devices and programs have no names and end
with it, the processes are killed with it, and a guard removes the cgroup.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, Self, TypeVar

from ..compiler import compile_table
from ..config import load
from ..contract.geometry import Geometry
from ..contract.verdict import SHIM
from ..nic import NicError, NicKind, open_nic
from ..nic.frames import Connection
from ..nic.loaded import Loaded, digest
from ..tunnel.cgroup import hierarchy
from ..tunnel.loader import Mode, Tunnel
from .client import Tally
from .impairment import Impairment
from .mesh import FIRST_PORT, manifest
from .namespace import LabError, Namespace
from .tap import Tap
from .wire import Wire

__all__ = ["ADDRESS", "Gateway", "Lab", "Way"]

ADDRESS = "198.51.100.1"
_CLIENT, _HOST_SIDE = "198.51.100.7", "203.0.113.1"
_NEAR, _FAR = "203.0.113.2", "203.0.113.3"
"""Of the pods that the tunnel knows, and of those that it does not."""

_MTU = 1500

Way = Literal["shortcut", "tunnel", "none"]
"""A gateway with verdicts and the shortcut to its pods, with verdicts, with neither."""

_PORTS: dict[Way, int] = {"shortcut": 8080, "tunnel": 8081, "none": 8082}

_Part = TypeVar("_Part", Namespace, Tap, Wire, Tunnel)

_GUARD = """read x
for folder; do
    for i in 1 2 3 4 5 6 7 8 9; do [ ! -d $folder ] || rmdir $folder || sleep 0.1; done
done"""
"""Waits for the end of its input, and removes folders."""

_COMMAND = "import sys; from hybridmesh.cli import main; sys.exit(main())"
_TICKS = os.sysconf("SC_CLK_TCK")


class Gateway:
    """``hybridmesh serve`` without any capability, listening on *port*."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port

    def cpu(self) -> tuple[float, float]:
        """Seconds of CPU that it has taken: its own code, and the kernel for it."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) / _TICKS, int(fields[12]) / _TICKS

    def stop(self) -> None:
        """Let it end in good order."""
        self.process.terminate()
        self.process.wait()


class Lab:
    """Sets all up but the gateways.

    Parameters
    ----------
    kind : NicKind
        What is on the wire.
    routes : int
        Routes, and pods.
    seed : int
        Of what happens to frames by chance.
    mode : Mode
        How XDP runs.

    Attributes
    ----------
    impairment : Impairment
        What the wire does to frames from the client.
    tunnel : Tunnel

    Raises
    ------
    LabError, TunnelError
        Where something is missing; nothing stays.
    """

    def __init__(
        self,
        kind: NicKind,
        routes: int,
        seed: int = 1,
        mode: Mode = "auto",
    ) -> None:
        self._open: list[Namespace | Tap | Wire | Tunnel] = []
        self._guarding: subprocess.Popen[bytes] | None = None
        self._processes: list[subprocess.Popen[str]] = []
        self._folder = tempfile.TemporaryDirectory(prefix="hybridmesh-lab-")
        self.impairment = Impairment()
        self._rng = random.Random(seed)
        self._nic = open_nic(kind, Geometry())
        self.routes = routes
        try:
            self._set_up(mode)
        except BaseException:
            self.close()
            raise

    def _set_up(self, mode: Mode) -> None:
        self._client, self._host, self._pods = (self._keep(Namespace()) for _ in range(3))
        for pods in (_NEAR, _FAR):
            self._yaml(pods).write_text(manifest(self.routes, pods, _PORTS["shortcut"]))
        self._loaded = Path(self._folder.name, "loaded.json")
        compiled = compile_table(load([self._yaml(_NEAR)]).table, self._nic.geometry)
        self._nic.listen(_PORTS["shortcut"], _PORTS["tunnel"])
        Loaded(self._nic.load(compiled.image), digest(compiled.image)).write(self._loaded)
        taps = []
        for place, name, address, mtu in (
            (self._client, "wire0", _CLIENT, _MTU),
            (self._host, "nic0", ADDRESS, _MTU + SHIM.size),
        ):
            with place.inside():
                taps.append(self._keep(Tap(name)))
            place.run("ip", "address", "add", f"{address}/24", "dev", name)
            place.run("ip", "link", "set", "dev", name, "mtu", str(mtu), "up")
        # The wire has its own MTU, whatever the host's interface can take.
        self._host.run(
            *("ip", "route", "replace", "198.51.100.0/24", "dev", "nic0"),
            *("src", ADDRESS, "mtu", str(_MTU), "advmss", str(_MTU - 40)),
        )
        self._connect_pods()
        cgroup = hierarchy() / f"hybridmesh-lab-{os.getpid()}"
        pods_cgroup = Path(f"{cgroup}-pods")
        self._guard(cgroup, pods_cgroup)
        with self._host.inside():
            self.tunnel = self._keep(Tunnel("nic0", cgroup, mode, pods_cgroup))
        for address, group in ((_NEAR, pods_cgroup), (_FAR, cgroup)):
            with self._pods.inside():
                server = self._spawn(
                    group,
                    *(sys.executable, "-m", "hybridmesh.lab.pods"),
                    *(address, FIRST_PORT, self.routes),
                )
            assert server.stdout is not None
            _wait(server, server.stdout, "ready")
        self._keep(Wire(taps[0], taps[1], self, self._impair))

    def gateway(self, way: Way) -> Gateway:
        """Start one."""
        port = _PORTS[way]
        verdicts = ("--nic", "off") if way == "none" else ("--tunnel", self._loaded)
        with self._host.inside():
            process = self._spawn(
                self.tunnel.cgroup,
                *(sys.executable, "-c", _COMMAND, "serve", *verdicts),
                *("-f", self._yaml(_NEAR if way == "shortcut" else _FAR)),
                *("--listen", f"{ADDRESS}:{port}"),
            )
        assert process.stderr is not None
        _wait(process, process.stderr, "listening on")
        return Gateway(process, port)

    def clients(self, port: int, requests: int, connections: int, kind: str, seed: int) -> Tally:
        """Let clients send *requests*, and see what became of them."""
        with self._client.inside():
            process = self._start(
                *(sys.executable, "-m", "hybridmesh.lab.client", ADDRESS, port),
                *(requests, connections, self.routes, kind, seed),
            )
        printed, complaints = process.communicate()
        if process.returncode:
            raise LabError(f"The clients failed: {complaints.strip().splitlines()[-1]}")
        return Tally(**json.loads(printed))

    @property
    def client_namespace(self) -> str:
        """Where other processes find it."""
        return self._client.path

    def counters(self) -> dict[str, int]:
        """The tunnel's."""
        return self.tunnel.counters()

    def left(self, patience: float = 5.0) -> int:
        """Connections and verdicts that are kept, after some time to end: zero, if all is well."""
        end = time.monotonic() + patience
        while (count := self.tunnel.flows + self.tunnel.waiting) and time.monotonic() < end:
            time.sleep(0.05)
        return count

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        self._processes.clear()
        for part in reversed(self._open):
            part.close()
        self._open.clear()
        self._nic.close()
        if self._guarding is not None:
            self._guarding.communicate()
            self._guarding = None
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        """Through the NIC, which is told first what the gateways have said; the wire's thread."""
        for peer, local, seq in self.tunnel.expected():
            with suppress(NicError):  # another port than the NIC listens on
                self._nic.expect_head(Connection(peer, local), seq)
        return self._nic.exchange(frames)

    def _yaml(self, pods: str) -> Path:
        return Path(self._folder.name, f"{pods}.yaml")

    def _keep(self, part: _Part) -> _Part:
        self._open.append(part)
        return part

    def _impair(self, frames: list[bytes]) -> list[bytes]:
        return self.impairment.applied(frames, self._rng)

    def _connect_pods(self) -> None:
        """A veth pair from the host to the pods."""
        self._host.run(
            *("ip", "link", "add", "pods0", "type", "veth"),
            *("peer", "name", "pod0", "netns", self._pods.path),
        )
        for place, name, addresses in (
            (self._host, "pods0", (_HOST_SIDE,)),
            (self._pods, "pod0", (_NEAR, _FAR)),
        ):
            for address in addresses:
                place.run("ip", "address", "add", f"{address}/24", "dev", name)
            place.run("ip", "link", "set", "dev", name, "up")

    def _guard(self, *cgroups: Path) -> None:
        """Remove *cgroups* when this process has ended, in whatever way."""
        self._guarding = subprocess.Popen(
            ["sh", "-c", _GUARD, "guard", *map(str, cgroups)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _spawn(self, cgroup: Path, *command: object) -> "subprocess.Popen[str]":
        """Start a server in *cgroup*, without capabilities."""
        process = self._start(
            *("sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', cgroup),
            *("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--", *command),
        )
        self._processes.append(process)
        return process

    def _start(self, *command: object) -> "subprocess.Popen[str]":
        """Start *command*, which is killed with this process."""
        try:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", "--", *map(str, command)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except FileNotFoundError:
            raise LabError(
                "The command setpriv is missing", remedy="run: apt-get install util-linux"
            ) from None


def _wait(process: "subprocess.Popen[str]", said: IO[str], word: str) -> None:
    """Until *process* says *word*."""
    lines = []
    while line := said.readline():
        if word in line:
            return
        lines.append(line.strip())
    process.wait()
    raise LabError(f"A server of the lab did not start: {' '.join(lines)}")
