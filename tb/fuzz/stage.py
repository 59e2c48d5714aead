"""The proxy's core between a client and pods that are played here: bytes in, bytes out, no socket.

The pods answer a request as soon as they have all of it, by llhttp's count.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import httptools

from hybridmesh.config import load
from hybridmesh.config.model import Cluster, Endpoint, Mesh
from hybridmesh.contract.verdict import Flag, Verdict
from hybridmesh.ingress import Table, open_table
from hybridmesh.nic.frames import Connection
from hybridmesh.proxy import NoVerdicts, VerdictStream
from hybridmesh.proxy.core.clock import Clock
from hybridmesh.proxy.core.ports import Buffer, Caller
from hybridmesh.proxy.core.proxy import Proxy
from hybridmesh.tunnel.rootless import RootlessLink, RootlessStream

__all__ = ["Played", "play"]

_PEER, _LOCAL = ("192.0.2.7", 40000), ("192.0.2.1", 80)
_ISN = 2**32 - 60
"""The sequence numbers come round within the first head."""

_MESH = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pods, namespace: shop}
spec:
  hosts: [a.test]
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec:
  hosts: [shop.test]
  gateways: [gw]
  http:
  - match: [{uri: {prefix: /p}, method: {exact: GET}}]
    timeout: 1s
    retries: {attempts: 0}
    route: [{destination: {host: a.test}}]
  - match:
    - {uri: {regex: "/r[0-9]+"}}
    - {headers: {x-g: {exact: b}}}
    - {queryParams: {q: {exact: a}}}
    timeout: 2s
    retries: {attempts: 0}
    route: [{destination: {host: a.test}}]
  - {timeout: 3s, retries: {attempts: 0}, route: [{destination: {host: a.test}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rest, namespace: shop}
spec:
  hosts: ["*"]
  gateways: [gw]
  http:
  - {timeout: 4s, retries: {attempts: 0}, route: [{destination: {host: a.test}}]}
"""
"""A route for whatever comes, each of which shows in the request by its timeout."""


@cache
def _mesh() -> Mesh:
    with TemporaryDirectory() as folder:
        path = Path(folder, "mesh.yaml")
        path.write_text(_MESH)
        return load([path])


@cache
def _table() -> Table:
    table = open_table(_mesh(), "reference").__enter__()
    assert table.nic is not None
    table.nic.listen(_LOCAL[1])
    return table


_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"""Of a pod, but for the body where that is not wanted."""

_Answer = Callable[[bytes], Sequence[bytes]]


def _ok(request: bytes) -> Sequence[bytes]:
    return [_ANSWER[:-2] if request.startswith(b"HEAD ") else _ANSWER]


@dataclass
class Played:
    """What has come of it.

    Attributes
    ----------
    requests : list of bytes
        Those that pods have had to their end.
    client : bytes
        What the client has got.
    ended : bool
        Whether the proxy has ended the client's connection.
    unparsed : int
        Heads that went on as the NIC had decided them.
    verdicts : dict of int to Verdict
        Those that the NIC gave, by their place in the stream, where it decided or found a row to go
        on from; without ``MORE_DATA``, which depends on the segment.
    """

    requests: list[bytes] = field(default_factory=list)
    client: bytes = b""
    ended: bool = False
    unparsed: int = 0
    verdicts: dict[int, Verdict] = field(default_factory=dict)


def play(parts: Sequence[bytes], *, nic: bool = False, answer: _Answer = _ok) -> Played:
    """Let the client send *parts*, one after the other; pods *answer* what they get with parts,
    after which they close if the last one is empty."""
    played = Played()
    resolver = _table().resolver
    proxy = Proxy(_mesh(), resolver, network := _Network(played, answer), Clock(), random.Random(1))
    client = proxy.accept(_Client(played), _Stream(played, nic), _PEER, _LOCAL)
    for part in parts:
        if played.ended:
            break
        client.received(part)
        network.settle()
    played.unparsed = proxy.counters()["http.ingress.verdict.unparsed"]
    if not played.ended:
        client.lost()
    proxy.abort()
    return played


class _Stream:
    """The link through the reference NIC, or none, and what it says."""

    def __init__(self, played: Played, nic: bool) -> None:
        self._verdicts = played.verdicts
        self._inner: VerdictStream = NoVerdicts().open(_PEER, _LOCAL)
        if nic and (driver := _table().nic) is not None:
            self._inner = RootlessStream(RootlessLink(driver), Connection(_PEER, _LOCAL), _ISN)

    def received(self, data: bytes) -> bytes:
        return self._inner.received(data)

    def verdict(self, offset: int) -> Verdict | None:
        verdict = self._inner.verdict(offset)
        if verdict is not None and verdict.usable:
            flags = verdict.flags & ~Flag.MORE_DATA
            self._verdicts[offset] = verdict._replace(flags=flags, latency=0)
        return verdict

    def head_at(self, offset: int) -> None:
        self._inner.head_at(offset)

    def close(self) -> None:
        self._inner.close()


class _Port:
    """A connection that takes all and holds up nothing."""

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None:
        self.close()


class _Client(_Port):
    def __init__(self, played: Played) -> None:
        self._played = played

    def write(self, data: Buffer) -> None:
        self._played.client += data

    def close(self) -> None:
        self._played.ended = True

    def write_eof(self) -> None:
        self.close()


class _Pod(_Port):
    """A pod's end of a connection; the names that begin with ``on_`` are httptools'."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.request = b""
        self.complete = self.closed = False
        self._parser = httptools.HttpRequestParser(self)

    def write(self, data: Buffer) -> None:
        self.request += data
        with suppress(httptools.HttpParserUpgrade):  # it is not asked for what comes then
            self._parser.feed_data(data)

    def close(self) -> None:
        self.closed = True

    def on_message_complete(self) -> None:
        self.complete = True


class _Network:
    def __init__(self, played: Played, answer: _Answer) -> None:
        self._played, self._answer = played, answer
        self._connecting: list[Caller] = []
        self._pods: list[_Pod] = []

    def to(self, cluster: Cluster) -> "_Network":
        return self

    def connect(self, endpoint: Endpoint, caller: Caller) -> None:
        self._connecting.append(caller)

    def give_up(self, caller: Caller) -> None:
        self._connecting.remove(caller)

    def settle(self) -> None:
        """Let pods take connections and answer until there is nothing left to do."""
        while self._connecting or any(pod.complete and not pod.closed for pod in self._pods):
            if self._connecting:
                self._pods.append(pod := _Pod(self._connecting.pop(0)))
                pod.caller.connected(pod)
            for pod in self._pods:
                if pod.complete and not pod.closed:
                    self._answer_of(pod)

    def _answer_of(self, pod: _Pod) -> None:
        request, pod.request, pod.complete = pod.request, b"", False
        self._played.requests.append(request)
        for part in self._answer(request):
            if pod.closed:
                break
            if part:
                pod.caller.received(part)
            else:
                pod.caller.lost(None)
