"""Real sockets: a client, a stub NIC on the wire, and a server that asks for verdicts."""

import random
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from hybridmesh.contract.tunnel import SOCKET_LEVEL
from hybridmesh.contract.verdict import SHIM, Flag, Verdict
from hybridmesh.lab.namespace import Namespace
from hybridmesh.nic.frames import find_segment, split
from hybridmesh.tunnel.loader import Mode, Tunnel
from hybridmesh.tunnel.programs import Programs
from hybridmesh.tunnel.sockets import SocketLink

from .stage import CLIENT, HOST, HOST6, Marker, Stage, joined, own_cgroup, request, reset_on_close

NO_VERDICT = b"\0"


@contextmanager
def staged(
    nic: Marker | None = None,
    mode: Mode = "auto",
    impair: Callable[[list[bytes]], list[bytes]] = list,
) -> Iterator[Stage]:
    stage = Stage(nic or Marker(), mode, impair)
    try:
        yield stage
    finally:
        stage.close()


@pytest.fixture(scope="module")
def shared(loaded: Programs) -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """The same for all tests; none leaves anything behind."""
    yield shared
    shared.settled()


def ask(sock: socket.socket, offset: int) -> bytes:
    return sock.getsockopt(SOCKET_LEVEL, (offset + 2**31) % 2**32 - 2**31, SHIM.size)


def row(sock: socket.socket, offset: int) -> int | None:
    answer = ask(sock, offset)
    if answer == NO_VERDICT:
        return None
    return SHIM.unpack(answer).row


def take(sock: socket.socket, size: int) -> bytes:
    """The next *size* bytes of the stream."""
    data = b""
    while len(data) < size and (more := sock.recv(size - len(data))):
        data += more
    return data


def ping_pong(client: socket.socket, server: socket.socket, requests: int) -> int:
    """Requests one after the other, some in parts; returns how many came with their verdict."""
    rng = random.Random(requests)
    stream = SocketLink().open((), (), server)
    offset = hits = 0
    for number in range(requests):
        data = request(number, rng.randrange(40, 1000))
        cut = rng.randrange(1, len(data)) if rng.random() < 0.1 else len(data)
        client.sendall(data[:cut])
        came = server.recv(65536)
        client.sendall(data[cut:])
        while len(came) < len(data):
            came += server.recv(65536)
        assert came == data
        verdict = stream.verdict(offset)
        assert verdict is None or verdict.row == number
        hits += verdict is not None
        offset += len(data)
        server.sendall(b"ok")
        assert client.recv(2) == b"ok"
    return hits


@pytest.mark.parametrize("mode", ["native", "generic", "tc"])
def test_every_head_in_one_segment_has_its_verdict(loaded: Programs, mode: Mode):
    with staged(mode=mode) as stage:
        for address in (HOST, HOST6):
            client, server = stage.pair(address)
            with client, server:
                for number in range(200):
                    client.sendall(request(number))
                    assert server.recv(100) == request(number)
                    assert row(server, 60 * number) == number
        counters = stage.settled()
        assert (counters["answered"], counters["usable"]) == (400, 400)


def tagged(frame: bytes) -> list[bytes]:
    """With a priority tag (IEEE 802.1Q, VLAN 0) behind the shim, if there is one."""
    verdict, _ = split(frame)
    at = 12 + SHIM.size * (verdict is not None)
    return [frame[:at] + b"\x81\x00\xe0\x00" + frame[at:]]


@pytest.mark.parametrize("mode", ["generic", "tc"])
def test_behind_a_shim_a_tag_comes_where_the_kernel_looks_for_it(loaded: Programs, mode: Mode):
    with staged(Marker(tagged), mode) as stage:
        client, server = stage.pair()
        with client, server:
            client.sendall(request(1))
            assert server.recv(100) == request(1)
            assert row(server, 0) == 1


def test_a_socket_of_both_families_knows_its_ipv4_clients(stage: Stage):
    client, server = stage.pair("::")
    with client, server:
        assert server.getpeername()[0].startswith("::ffff:")
        client.sendall(request(5))
        server.recv(100)
        assert row(server, 0) == 5


def test_a_verdict_is_given_at_its_offset_alone_and_once(stage: Stage):
    client, server = stage.pair()
    with client, server:
        client.sendall(request(1))
        client.sendall(request(2))
        take(server, 120)
        assert [row(server, at) for at in (1, 59, 61, 120, 2**31, 2**32 - 1)] == [None] * 6
        assert row(server, 60) == 2
        assert row(server, 60) is None
        assert row(server, 0) == 1


