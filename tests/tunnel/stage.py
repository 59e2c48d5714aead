"""A client and a host in namespaces of their own, a stub NIC between them, the tunnel."""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hybridmesh.contract.verdict import SHIM, Flag, Verdict
from hybridmesh.lab.namespace import Namespace
from hybridmesh.lab.tap import Tap
from hybridmesh.lab.wire import Wire
from hybridmesh.nic.frames import find_segment
from hybridmesh.tunnel.cgroup import hierarchy
from hybridmesh.tunnel.loader import Mode, Tunnel

__all__ = [
    "CLIENT",
    "HOST",
    "HOST6",
    "Marker",
    "Stage",
    "joined",
    "own_cgroup",
    "request",
    "reset_on_close",
]

CLIENT, HOST = "198.51.100.7", "198.51.100.1"
CLIENT6, HOST6 = "2001:db8:1:2:3:4:5:7", "2001:db8:1:2:3:4:5:1"
PATIENCE = 10.0
LIBERAL = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal")
"""Whether the kernel's connection tracking puts up with frames that it has not seen; one for each
namespace."""


def request(number: int, size: int = 60) -> bytes:
    """A request of *size* bytes whose verdict is that of row *number*."""
    line = b"GET /%05d " % number
    return line.ljust(size - 4, b"x") + b"\r\n\r\n"


class Marker:
    """A NIC that gives each segment that begins with a head of :func:`request` its verdict, and
    changes what it hands out by *change*."""

    def __init__(self, change: Callable[[bytes], list[bytes]] = lambda frame: [frame]) -> None:
        self.change = change

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        return [out for frame in frames for out in self.change(self._mark(frame))]

    def _mark(self, frame: bytes) -> bytes:
        segment = find_segment(frame)
        if segment is None:
            return frame
        payload = frame[segment.start : segment.end]
        end = payload.find(b"\r\n\r\n") + 4
        if not payload.startswith(b"GET /") or end < 4:
            return frame
        verdict = Verdict(
            flags=Flag.DECIDED, row=int(payload[5:10]), seq=segment.seq, head_length=end
        )
        return frame[:12] + SHIM.pack(verdict) + frame[12:]


class Stage:
    """Set up when made, gone when closed, or when the process is."""

    def __init__(
        self,
        nic: Marker,
        mode: Mode = "auto",
        impair: Callable[[list[bytes]], list[bytes]] = list,
        pods: Path | None = None,
        forward: Sequence[str] = (),
    ) -> None:
        self.client, self.host = Namespace(), Namespace()
        with self.client.inside():
            outside = Tap("wire0")
        with self.host.inside():
            inside = Tap("nic0")
        for place, name, mtu, addresses in (
            (self.client, "wire0", 1500, (CLIENT, CLIENT6)),
            (self.host, "nic0", 1540, (HOST, HOST6)),
        ):
            place.run("ip", "address", "add", f"{addresses[0]}/24", "dev", name)
            place.run("ip", "address", "add", f"{addresses[1]}/64", "dev", name, "nodad")
            place.run("ip", "link", "set", "dev", name, "mtu", str(mtu), "up")
        if impair is list:
            self._be_patient()
        self._taps = [outside, inside]
        self._wire = Wire(outside, inside, nic, impair)
        self.cgroup = own_cgroup()
        with self.host.inside():
            if forward and LIBERAL.exists():
                LIBERAL.write_text("1")
            self.tunnel = Tunnel("nic0", self.cgroup, mode, pods, forward)

    def close(self) -> None:
        self.tunnel.close()
        self._wire.close()
        for part in (*self._taps, self.client, self.host):
            part.close()

    def _be_patient(self) -> None:
        """Let the client send nothing twice on a wire that loses nothing, however slow this machine
        is: a head that comes twice has no verdict."""
        for route in ("198.51.100.0/24 metric 0", "2001:db8:1:2::/64 metric 1"):
            self.client.run(*f"ip route replace {route} dev wire0 rto_min 5s".split())
        with self.client.inside():
            Path("/proc/sys/net/ipv4/tcp_early_retrans").write_text("0")

    @contextmanager
    def in_cgroup(self) -> Iterator[None]:
        """The process is in the tunnel's cgroup until the block ends; its sockets stay there."""
        with joined(self.cgroup):
            yield

    def listen(self, address: str = HOST, port: int = 0) -> socket.socket:
        with self.host.inside(), self.in_cgroup():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = socket.create_server(
                (address, port), family=family, dualstack_ipv6=address == "::"
            )
        listener.settimeout(PATIENCE)
        return listener

    def connect(self, address: str, port: int, source: int = 0) -> socket.socket:
        with self.client.inside():
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.settimeout(PATIENCE)
            if source:
                made.bind(("", source))
            made.connect((address, port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def pair(self, address: str = HOST) -> tuple[socket.socket, socket.socket]:
        """Both ends of a connection, the client's first."""
        with self.listen(address) as listener:
            client = self.connect(HOST if address == "::" else address, listener.getsockname()[1])
            server, _ = listener.accept()
        server.settimeout(PATIENCE)
        return client, server

    def receive(self, frame: bytes) -> None:
        """Let the host receive *frame*, which XDP has seen when this returns."""
        self._taps[1].write(frame)

    def settled(self) -> dict[str, int]:
        """The counters, when all connections that were opened have ended; nothing may be left."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            counters = self.tunnel.counters()
            if counters["opened"] == counters["closed"]:
                break
            time.sleep(0.01)
        assert counters["opened"] == counters["closed"]
        assert (self.tunnel.flows, self.tunnel.waiting) == (0, 0)
        return counters


def own_cgroup() -> Path:
    """A group for the tests of this process; those that killed ones have left are removed."""
    for left in hierarchy().glob("hybridmesh-test-*"):
        if not Path("/proc", left.name.split("-")[2]).exists():
            with suppress(OSError):  # another process of the tests has been faster
                left.rmdir()
    return hierarchy() / f"hybridmesh-test-{os.getpid()}"


@contextmanager
def joined(cgroup: Path) -> Iterator[None]:
    """The process is in *cgroup* until the block ends."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    (before,) = (line[3:] for line in lines if line.startswith("0::"))
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (hierarchy() / before.lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))


def reset_on_close(sock: socket.socket) -> None:
    """Closing *sock* sends a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
