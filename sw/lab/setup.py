"""The lab set up: namespaces, wire, NIC, tunnel, pods, gateways; all gone when it is closed.

::

    client ──TAP── wire and NIC, in this process ──TAP── host: tunnel, gateways ──veth── pods

There are two servers of pods: one is in the cgroup that the tunnel knows pods by, so that messages
go from socket to socket, and one is in a cgroup that the tunnel does not know.

It is also gone when this process is killed: namespaces, devices and programs have no names and end
with it, the processes are killed with it, and for the rest there is a :mod:`.footprint`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Literal, Protocol, Self, TypeVar

from ..compiler import compile_table
from ..config import load
from ..contract.geometry import Geometry
from ..contract.table import TableImage
from ..contract.verdict import SHIM
from ..nic import NicKind
from ..tunnel.loader import Mode, Tunnel
from . import nginx, tools
from .boardfront import BoardFront
from .client import Tally
from .footprint import Footprint
from .front import DriverFront, Front
from .impairment import Network
from .mesh import FIRST_PORT, manifest
from .namespace import LabError, Namespace
from .tap import Tap

__all__ = ["ADDRESS", "FrontKind", "Gateway", "Lab", "Way"]

ADDRESS = "198.51.100.1"
_CLIENT, _HOST_SIDE = "198.51.100.7", "203.0.113.1"
_NEAR, _FAR = "203.0.113.2", "203.0.113.3"
"""Of the pods that the tunnel knows, and of those that it does not."""

_MTU = 1500

FrontKind = Literal[NicKind, "board"]

Way = Literal["shortcut", "tunnel", "none"]
"""A gateway with verdicts and the shortcut to its pods, with verdicts, with neither."""

_PORTS: dict[Way, int] = {"shortcut": 8080, "tunnel": 8081, "none": 8082}

_COMMAND = "import sys; from hybridmesh.cli import main; sys.exit(main())"
_TICKS = os.sysconf("SC_CLK_TCK")


class _Closing(Protocol):
    def close(self) -> None: ...


_Part = TypeVar("_Part", bound=_Closing)


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
    kind : FrontKind
        What is on the wire: a NIC whose frames this process moves, or a board, emulated, whose
        driver is at the host's end.
    routes : int
        Routes, and pods.
    seed : int
        Of what happens to frames by chance.
    mode : Mode
        How XDP runs.

    Attributes
    ----------
    network : Network
        What the wire does to frames.
    front : Front
        The NIC.
    tunnel : Tunnel

    Raises
    ------
    LabError, TunnelError
        Where something is missing; nothing stays.
    """

    def __init__(
        self,
        kind: FrontKind,
        routes: int,
        seed: int = 1,
        mode: Mode = "auto",
    ) -> None:
        self.routes = routes
        self.network = Network(seed)
        self._parts = ExitStack()
        try:
            self._set_up(kind, mode)
        except BaseException:
            self.close()
            raise

    def _set_up(self, kind: FrontKind, mode: Mode) -> None:
        self._client, self._host, self._pods = (self._keep(Namespace()) for _ in range(3))
        self._footprint = self._keep(Footprint())
        for pods in (_NEAR, _FAR):
            self._yaml(pods).write_text(manifest(self.routes, pods, _PORTS["shortcut"]))
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
        groups = self._footprint
        with self._host.inside():
            self.tunnel = self._keep(Tunnel("nic0", groups.host, mode, groups.near))
        self._serve_pods(_NEAR, groups.near)
        self._serve_pods(_FAR, groups.far)
        ports = (_PORTS["shortcut"], _PORTS["tunnel"])
        self.front: Front = self._keep(  # it ends before the tunnel, which it listens to
            BoardFront(self._host, ports) if kind == "board" else DriverFront(kind, ports)
        )
        outside, host = taps
        loaded = self.front.start(outside, host, self.tunnel, self._tables, self.network)
        self._loaded = self._footprint.folder / "loaded.json"
        loaded.write(self._loaded)

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

    @contextmanager
    def client(self, *command: object) -> Iterator["subprocess.Popen[str]"]:
        """Run *command* where the clients are; it ends with the block, if it has not yet."""
        with self._client.inside():
            process = self._start(*command)
        with process:
            try:
                yield process
            finally:
                process.kill()

    def clients(self, port: int, requests: int, connections: int, kind: str, seed: int) -> Tally:
        """Let clients send *requests*, and see what became of them."""
        with self.client(
            *(sys.executable, "-m", "hybridmesh.lab.client", ADDRESS, port),
            *(requests, connections, self.routes, kind, seed),
        ) as process:
            printed, complaints = process.communicate()
        if process.returncode:
            raise LabError(
                f"The clients failed: {(complaints.strip() or 'killed').splitlines()[-1]}"
            )
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
        tunnel, end = self.tunnel, time.monotonic() + patience
        while count := tunnel.flows + tunnel.waiting + tunnel.ends:
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        return count

    def close(self) -> None:
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tables(self, geometry: Geometry) -> list[TableImage]:
        """The gateways' table, and that of the same routes in another order."""
        mesh = load([self._yaml(_NEAR)])
        hosts = mesh.table.virtual_hosts
        turned = tuple(replace(host, routes=host.routes[::-1]) for host in hosts)
        other = replace(mesh.table, virtual_hosts=turned)
        return [compile_table(table, geometry).image for table in (mesh.table, other)]

    def _yaml(self, pods: str) -> Path:
        return self._footprint.folder / f"{pods}.yaml"

    def _keep(self, part: _Part) -> _Part:
        return self._parts.enter_context(closing(part))

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

    def _serve_pods(self, address: str, cgroup: Path) -> None:
        """By nginx, where it is installed."""
        program = tools.find("nginx")
        if program is None:
            command = [sys.executable, "-m", "hybridmesh.lab.pods"]
            command += [address, str(FIRST_PORT), str(self.routes)]
        else:
            folder = self._footprint.folder
            path = folder / f"{address}.conf"
            path.write_text(nginx.configuration(folder, address, FIRST_PORT, self.routes))
            command = [program, "-e", "stderr", "-c", str(path)]
        with self._pods.inside():
            server = self._spawn(cgroup, *command)
        if program is None:
            assert server.stdout is not None
            _wait(server, server.stdout, "ready")
        else:
            assert server.stderr is not None
            _wait(server, server.stderr, "event method")

    def _spawn(self, cgroup: Path, *command: object) -> "subprocess.Popen[str]":
        """Start a server in *cgroup*, without capabilities."""
        process = self._start(
            *("sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', cgroup),
            *("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--", *command),
        )
        self._parts.callback(_kill, process)
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


def _kill(process: "subprocess.Popen[str]") -> None:
    with process:
        process.kill()


def _wait(process: "subprocess.Popen[str]", said: IO[str], word: str) -> None:
    """Until *process* says *word*."""
    lines = []
    while line := said.readline():
        if word in line:
            return
        lines.append(line.strip())
    process.wait()
    raise LabError(f"A server of the lab did not start: {' '.join(lines)}")