def test_a_verdict_that_decides_nothing_is_given_too_and_not_counted_as_usable(
    loopback: tuple[Tunnel, socket.socket, socket.socket],
):
    tunnel, client, server = loopback
    client.sendall(request(1))
    server.recv(100)
    for flags, usable in ((Flag.UNDECIDED, 0), (Flag.PROVISIONAL, 1), (Flag.MALFORMED, 1)):
        Shelf(tunnel).put(0, 9, flags=flags)
        assert row(server, 0) == 9
        assert tunnel.counters()["usable"] == usable


def test_the_stream_keeps_the_last_verdict_until_it_is_past(stage: Stage):
    client, server = stage.pair()
    with client, server:
        stream = SocketLink().open((), (), server)
        client.sendall(request(4))
        server.recv(100)
        assert [stream.verdict(at).row for at in (0, 0)] == [4, 4]
        assert stream.verdict(60) is None
        assert stream.verdict(1) is None
        assert stream.received(b"as it came") == b"as it came"
        stream.close()
        assert stream.verdict(0) is None
        SocketLink().open((), (), server)
        client.sendall(b"x")
        assert server.recv(1) == b"x"  # the socket is not the stream's to close


def test_no_verdict_comes_before_its_bytes(loaded: Programs):
    late: list[bytes] = []

    def cut(frame: bytes) -> list[bytes]:
        """The frame's end is lost on the way to the host, behind a checksum that is right."""
        verdict, inner = split(frame)
        if verdict is None:
            return [frame]
        late.append(frame)
        # What follows makes XDP see the head, and TCP drop it: a wrong checksum.
        segment = find_segment(inner)
        return [frame[: segment.tcp + 16 + SHIM.size] + b"\0\0" + frame[segment.tcp + 18 + 40 :]]

    with staged(Marker(cut)) as stage:
        client, server = stage.pair()
        with client, server:
            client.sendall(request(1))
            while not late:
                assert row(server, 0) is None
            server.settimeout(0.05)
            with pytest.raises(TimeoutError):
                server.recv(100)
            assert stage.tunnel.counters()["recorded"] >= 1
            assert row(server, 0) is None


def other_bytes(head: bytes) -> Callable[[bytes], list[bytes]]:
    """The first frame with a verdict is followed by a copy that the kernel does not take, which
    comes first and has the verdict; the one that it takes has *head* and none."""

    def change(frame: bytes) -> list[bytes]:
        verdict, inner = split(frame)
        if verdict is None:
            return [frame]
        elsewhere = b"\x02\xff\xff\xff\xff\xff" + frame[6:]
        return [elsewhere, inner]

    return change


def test_a_verdict_of_bytes_that_the_kernel_did_not_take_is_not_used(loaded: Programs):
    with staged(Marker(other_bytes(request(1)))) as stage:
        client, server = stage.pair()
        with client, server:
            client.sendall(request(1))
            server.recv(100)
            assert stage.tunnel.counters()["recorded"] == 1
            assert row(server, 0) is None
            assert stage.tunnel.counters()["doubted"] == 1


def test_urgent_data_ends_the_verdicts_of_a_connection(stage: Stage):
    client, server = stage.pair()
    with client, server:
        client.sendall(request(1))
        server.recv(100)
        assert row(server, 0) == 1
        client.send(b"!", socket.MSG_OOB)
        client.sendall(request(2))
        assert take(server, 60) == request(2)  # the byte is not in the stream
        assert [row(server, at) for at in (60, 61)] == [None, None]


def test_loss_duplication_and_reordering_cost_verdicts_and_nothing_else(loaded: Programs):
    rng = random.Random(7)

    def impair(frames: list[bytes]) -> list[bytes]:
        out = [frame for frame in frames if rng.random() > 0.05]
        out += [frame for frame in out if rng.random() < 0.05]
        if rng.random() < 0.1:
            out.reverse()
        return out

    with staged(impair=impair) as stage:
        client, server = stage.pair()
        with client, server:
            assert ping_pong(client, server, 60) > 30
        stage.settled()


def test_requests_of_many_segments_at_once_get_their_own_verdicts(stage: Stage):
    client, server = stage.pair()
    with client, server:
        sent = b"".join(request(number, 1448) for number in range(30))
        sender = threading.Thread(target=client.sendall, args=(sent,))
        sender.start()
        assert take(server, len(sent)) == sent
        sender.join()
        rows = [row(server, 1448 * number) for number in range(30)]
        assert all(got in (None, number) for number, got in enumerate(rows))
        assert sum(got is not None for got in rows) > 25


