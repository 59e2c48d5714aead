"""A gateway and a pod in namespaces of their own, and a host that sends frames on between them."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from hybridmesh.contract.tunnel import SOCKET_LEVEL
from hybridmesh.contract.verdict import SHIM
from hybridmesh.lab.namespace import Namespace
from hybridmesh.tunnel import forward
from hybridmesh.tunnel.errors import TunnelError
from hybridmesh.tunnel.loader import Mode, Tunnel
from hybridmesh.tunnel.programs import Programs

from .stage import CLIENT, HOST, HOST6, PATIENCE, Marker, Stage, joined, own_cgroup, request

CLIENT6 = "2001:db8:1:2:3:4:5:7"
GATEWAY, POD = "203.0.113.2", "192.0.2.2"
GATEWAY6, POD6 = "2001:db8:a::2", "2001:db8:b::2"
LONG = 300_000
"""Bytes of a message that SK_MSG does not carry."""


class Node(Stage):
    """A stage whose gateway is in a namespace behind the host, and so is a pod."""

    def __init__(self, mode: Mode = "auto") -> None:
        self.pod_cgroup = Path(f"{own_cgroup()}-pods")
        super().__init__(Marker(), mode, pods=self.pod_cgroup, forward=["gw*", "pod*"])
        with self.host.inside():
            for family in ("ipv4", "ipv6"):
                Path(f"/proc/sys/net/{family}/conf/all/forwarding").write_text("1")
        self.client.run("ip", "route", "add", "203.0.113.0/24", "via", HOST)
        self.client.run("ip", "route", "add", "2001:db8:a::/64", "via", HOST6)
        self.gateway, self.pod = Namespace(), Namespace()
        self.join("gw0", self.gateway, GATEWAY, GATEWAY6)
        self.join("pod0", self.pod, POD, POD6)
        self.refresh()

    def close(self) -> None:
        super().close()
        for place in (self.gateway, self.pod):
            place.close()

    def join(self, name: str, place: Namespace, *addresses: str) -> None:
        """Connect *place*, which has *addresses*, with the host, where its interface is *name*."""
        self.host.run(
            *("ip", "link", "add", name, "type", "veth"),
            *("peer", "name", "eth0", "netns", place.path),
        )
        self.host.run("ip", "link", "set", "dev", name, "up")
        place.run("ip", "link", "set", "dev", "eth0", "up")
        for address in addresses:
            size = 64 if ":" in address else 24
            router = address[:-1] + "1"
            self.host.run("ip", "address", "add", f"{router}/{size}", "dev", name, "nodad")
            place.run("ip", "address", "add", f"{address}/{size}", "dev", "eth0", "nodad")
            place.run("ip", "route", "add", "default", "via", router)

    def refresh(self) -> None:
        with self.host.inside():
            self.tunnel.refresh()

    @property
    def forwarded(self) -> int:
        return self.tunnel.counters()["forwarded"]

    @property
    def by_the_stack(self) -> int:
        """Packets that the host's stack has sent on."""
        with self.host.inside():
            lines = Path("/proc/thread-self/net/snmp").read_text().splitlines()
            six = Path("/proc/thread-self/net/snmp6").read_text().split()
        names, values = (line.split() for line in lines if line.startswith("Ip: "))
        four = int(values[names.index("ForwDatagrams")])
        return four + int(six[six.index("Ip6OutForwDatagrams") + 1])

    @contextmanager
    def from_client(self, address: str) -> Iterator[tuple[socket.socket, socket.socket]]:
        """Both ends of a connection of the client to the gateway."""
        with self.gateway.inside(), joined(self.cgroup):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = socket.create_server((address, 0), family=family)
        with listener, self.connect(address, listener.getsockname()[1]) as client:
            server, _ = listener.accept()
            with server:
                server.settimeout(PATIENCE)
                yield client, server

    @contextmanager
    def to_pod(
        self, address: str, near: Path | None = None, far: Path | None = None
    ) -> Iterator[tuple[socket.socket, socket.socket]]:
        """Both ends of a connection of the gateway, or somebody in *near*, to the pod, or somebody
        in *far* there: the second one, for the first one tells that it is a pod."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.pod.inside(), joined(far or self.pod_cgroup):
            listener = socket.create_server((address, 0), family=family)
        with listener:
            for end in self._pair(listener, near or self.cgroup):
                end.close()
            first, second = self._pair(listener, near or self.cgroup)
            with first, second:
                yield first, second

    def _pair(self, listener: socket.socket, cgroup: Path) -> tuple[socket.socket, socket.socket]:
        with self.gateway.inside(), joined(cgroup):
            near = socket.create_connection(listener.getsockname()[:2], PATIENCE)
        far, _ = listener.accept()
        far.settimeout(PATIENCE)
        return near, far

    def sent_out(self, interface: str) -> int:
        """Packets that the host has sent by *interface* itself."""
        (link,) = json.loads(self.host.run("ip", "-json", "-stats", "link", "show", interface))
        return int(link["stats64"]["tx"]["packets"])


@pytest.fixture(scope="module")
def node(loaded: Programs) -> Iterator[Node]:
    made = Node()
    yield made
    made.close()


def exchange(one: socket.socket, other: socket.socket, data: bytes) -> None:
    """Send *data* from one to the other."""
    sender = threading.Thread(target=one.sendall, args=(data,))
    sender.start()
    got = b""
    while len(got) < len(data) and (more := other.recv(65536)):
        got += more
    sender.join()
    assert got == data


@pytest.mark.parametrize("mode", ["generic", "tc"])
def test_requests_come_past_the_stack_to_a_gateway_and_have_their_verdicts(
    loaded: Programs, mode: Mode
):
    node = Node(mode)
    try:
        for address in (GATEWAY, GATEWAY6):
            with node.from_client(address) as (client, server):
                stack, forwarded = node.by_the_stack, node.forwarded
                for number in range(20):
                    client.sendall(request(number))
                    assert server.recv(100) == request(number)
                    answer = server.getsockopt(SOCKET_LEVEL, 60 * number, SHIM.size)
                    assert SHIM.unpack(answer).row == number
                    exchange(server, client, b"response" * 1000)
                # The first frames, and the first long ones, show the way.
                assert 1 <= node.by_the_stack - stack < 10
                assert node.forwarded > forwarded + 40
    finally:
        node.close()


@pytest.mark.parametrize("address", [POD, POD6])
def test_long_messages_between_gateway_and_pod_go_past_the_stack(node: Node, address: str):
    with node.to_pod(address) as (near, far):
        stack, forwarded, sent = node.by_the_stack, node.forwarded, node.sent_out("pod0")
        exchange(near, far, bytes(LONG))
        exchange(far, near, bytes(LONG))
        assert 1 <= node.by_the_stack - stack < 10
        assert node.forwarded > forwarded + 8
        assert node.sent_out("pod0") < sent + 10  # at once to the other end, not by a queue


@contextmanager
def captured(place: Namespace) -> Iterator[socket.socket]:
    """Frames that come in by ``eth0``."""
    with place.inside():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    with tap:
        tap.bind(("eth0", 0))
        tap.settimeout(PATIENCE)
        yield tap


def received(tap: socket.socket, port: int) -> IP | IPv6:
    """The next that comes from *port*, in a frame for this host alone."""
    while True:
        data, (_, _, kind, _, _) = tap.recvfrom(65536)
        frame = Ether(data)
        if TCP in frame and frame[TCP].sport == port and kind != socket.PACKET_OUTGOING:
            assert kind == socket.PACKET_HOST
            return frame.payload


@pytest.mark.parametrize("address", [GATEWAY, GATEWAY6])
def test_a_hop_is_counted_and_the_header_stays_right(node: Node, address: str):
    with node.from_client(address) as (client, server), captured(node.gateway) as tap:
        client.sendall(b"the way")
        server.recv(100)
        received(tap, client.getsockname()[1])
        time.sleep(0.1)  # the other side acknowledges
        stack, forwarded = node.by_the_stack, node.forwarded
        client.sendall(b"request")
        packet = received(tap, client.getsockname()[1])
        assert node.forwarded > forwarded
        assert node.by_the_stack == stack
        again = packet.copy()
        if isinstance(packet, IP):
            del again.chksum
        del again[TCP].chksum
        assert bytes(again) == bytes(packet)
        assert (packet.ttl if isinstance(packet, IP) else packet.hlim) == 63


def all_by_the_stack(node: Node, near: socket.socket, far: socket.socket) -> bool:
    """None of the frames of an exchange is forwarded."""
    stack, forwarded = node.by_the_stack, node.forwarded
    for _ in range(3):
        exchange(near, far, bytes(LONG))
        exchange(far, near, bytes(LONG))
    assert node.by_the_stack > stack
    return node.forwarded == forwarded


@pytest.fixture
def others() -> Iterator[Path]:
    """The cgroup of neither the gateway nor pods."""
    made = own_cgroup().with_name(f"{own_cgroup().name}-others")
    made.mkdir()
    yield made
    made.rmdir()


def test_connections_of_others_to_pods_go_by_the_stack(node: Node, others: Path):
    with node.to_pod(POD, near=others) as ends:
        assert all_by_the_stack(node, *ends)


def test_connections_of_the_gateway_to_others_go_by_the_stack(node: Node, others: Path):
    with node.to_pod(POD):
        pass  # its address is known as a pod's
    with node.to_pod(POD, far=others) as ends:
        assert all_by_the_stack(node, *ends)


def test_connections_of_clients_to_others_go_by_the_stack(node: Node, others: Path):
    """On a port that the gateway listens on, too."""
    node.client.run("ip", "route", "add", "192.0.2.0/24", "via", HOST)
    with node.gateway.inside(), joined(node.cgroup):
        gateways = socket.create_server((GATEWAY, 0))
    port = gateways.getsockname()[1]
    with node.pod.inside(), joined(others):
        listener = socket.create_server((POD, port))
    with gateways, listener, node.connect(POD, port) as client:
        server, _ = listener.accept()
        with server:
            assert node.tunnel.flows == 1
            assert all_by_the_stack(node, client, server)


def sent_by(node: Node, place: Namespace, packet: IP | IPv6) -> int:
    """How many frames are forwarded when *place* sends *packet* to the host; who gets it drops it,
    for its checksum is wrong."""
    name = "gw0" if place is node.gateway else "pod0"
    with node.host.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as end:
        end.bind((name, 0))
        address = end.getsockname()[4]
    packet[TCP].chksum = 1
    forwarded = node.forwarded
    with place.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as tap:
        tap.bind(("eth0", 0))
        tap.send(bytes(Ether(dst=address.hex(":")) / packet))
    return node.forwarded - forwarded


def test_what_the_stack_has_not_sent_this_way_is_left_to_it(node: Node):
    with node.from_client(GATEWAY) as (client, server):
        exchange(server, client, bytes(200))
        ports = {"sport": server.getsockname()[1], "dport": client.getsockname()[1]}
        good = IP(src=GATEWAY, dst=CLIENT, ttl=9) / TCP(**ports, flags="A", seq=1) / Raw(b"x")
        assert sent_by(node, node.gateway, good) == 1
        assert sent_by(node, node.pod, good) == 0  # another's address
        for field, value in (("ttl", 1), ("flags", "MF"), ("frag", 3), ("dst", POD)):
            odd = good.copy()
            setattr(odd, field, value)
            assert sent_by(node, node.gateway, odd) == 0, field
        odd = good.copy()
        odd[TCP].sport += 1
        assert sent_by(node, node.gateway, odd) == 0
        odd = good.copy()
        odd[TCP].flags = "S"
        assert sent_by(node, node.gateway, odd) == 0
        longer = IP(src=GATEWAY, dst=CLIENT) / TCP(**ports, flags="A", seq=1) / Raw(bytes(213))
        assert [sent_by(node, node.gateway, longer) for _ in range(2)] == [0, 1]
    with node.from_client(GATEWAY6) as (client, server):
        exchange(server, client, bytes(200))
        ports = {"sport": server.getsockname()[1], "dport": client.getsockname()[1]}
        good = IPv6(src=GATEWAY6, dst=CLIENT6, hlim=9) / TCP(**ports, flags="A", seq=1) / Raw(b"x")
        assert sent_by(node, node.gateway, good) == 1
        assert sent_by(node, node.pod, good) == 0
        good.hlim = 1
        assert sent_by(node, node.gateway, good) == 0


def test_the_stack_is_asked_again_after_a_second(node: Node):
    switch = Path("/proc/sys/net/ipv4/conf/gw0/forwarding")
    with node.from_client(GATEWAY) as (client, server):
        ports = {"sport": server.getsockname()[1], "dport": client.getsockname()[1]}
        packet = IP(src=GATEWAY, dst=CLIENT) / TCP(**ports, flags="A", seq=1) / Raw(b"x")
        exchange(server, client, b"the way")
        assert sent_by(node, node.gateway, packet) == 1
        time.sleep(1.1)
        with node.host.inside():
            switch.write_text("0")
        assert [sent_by(node, node.gateway, packet) for _ in range(3)] == [0, 0, 0]
        with node.host.inside():
            switch.write_text("1")
        assert [sent_by(node, node.gateway, packet) for _ in range(3)] == [0, 1, 1]


def test_where_connections_are_tracked_strictly_it_is_refused(
    loaded: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    switch = tmp_path / "net" / "netfilter" / "nf_conntrack_tcp_be_liberal"
    switch.parent.mkdir(parents=True)
    switch.write_text("0\n")
    monkeypatch.setattr(forward, "_SYSCTL", tmp_path)
    host = Namespace()
    with host.inside(), pytest.raises(TunnelError, match="run: sysctl -w net"):
        Tunnel("lo", own_cgroup(), forward=["veth*"])
    host.close()


def test_interfaces_that_come_and_go_are_noticed(node: Node):
    assert node.tunnel.forwarding == 2
    late = Namespace()
    node.join("pod1", late, "198.18.0.2")
    node.host.run("ip", "link", "add", "pod2", "type", "veth", "peer", "name", "pod3")  # both here
    assert node.tunnel.forwarding == 2
    node.refresh()
    assert node.tunnel.forwarding == 3
    for name in ("pod1", "pod2"):
        node.host.run("ip", "link", "del", name)
    node.refresh()
    assert node.tunnel.forwarding == 2
    late.close()
