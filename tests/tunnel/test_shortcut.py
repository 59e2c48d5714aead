"""The shortcut between a gateway and pods, in two namespaces that a veth pair joins."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hybridmesh.lab.namespace import Namespace
from hybridmesh.tunnel.loader import Tunnel
from hybridmesh.tunnel.programs import Programs

from .stage import PATIENCE, joined, own_cgroup, reset_on_close

GATEWAY, POD = "203.0.113.1", "203.0.113.2"
GATEWAY6, POD6 = "2001:db8:5:6:7:8:9:1", "2001:db8:5:6:7:8:9:2"
BOUND = 65536


class Node:
    """A gateway and pods, each in a namespace and a cgroup of its own."""

    def __init__(self) -> None:
        self.host, self.pods = Namespace(), Namespace()
        self.host.run(
            *("ip", "link", "add", "pods0", "type", "veth"),
            *("peer", "name", "pod0", "netns", self.pods.path),
        )
        for place, name, addresses in (
            (self.host, "pods0", (GATEWAY, GATEWAY6)),
            (self.pods, "pod0", (POD, POD6)),
        ):
            place.run("ip", "address", "add", f"{addresses[0]}/24", "dev", name)
            place.run("ip", "address", "add", f"{addresses[1]}/64", "dev", name, "nodad")
            place.run("ip", "link", "set", "dev", name, "up")
        self.cgroup = own_cgroup()
        self.pod_cgroup = Path(f"{self.cgroup}-pods")
        with self.host.inside():
            self.tunnel = Tunnel("lo", self.cgroup, pods=self.pod_cgroup)

    def close(self) -> None:
        self.tunnel.close()
        self.host.close()
        self.pods.close()

    def listen(self, address: str = POD) -> socket.socket:
        with self.pods.inside(), joined(self.pod_cgroup):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            return socket.create_server((address, 0), family=family)

    def pair(self, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
        """The gateway's end of a connection, and the pod's."""
        with self.host.inside(), joined(self.cgroup):
            gateway = socket.create_connection(listener.getsockname()[:2], PATIENCE)
        pod, _ = listener.accept()
        pod.settimeout(PATIENCE)
        return gateway, pod

    def count(self, name: str) -> int:
        return self.tunnel.counters()[name]

    @property
    def ends(self) -> int:
        return self.tunnel.ends


@pytest.fixture(scope="module")
def shared(loaded: Programs) -> Iterator[Node]:
    node = Node()
    with node.listen() as listener:  # the first connection tells that this is a pod
        for end in node.pair(listener):
            end.close()
    yield node
    node.close()


@pytest.fixture
def node(shared: Node) -> Iterator[Node]:
    """The same for all tests; none leaves anything behind."""
    yield shared
    assert shared.ends == 0


@pytest.fixture
def ends(node: Node) -> Iterator[tuple[socket.socket, socket.socket]]:
    with node.listen() as listener:
        gateway, pod = node.pair(listener)
        with gateway, pod:
            yield gateway, pod


def take(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (more := sock.recv(size - len(data))):
        data += more
    return bytes(data)


def test_messages_go_from_socket_to_socket(node: Node, ends: tuple[socket.socket, socket.socket]):
    gateway, pod = ends
    before = node.count("shortcuts")
    for number in range(50):
        request = b"request %d" % number
        gateway.sendall(request)
        assert pod.recv(100) == request
        pod.sendall(request * 200)
        assert take(gateway, 200 * len(request)) == request * 200
    assert node.count("shortcuts") == before + 100


def test_the_first_connection_to_a_pod_goes_by_tcp(loaded: Programs, node: Node):
    with node.listen(POD6) as listener:
        for shortcuts in (0, 2):
            before = node.count("shortcuts")
            gateway, pod = node.pair(listener)
            with gateway, pod:
                gateway.sendall(b"request")
                assert pod.recv(100) == b"request"
                pod.sendall(b"response")
                assert gateway.recv(100) == b"response"
            assert node.count("shortcuts") == before + shortcuts


def test_a_long_response_goes_by_tcp_from_the_bound_on(
    node: Node, ends: tuple[socket.socket, socket.socket]
):
    gateway, pod = ends
    response = random.Random(1).randbytes(10 * BOUND)
    gateway.sendall(b"request")
    assert pod.recv(100) == b"request"
    shortcuts, plain = node.count("shortcuts"), node.count("plain")
    sender = threading.Thread(
        target=lambda: [
            pod.sendall(response[at : at + 10_000]) for at in range(0, len(response), 10_000)
        ]
    )
    sender.start()
    end = time.monotonic() + PATIENCE
    while node.count("plain") == plain:  # nothing is read before both ways have been taken
        assert time.monotonic() < end
    assert take(gateway, len(response)) == response
    sender.join()
    assert node.count("shortcuts") == shortcuts + BOUND // 10_000
    assert node.count("plain") == plain + 1
    gateway.sendall(b"another")
    assert pod.recv(100) == b"another"
    pod.sendall(b"answer")
    assert gateway.recv(100) == b"answer"
    assert node.count("shortcuts") == shortcuts + BOUND // 10_000 + 1


def test_who_does_not_read_stops_the_sender(node: Node, ends: tuple[socket.socket, socket.socket]):
    gateway, pod = ends
    pod.settimeout(0.2)
    sent = 0
    with suppress(TimeoutError):
        while sent < 50_000_000:
            sent += pod.send(b"x" * 10_000)
    assert BOUND < sent < 50_000_000
    assert take(gateway, sent) == b"x" * sent


def test_both_ends_may_talk_at_once(node: Node, ends: tuple[socket.socket, socket.socket]):
    rng = random.Random(5)
    streams = [rng.randbytes(1_000_000) for _ in ends]

    def send(sock: socket.socket, data: bytes, chunks: random.Random) -> None:
        at = 0
        while at < len(data):
            size = chunks.randrange(1, 9_000)
            sock.sendall(data[at : at + size])
            at += size

    senders = [
        threading.Thread(target=send, args=(sock, data, random.Random(number)))
        for number, (sock, data) in enumerate(zip(ends, streams, strict=True))
    ]
    for sender in senders:
        sender.start()
    got: dict[int, bytes] = {}
    takers = [
        threading.Thread(target=lambda n=n: got.update({n: take(ends[n], 1_000_000)}))
        for n in range(2)
    ]
    for taker in takers:
        taker.start()
    for thread in senders + takers:
        thread.join()
    assert (got[0], got[1]) == (streams[1], streams[0])


def test_what_was_sent_before_the_end_is_read_before_it(
    node: Node, ends: tuple[socket.socket, socket.socket]
):
    gateway, pod = ends
    before = node.count("shortcuts")
    pod.sendall(b"the last words")
    pod.close()
    assert take(gateway, 100) == b"the last words"
    assert gateway.recv(1) == b""
    assert node.count("shortcuts") == before + 1


def test_a_reset_ends_both(node: Node, ends: tuple[socket.socket, socket.socket]):
    gateway, pod = ends
    gateway.sendall(b"request")
    assert pod.recv(100) == b"request"
    reset_on_close(pod)
    pod.close()
    with pytest.raises(ConnectionResetError):
        gateway.recv(1)


def test_connections_of_others_go_by_tcp(node: Node):
    before = node.tunnel.counters()
    with node.listen() as listener, node.host.inside():
        client = socket.create_connection(listener.getsockname()[:2], PATIENCE)
        server, _ = listener.accept()
        with client, server:
            client.sendall(b"request")
            assert server.recv(100) == b"request"
            server.sendall(b"response")
            assert client.recv(100) == b"response"
    after = node.tunnel.counters()
    assert (after["shortcuts"], after["plain"]) == (before["shortcuts"], before["plain"])