def left(stage: Stage) -> tuple[socket.socket, socket.socket]:
    """A connection with verdicts that nobody has asked for."""
    client, server = stage.pair()
    for number in range(3):
        client.sendall(request(number))
    take(server, 180)
    assert stage.tunnel.waiting == 3
    return client, server


def client_first(client: socket.socket, server: socket.socket) -> None:
    client.close()
    assert server.recv(1) == b""
    server.close()


def server_first(client: socket.socket, server: socket.socket) -> None:
    server.close()
    assert client.recv(1) == b""
    client.close()


def client_resets(client: socket.socket, server: socket.socket) -> None:
    reset_on_close(client)
    client.close()
    with pytest.raises(ConnectionResetError):
        server.recv(1)
    server.close()


def server_resets(client: socket.socket, server: socket.socket) -> None:
    reset_on_close(server)
    server.close()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    client.close()


def both_at_once(client: socket.socket, server: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)
    server.shutdown(socket.SHUT_WR)
    client.close()
    server.close()


ENDS = [client_first, server_first, client_resets, server_resets, both_at_once]


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
def test_nothing_is_left_of_a_connection_that_ends(stage: Stage, end: Callable[..., None]):
    before = stage.tunnel.counters()["closed"]
    end(*left(stage))
    assert stage.settled()["closed"] == before + 1


def test_nothing_is_left_of_a_connection_that_nobody_accepts(stage: Stage):
    listener = stage.listen()
    with stage.connect(HOST, listener.getsockname()[1]) as client:
        client.sendall(request(1))
        while not stage.tunnel.waiting:
            pass
        listener.close()
        stage.settled()


def test_nothing_is_left_of_a_process_that_is_killed(stage: Stage):
    with stage.listen() as listener:
        client = stage.connect(HOST, listener.getsockname()[1])
        program = (
            "import socket, sys, time; s = socket.socket(fileno=int(sys.argv[1])); "
            "c, _ = s.accept(); print(len(c.recv(9)), flush=True); time.sleep(99)"
        )
        number = listener.fileno()
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(number)], pass_fds=[number], stdout=subprocess.PIPE
        )
        client.sendall(request(1))
        assert child.stdout is not None
        assert child.stdout.readline() == b"9\n"
        assert stage.tunnel.waiting == 1
        child.kill()
        child.wait()
        child.stdout.close()
        client.close()
    stage.settled()


def test_the_next_connection_of_the_same_ports_finds_no_verdict_of_the_last(stage: Stage):
    with stage.listen() as listener:
        port = listener.getsockname()[1]
        for number in (1, 2):
            client = stage.connect(HOST, port, source=45678)
            server, _ = listener.accept()
            assert row(server, 0) is None
            client.sendall(request(number))
            server.recv(100)
            if number == 2:
                assert row(server, 0) == 2
            client_resets(client, server)
            stage.settled()


@pytest.mark.parametrize("address", [HOST, HOST6, "::"])
def test_what_the_proxy_says_of_heads_comes_to_who_drives_the_nic(stage: Stage, address: str):
    client, server = stage.pair(address)
    with client, server:
        first, counted = syn_of(stage, client), stage.tunnel.counters()["expected"]
        stream = SocketLink().open((), (), server)
        stream.head_at(0)
        stream.head_at(2**32 + 5)
        stream.head_at(2**31)
        v4 = ":" not in client.getsockname()[0]
        peer, local = (
            (f"::ffff:{host}" if v4 else host, port)
            for host, port in (client.getsockname()[:2], client.getpeername()[:2])
        )
        told = list(stage.tunnel.expected())
        assert [(ip_address(p[0]), p[1]) for p, _, _ in told] == [
            (ip_address(peer[0]), peer[1])
        ] * 3
        assert [(ip_address(h[0]), h[1]) for _, h, _ in told] == [
            (ip_address(local[0]), local[1])
        ] * 3
        assert [seq for _, _, seq in told] == [(first + at) % 2**32 for at in (0, 5, 2**31)]
        assert list(stage.tunnel.expected()) == []
        assert stage.tunnel.counters()["expected"] == counted + 3
        stream.close()
        stream.head_at(7)
        assert list(stage.tunnel.expected()) == []


def syn_of(stage: Stage, client: socket.socket) -> int:
    """The sequence number of the first byte that *client* sends."""
    port = client.getsockname()[1].to_bytes(2, "big")
    known = stage.tunnel._programs.flows
    (key,) = (key for key in known if key[32:34] == port)
    return int(struct.unpack_from("=QQQI", known[key])[3])


