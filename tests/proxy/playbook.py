"""A sequence chart that runs: ``play >> event << command``.

The core is driven without sockets and without a clock of its own: the events are what the network
and time do, the commands are what the core asks for.  Sends to one connection that follow each
other count as one.  What differs from run to run (date, request id) is masked.
"""

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hybridmesh.config.model import (
    Cluster,
    Endpoint,
    Forward,
    Location,
    MatchKind,
    Mesh,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)
from hybridmesh.contract.verdict import Flag, Method, Verdict
from hybridmesh.proxy.core.access_log import AccessLog
from hybridmesh.proxy.core.clock import Clock
from hybridmesh.proxy.core.downstream import Downstream
from hybridmesh.proxy.core.proxy import Proxy
from hybridmesh.proxy.core.upstream import Upstream
from hybridmesh.reference.resolver import Resolver

PEER = ("192.0.2.7", 40000)
LOCAL = ("192.0.2.1", 80)

ADDED = (
    b"x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: http\r\n"
    b"x-envoy-external-address: 192.0.2.7\r\nx-request-id: ID\r\n"
)
"""Lines that the gateway adds to every request, but for the count of attempts."""

_MASKS = (
    (re.compile(rb"x-request-id: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                rb"[0-9a-f]{12}\r\n"), b"x-request-id: ID\r\n"),
    (re.compile(rb"date: \w{3}, \d\d \w{3} 1970 \d\d:\d\d:\d\d GMT\r\n"), b"date: NOW\r\n"),
)  # fmt: skip


# ------------------------------------------------------------------ a mesh in one line


def endpoint(number: int) -> Endpoint:
    return Endpoint(f"10.0.0.{number}", 8080)


def cluster(name: str = "pods", pods: int = 1, **policy: Any) -> Cluster:
    return Cluster(name, tuple(endpoint(n + 1) for n in range(pods)), **policy)


def route(prefix: str = "/", clusters: Mapping[str, int] | None = None, **policy: Any) -> Route:
    return Route(
        f"shop/vs/{prefix}",
        RouteMatch(path=StringMatch(MatchKind.PREFIX, prefix)),
        Forward(
            tuple(WeightedCluster(n, w) for n, w in (clusters or {"pods": 100}).items()), **policy
        ),
        Location("shop.yaml", 1),
    )


def mesh(routes: Iterable[Route], clusters: Iterable[Cluster]) -> Mesh:
    table = RouteTable(80, (VirtualHost("*:80", "*", tuple(routes)),))
    return Mesh.of(table, {c.name: c for c in clusters})


# ------------------------------------------------------------------ verdicts by hand


def decided(head: bytes, *, row: int = 0, epoch: int = 1, touch: bool = False) -> Verdict:
    """What a NIC says of *head* when it decides; for plain heads with one Host line."""
    method, target, _ = head.split(b"\r\n")[0].split(b" ")
    flags = int(Flag.DECIDED) | (int(Flag.TOUCH) if touch else 0)
    host = re.search(rb"\r\nhost: ([^:\r]*)", head, re.IGNORECASE)
    length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head, re.IGNORECASE)
    if length:
        flags |= Flag.BODY_LENGTH
    if re.search(rb"\r\ntransfer-encoding: chunked\r\n", head, re.IGNORECASE):
        flags |= Flag.BODY_CHUNKED
    name = method.decode()
    return Verdict(
        flags=int(flags),
        epoch=epoch,
        row=row,
        method=Method[name] if name in Method.__members__ else Method.OTHER,
        head_length=len(head),
        path_offset=len(method) + 1,
        path_length=len(target.partition(b"?")[0]),
        host_offset=host.start(1) if host else 0,
        host_length=len(host[1]) if host else 0,
        body_length=int(length[1]) if length else 0,
        latency=123,
    )


def resolver(table: RouteTable) -> Resolver:
    """One that takes every verdict of epoch 1 at its word: row n is the n-th route."""
    routes = table.virtual_hosts[0].routes
    rows = [SimpleNamespace(provisional=False, route=r, routes=(), index=0) for r in routes]
    found = Resolver(table)
    found.add_epoch(1, SimpleNamespace(rows=tuple(rows)))  # type: ignore[arg-type]
    return found


class Verdicts:
    """A verdict stream that has its verdicts from the test, by stream offset, and keeps in ``told``
    what it is told."""

    def __init__(self, verdicts: Mapping[int, Verdict] | None = None) -> None:
        self.verdicts = dict(verdicts or {})
        self.told: list[int] = []
        self.closed = False

    def received(self, data: bytes) -> bytes:
        return data

    def verdict(self, offset: int) -> Verdict | None:
        return self.verdicts.get(offset)

    def head_at(self, offset: int) -> None:
        self.told.append(offset)

    def close(self) -> None:
        self.closed = True


# ------------------------------------------------------------------ commands


@dataclass(frozen=True)
class Command:
    what: str
    who: str
    data: bytes = b""

    def __str__(self) -> str:
        return f"{self.what} {self.who} {self.data.decode('latin-1')}"


def connect(pod: int) -> Command:
    return Command("connect", f"10.0.0.{pod}:8080")


def to_pod(data: bytes, connection: int = 0) -> Command:
    return Command("send", f"pod {connection}", data)


def to_client(data: bytes) -> Command:
    return Command("send", "client", data)


def request(line: bytes, *fields: bytes, attempt: int = 1, body: bytes = b"") -> bytes:
    """A request as a pod gets it: the client's lines, then the gateway's."""
    lines = b"".join(f + b"\r\n" for f in (line + b" HTTP/1.1", *fields))
    return lines + ADDED + b"x-envoy-attempt-count: %d\r\n\r\n%b" % (attempt, body)


def response(
    line: bytes, *fields: bytes, body: bytes = b"", time: int = 0, dated: bool = False,
    last: bytes = b"", minor: int = 1,
) -> bytes:  # fmt: skip
    """A pod's response as the client gets it; a transfer coding is the gateway's own."""
    coding = b"".join(f + b"\r\n" for f in fields if f.startswith(b"transfer-encoding"))
    fields = tuple(f for f in fields if not f.startswith(b"transfer-encoding"))
    lines = b"".join(f + b"\r\n" for f in (b"HTTP/1.%d %b" % (minor, line), *fields))
    date = b"" if dated else b"date: NOW\r\n"
    timing = b"x-envoy-upstream-service-time: %d\r\n" % time
    return lines + timing + coding + date + b"server: istio-envoy\r\n" + last + b"\r\n" + body


def local(line: bytes, body: bytes = b"", *, extra: bytes = b"", last: bytes = b"",
          minor: int = 1, head_only: bool = False) -> bytes:  # fmt: skip
    """A local reply as the client gets it."""
    kind = b"content-type: text/plain\r\n" if body else b""
    head = b"HTTP/1.%d %b\r\n%bcontent-length: %d\r\n" % (minor, line, extra, len(body))
    end = b"%bdate: NOW\r\nserver: istio-envoy\r\n%b\r\n" % (kind, last)
    return head + end + (b"" if head_only else body)


# ------------------------------------------------------------------ events


@dataclass(frozen=True)
class Event:
    what: str
    connection: int = 0
    data: bytes = b""
    seconds: float = 0.0


def from_client(data: bytes) -> Event:
    return Event("client data", data=data)


def from_pod(data: bytes, connection: int = 0) -> Event:
    return Event("pod data", connection, data)


def connected(connection: int = 0) -> Event:
    return Event("connected", connection)


def refused(connection: int = 0) -> Event:
    return Event("refused", connection)


def pod_closes(connection: int = 0) -> Event:
    return Event("pod closes", connection)


def pod_resets(connection: int = 0) -> Event:
    return Event("pod resets", connection)


def tick(seconds: float) -> Event:
    return Event("tick", seconds=seconds)


def pod_blocked(connection: int = 0) -> Event:
    return Event("pod blocked", connection)


def pod_unblocked(connection: int = 0) -> Event:
    return Event("pod unblocked", connection)


CLIENT_LEAVES = Event("client leaves")
CLIENT_BLOCKED = Event("client blocked")
CLIENT_UNBLOCKED = Event("client unblocked")
DRAIN = Event("drain")


class _Port:
    """Writes down what the core commands one connection."""

    def __init__(self, who: str, commands: list[Command]) -> None:
        self._who = who
        self._commands = commands

    def write(self, data: bytes | memoryview) -> None:
        data = bytes(data)
        last = self._commands[-1] if self._commands else None
        if last is not None and last.what == "send" and last.who == self._who:
            data = self._commands.pop().data + data
        self._commands.append(Command("send", self._who, data))

    def can_write_eof(self) -> bool:
        return True

    def __getattr__(self, what: str) -> Any:
        if what not in ("write_eof", "pause_reading", "resume_reading", "close", "abort"):
            raise AttributeError(what)
        return lambda: self._commands.append(Command(what, self._who))


def pause(who: str) -> Command:
    return Command("pause_reading", who)


def resume(who: str) -> Command:
    return Command("resume_reading", who)


def close(who: str = "client") -> Command:
    return Command("close", who)


def abort(who: str) -> Command:
    return Command("abort", who)


def fin() -> Command:
    return Command("write_eof", "client")


class Playbook:
    """One client connection through the core, event by event."""

    def __init__(
        self,
        mesh: Mesh,
        *,
        verdicts: Mapping[int, Verdict] | None = None,
        log: AccessLog | None = None,
        seed: int = 1,
    ) -> None:
        self.commands: list[Command] = []
        self.clock = Clock()
        self.network = _Network(self)
        self.stream = Verdicts(verdicts)
        self.proxy = Proxy(
            mesh, resolver(mesh.table), self.network, self.clock, random.Random(seed), log
        )
        self.client: Downstream = self.proxy.accept(
            _Port("client", self.commands), self.stream, PEER, LOCAL
        )

    def another_client(self) -> Downstream:
        """A second connection of the same proxy, whose commands nobody looks at."""
        return self.proxy.accept(_Port("other", []), Verdicts(), PEER, LOCAL)

    def __rshift__(self, event: Event) -> "Playbook":
        what, n = event.what, event.connection
        if what == "client data":
            self.client.received(event.data)
        elif what == "client leaves":
            self.client.lost()
        elif what == "client blocked":
            self.client.blocked_by_client()
        elif what == "client unblocked":
            self.client.unblocked_by_client()
        elif what == "drain":
            self.proxy.drain()
        elif what == "tick":
            self.clock.advance(self.clock.now + event.seconds)
        else:
            upstream = self.network.upstreams[n]
            match what:
                case "connected":
                    upstream.connected(_Port(f"pod {n}", self.commands))
                case "refused":
                    upstream.failed("Connection refused")
                case "pod data":
                    upstream.received(event.data)
                case "pod closes":
                    upstream.lost(None)
                case "pod resets":
                    upstream.lost(ConnectionResetError())
                case "pod blocked":
                    upstream.blocked()
                case "pod unblocked":
                    upstream.unblocked()
        return self

    def __lshift__(self, expected: Command) -> "Playbook":
        assert self.commands, f"nothing happened, expected: {expected}"
        command = self.commands.pop(0)
        data = command.data
        for mask, word in _MASKS:
            data = mask.sub(word, data)
        found = Command(command.what, command.who, data)
        assert found == expected, f"\nfound:    {found}\nexpected: {expected}"
        return self

    def quiet(self) -> "Playbook":
        """Nothing else has been commanded."""
        assert not self.commands, "\n".join(map(str, self.commands))
        return self

    def counter(self, name: str) -> int:
        """A counter by the end of its name; exactly one must have it."""
        values = [v for k, v in self.proxy.counters().items() if k.endswith("." + name)]
        assert len(values) == 1, name
        return values[0]

    def at_rest(self) -> "Playbook":
        """Nothing is under way: every gauge of requests is back at zero."""
        self.quiet()
        for name, value in self.proxy.counters().items():
            if name.endswith(("rq_active", "pending_active", "retry_active")):
                assert value == 0, name
        return self


class _Network:
    def __init__(self, play: Playbook) -> None:
        self._play = play
        self.upstreams: list[Upstream] = []

    def to(self, cluster: Cluster) -> "_Network":
        return self

    def connect(self, endpoint: Endpoint, upstream: Upstream) -> None:
        self.upstreams.append(upstream)
        self._play.commands.append(Command("connect", str(endpoint)))

    def give_up(self, upstream: Upstream) -> None:
        self._play.commands.append(Command("give up", str(upstream.host.endpoint)))