def test_of_what_nobody_takes_the_first_are_kept(stage: Stage):
    client, server = stage.pair()
    with client, server:
        first = syn_of(stage, client)
        for at in range(7000):
            server.setsockopt(SOCKET_LEVEL, at, 0)
        heads = [(seq - first) % 2**32 for _, _, seq in stage.tunnel.expected()]
        assert len(heads) > 4096
        assert heads == list(range(len(heads)))
        server.setsockopt(SOCKET_LEVEL, 7001, 0)
        assert [(seq - first) % 2**32 for _, _, seq in stage.tunnel.expected()] == [7001]


def test_who_drives_the_nic_is_woken_by_what_the_proxy_says(stage: Stage):
    client, server = stage.pair()
    with client, server:
        woken = select.poll()
        woken.register(stage.tunnel.expecting, select.POLLIN)
        assert not woken.poll(0)
        server.setsockopt(SOCKET_LEVEL, 3, 0)
        assert woken.poll(1000)
        assert len(list(stage.tunnel.expected())) == 1
        assert not woken.poll(0)


def test_where_no_program_answers_nothing_is_told_and_nothing_raised(stage: Stage):
    here = socket.create_server(("127.0.0.1", 0))
    with here, socket.create_connection(here.getsockname()) as client:
        SocketLink().open((), (), client).head_at(0)
    assert list(stage.tunnel.expected()) == []


def test_sockets_outside_the_cgroup_are_left_alone(stage: Stage):
    with stage.host.inside():
        listener = socket.create_server((HOST, 0))
    with listener:
        client = stage.connect(HOST, listener.getsockname()[1])
        server, _ = listener.accept()
        with client, server:
            client.sendall(request(1))
            assert server.recv(100) == request(1)
            with pytest.raises(OSError, match=r"not (supported|available)"):
                ask(server, 0)
            assert stage.tunnel.flows == 0


def test_other_options_are_answered_by_the_kernel(stage: Stage):
    client, server = stage.pair()
    with client, server:
        assert len(server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)) == 104
        with pytest.raises(OSError, match=r"not (supported|available)"):
            server.getsockopt(SOCKET_LEVEL, 0, SHIM.size - 1)


def test_a_connection_older_than_the_tunnel_has_no_verdicts_and_no_errors(
    loaded: Programs, stage: Stage, caplog: pytest.LogCaptureFixture
):
    here = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(here.getsockname())
    server, _ = here.accept()
    with here, client, server:
        link = SocketLink()
        streams = [link.open((), (), server) for _ in range(2)]
        assert [stream.verdict(0) for stream in streams for _ in range(2)] == [None] * 4
        assert link.failures == 2
        assert len(caplog.records) == 1
        assert "no tunnel answers" in caplog.text


def test_a_process_without_capabilities_gets_its_verdicts(stage: Stage):
    program = """if True:
        import os, socket, sys
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        assert "CapEff:\\t0000000000000000" in open("/proc/self/status").read()
        server, _ = socket.socket(fileno=int(sys.argv[1])).accept()
        server.recv(100)
        print(server.getsockopt(int(sys.argv[2]), 0, 40).hex())
    """
    with stage.listen() as listener:
        number = listener.fileno()
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(number), str(SOCKET_LEVEL)],
            pass_fds=[number],
            stdout=subprocess.PIPE,
            text=True,
        )
        with stage.connect(HOST, listener.getsockname()[1]) as client:
            client.sendall(request(9))
            printed, _ = child.communicate(timeout=10)
    assert SHIM.unpack(bytes.fromhex(printed)).row == 9


def test_a_port_is_followed_as_long_as_somebody_listens(stage: Stage):
    ports = stage.tunnel._programs.map("ports")
    with stage.host.inside(), joined(stage.cgroup):
        first, second = (socket.socket() for _ in range(2))
        for listener in (first, second):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        first.bind((HOST, 0))
        port = first.getsockname()[1]
        second.bind((HOST, port))
        first.listen()
        second.listen()
    key = struct.pack("=I", port)
    assert ports[key] == struct.pack("=I", 2)
    first.close()
    assert ports[key] == struct.pack("=I", 1)
    second.close()
    assert key not in list(ports)


def test_fragments_between_two_addresses_end_their_verdicts(loaded: Programs):
    with staged() as stage:
        client, server = stage.pair()
        with client, server:
            client.sendall(request(1))
            server.recv(100)
            fragment = Ether() / IP(src=CLIENT, dst=HOST, frag=9, proto=6) / Raw(b"x" * 40)
            stage.receive(bytes(fragment))
            assert row(server, 0) is None
            assert stage.tunnel.counters()["unreadable"] == 1
        stage.settled()


def test_a_syn_amid_a_connection_ends_its_verdicts_and_is_none_of_its_business(loaded: Programs):
    with staged() as stage, stage.listen() as listener:
        port = listener.getsockname()[1]
        client = stage.connect(HOST, port)
        server, peer = listener.accept()
        client.sendall(request(1))
        server.recv(100)
        syn = TCP(sport=peer[1], dport=port, seq=99, flags="S")
        stage.receive(bytes(Ether() / IP(src=CLIENT, dst=HOST) / syn))
        assert stage.tunnel.waiting == 0
        client.sendall(request(2))
        server.recv(100)
        assert [row(server, at) for at in (0, 60)] == [None, None]
        client_first(client, server)
        assert stage.tunnel.flows == 1  # it may become a connection


def test_a_connection_that_another_syn_went_before_has_no_verdicts(loaded: Programs):
    def change(frame: bytes) -> list[bytes]:
        segment = find_segment(frame)
        if segment is None or not segment.opens:
            return [frame]
        ports = {"sport": segment.source, "dport": segment.port}
        return [frame, bytes(Ether() / IP(src=CLIENT, dst=HOST) / TCP(**ports, seq=99, flags="S"))]

    with staged(Marker(change)) as stage:
        client, server = stage.pair()
        with client, server:
            client.sendall(request(1))
            server.recv(100)
            assert row(server, 0) is None
        assert stage.tunnel.counters()["opened"] == 0


@pytest.fixture
def loopback(loaded: Programs) -> Iterator[tuple[Tunnel, socket.socket, socket.socket]]:
    """A tunnel on a loopback of its own, and both ends of a connection there."""
    host, cgroup = Namespace(), own_cgroup()
    with host.inside(), Tunnel("lo", cgroup) as tunnel:
        with joined(cgroup), socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
        with client, server:
            yield tunnel, client, server
    host.close()


class Shelf:
    """Puts verdicts of heads of 60 bytes where XDP would put them: a loopback has no NIC."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._programs = tunnel._programs
        (self._key,) = self._programs.flows
        flow = self._programs.flows[self._key]
        self.opened, self.seen, _, self._first = struct.unpack_from("=QQQI", flow)
        # So fast a sender repeats bytes now and then; that is other tests' matter.
        self.flow(self.opened)

    def flow(self, opened: int) -> None:
        rest = self._programs.flows[self._key][28:]
        flow = struct.pack("=QQQI", opened, self.seen, 0, self._first) + rest
        self._programs.flows[self._key] = flow

    def put(self, at: int, row: int, opened: int | None = None, flags: Flag = Flag.DECIDED) -> None:
        shim = SHIM.pack(Verdict(flags=flags, row=row, head_length=60))
        seq = struct.pack("=I", (self._first + at) % 2**32)
        head = struct.pack("=QQ", self.opened if opened is None else opened, at) + shim
        self._programs.verdicts[self._key + seq] = head


def test_an_offset_behind_4_gib_is_not_taken_for_one_before(
    loopback: tuple[Tunnel, socket.socket, socket.socket],
):
    tunnel, client, server = loopback
    offset, chunk = 2**32 + 60, b"x" * 2**20
    sender = threading.Thread(
        target=lambda: [client.sendall(chunk) for _ in range(2**12)] and client.sendall(b"x" * 120)
    )
    sender.start()
    got = 0
    while got < offset + 60:
        got += len(server.recv(2**20, socket.MSG_TRUNC))  # it is counted, and not copied
    sender.join()
    shelf = Shelf(tunnel)
    assert shelf.seen == 2**32 + 120
    shelf.put(60, 1)
    assert row(server, offset) is None
    shelf.put(offset, 2)
    assert row(server, offset) == 2
    shelf.put(offset + 1, 3)
    assert row(server, offset + 1) is None  # a byte is missing


def test_verdicts_of_another_connection_are_not_taken_whoever_put_them_there(
    loopback: tuple[Tunnel, socket.socket, socket.socket],
):
    tunnel, client, server = loopback
    client.sendall(request(1))
    server.recv(100)
    shelf = Shelf(tunnel)
    shelf.put(0, 1, opened=shelf.opened - 1)
    assert row(server, 0) is None
    shelf.put(0, 2)
    shelf.flow(shelf.opened + 1)
    assert row(server, 0) is None
    shelf.put(0, 3)
    shelf.flow(shelf.opened)
    assert row(server, 0) == 3
