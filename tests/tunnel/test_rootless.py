"""The link without root against NICs that mark, spoil and lose frames on purpose."""

import random
from collections.abc import Callable, Sequence

import pytest
from scapy.layers.inet import TCP
from scapy.layers.l2 import Ether

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM, Flag, Reason, Verdict
from hybridmesh.nic import NicError, ReferenceNic
from hybridmesh.nic.frames import Connection, find_segment
from hybridmesh.tunnel.rootless import RootlessLink, RootlessStream

PEER, LOCAL = ("192.0.2.7", 40000), ("198.51.100.1", 80)


class StubNic:
    """Keeps the frames that it gets, and hands those with a payload out changed by *change*."""

    geometry = Geometry()

    def __init__(self, change: Callable[[bytes], bytes | None] = lambda frame: frame) -> None:
        self.change = change
        self.seen: list[bytes] = []
        self.told: list[tuple[Connection, int]] = []

    def expect_head(self, connection: Connection, seq: int) -> None:
        self.told.append((connection, seq % 2**32))

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        self.seen += frames
        outs = [self.change(frame) if find_segment(frame).end > 54 else frame for frame in frames]
        return [out for out in outs if out is not None]


def mark(frame: bytes) -> bytes:
    """Give a verdict for a head that starts with the letter G wherever that first stands."""
    payload = bytes(Ether(frame)[TCP].payload)
    at = payload.find(b"G")
    if at < 0:
        return frame
    seq = (Ether(frame)[TCP].seq + at) % 2**32
    verdict = Verdict(flags=Flag.DECIDED, row=5, seq=seq, head_offset=at, head_length=3)
    return frame[:12] + SHIM.pack(verdict) + frame[12:]


def stream(nic: StubNic, isn: int) -> RootlessStream:
    return RootlessStream(RootlessLink(nic), Connection(PEER, LOCAL), isn)


def test_each_chunk_is_a_segment_with_its_true_addresses_and_offset():
    nic = StubNic()
    link = RootlessLink(nic).open(("192.0.2.7", 40000), ("198.51.100.1", 80))
    assert link.received(b"GET /shop") == b"GET /shop"
    assert link.received(b" HTTP/1.1") == b" HTTP/1.1"
    frames = opening, first, second = [Ether(frame) for frame in nic.seen]
    assert len({(f.src, f.dst) for f in frames}) == 1
    assert {(f[1].src, f[TCP].sport, f[1].dst, f[TCP].dport) for f in frames} == {
        ("192.0.2.7", 40000, "198.51.100.1", 80)
    }
    assert [f[TCP].flags for f in frames] == ["S", "PA", "PA"]
    assert (first[TCP].seq - opening[TCP].seq) % 2**32 == 1
    assert [bytes(f[TCP].payload) for f in (first, second)] == [b"GET /shop", b" HTTP/1.1"]
    assert (second[TCP].seq - first[TCP].seq) % 2**32 == 9


@pytest.mark.parametrize(
    ("peer", "local", "version", "mss"),
    [
        (PEER, LOCAL, 4, 1460),
        (("::ffff:192.0.2.7", 1, 0, 0), ("::ffff:198.51.100.1", 80, 0, 0), 4, 1460),
        (("2001:db8::7", 1, 0, 0), ("2001:db8::1", 80, 0, 0), 6, 1440),
        (("fe80::7%eth0", 1, 0, 2), ("fe80::1%eth0", 80, 0, 2), 6, 1440),
    ],
)
def test_socket_addresses_of_every_kind_are_cut_to_their_mss(peer, local, version, mss):
    nic = StubNic()
    data = random.Random(1).randbytes(4000)
    assert RootlessLink(nic).open(peer, local).received(data) == data
    frames = [Ether(frame) for frame in nic.seen]
    assert {frame[1].version for frame in frames} == {version}
    sizes = [len(frame[TCP].payload) for frame in frames if frame[TCP].flags == "PA"]
    assert sizes == [mss, mss, 4000 - 2 * mss]


def test_two_connections_start_at_sequence_numbers_of_their_own():
    nic = StubNic()
    for _ in range(2):
        RootlessLink(nic).open(PEER, LOCAL).received(b"x")
    assert Ether(nic.seen[0])[TCP].seq != Ether(nic.seen[1])[TCP].seq


def test_the_syn_takes_a_sequence_number_and_the_stream_wraps_at_2_to_the_32():
    nic = StubNic(mark)
    link = stream(nic, isn=0xFFFFFFFD)
    link.received(b"xx")
    link.received(b"yyGET")
    assert [Ether(frame)[TCP].seq for frame in nic.seen] == [0xFFFFFFFD, 0xFFFFFFFE, 0]
    assert link.verdict(4).row == 5


def test_a_verdict_is_found_at_its_stream_offset_only():
    link = stream(StubNic(mark), isn=7)
    link.received(b"GET")
    assert link.verdict(0).head_length == 3
    assert link.verdict(0) is not None, "asking does not consume it"
    assert link.verdict(1) is None


def test_several_verdicts_wait_and_are_forgotten_as_the_stream_moves_on():
    link = stream(StubNic(mark), isn=7)
    for _ in range(3):
        link.received(b"GET.")
    assert link.verdict(4) is not None
    assert link.verdict(0) is None
    assert link.verdict(9) is None
    assert link.verdict(8) is None


def test_every_segment_of_a_long_chunk_can_bring_a_verdict():
    link = stream(StubNic(mark), isn=0)
    link.received((b"G" + b"." * 1459) * 3)
    assert [link.verdict(at) is not None for at in (0, 1460, 2920)] == [True, True, True]


def test_a_stream_that_nobody_asks_of_keeps_only_the_newest_verdicts():
    link = stream(StubNic(mark), isn=0)
    for _ in range(300):
        link.received(b"G")
    assert link.verdict(300 - 257) is None
    assert link.verdict(300 - 256) is not None


def test_a_closed_stream_knows_no_verdicts():
    link = stream(StubNic(mark), isn=0)
    link.received(b"GET")
    link.close()
    assert link.verdict(0) is None


def fail(frame: bytes) -> bytes:
    raise NicError("The NIC is on fire")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (fail, "The NIC is on fire"),
        (lambda frame: None, "handed out 1 of 2 frames"),
        (lambda frame: mark(frame)[:-1] + b"?", "changed a frame"),
        (lambda frame: frame[:12] + bytes(40) + frame[12:], "changed a frame"),
        (lambda frame: mark(frame)[:40], "too short for the shim"),
        (lambda frame: mark(frame)[:14] + b"\x09" + mark(frame)[15:], "version 9 of the shim"),
    ],
)
def test_a_nic_that_fails_costs_verdicts_but_no_bytes_and_is_logged_once(change, message, caplog):
    nic = StubNic(change)
    link = RootlessLink(nic)
    first, second = link.open(PEER, LOCAL), link.open(PEER, LOCAL)
    assert [first.received(b"GET"), first.received(b" /"), second.received(b"GET")] == [
        b"GET",
        b" /",
        b"GET",
    ]
    assert first.verdict(0) is None
    assert link.failures == 3
    (record,) = caplog.records
    assert message in record.getMessage()

    nic.change = mark
    assert second.received(b"GET") == b"GET"
    assert second.verdict(3).row == 5, "the NIC works again"
    assert link.failures == 3


def test_a_head_is_told_of_by_its_sequence_number():
    nic = StubNic()
    connection = Connection(PEER, LOCAL)
    link = RootlessStream(RootlessLink(nic), connection, isn=0xFFFFFFFC)
    link.received(b"abc")
    link.head_at(3)
    link.head_at(1_000_000)
    assert nic.told == [(connection, 0), (connection, 999_997)]


def test_a_nic_that_cannot_be_told_costs_verdicts_and_is_logged_once(caplog):
    def fail(connection: Connection, seq: int) -> None:
        raise NicError("The NIC does not listen")

    nic = StubNic(mark)
    nic.expect_head = fail
    link = RootlessLink(nic)
    for number in (1, 2):
        stream = link.open(PEER, LOCAL)
        stream.received(b"GET")
        stream.head_at(3)
        assert stream.verdict(0).row == 5
        assert link.failures == number
    (record,) = caplog.records
    assert "does not listen; the CPU matches" in record.getMessage()


# With the golden model: which heads of a connection it decides.

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
UPLOAD = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def nic():
    with ReferenceNic(Geometry()) as nic:
        nic.listen(80)
        nic.load(TableImage(Geometry()))
        yield nic


def test_every_request_of_a_connection_is_decided_and_no_body_is(nic):
    link = stream(nic, isn=0xFFFFFF80)
    at = 0
    for size in (0, 5, 1460, 3000, 0, 20):
        head, body = UPLOAD % size, (b'{"a": 0}' + 200 * HEAD)[:size]
        link.received(head)
        assert link.verdict(at).flags == Flag.DECIDED | Flag.BODY_LENGTH
        link.received(body)
        at += len(head)
        assert [link.verdict(at + start) for start in (0, 8, 1460, 2920)] == [None] * 4
        at += len(body)


def test_the_verdict_of_a_head_that_came_in_parts_is_found_where_it_begins(nic):
    link = stream(nic, isn=0xFFFFFFF0)
    for at in (0, len(HEAD)):
        for end in range(1, len(HEAD)):
            link.received(HEAD[end - 1 : end])
            assert link.verdict(at).reason == Reason.INCOMPLETE
        link.received(HEAD[-1:])
        assert (link.verdict(at).flags, link.verdict(at).head_length) == (Flag.DECIDED, len(HEAD))


def test_connections_that_come_at_a_time_are_followed_each(nic):
    link = RootlessLink(nic)
    streams = [link.open(("192.0.2.7", port), LOCAL) for port in range(40000, 40010)]
    for number in range(3):
        for stream in streams:
            stream.received(HEAD)
        for stream in streams:
            assert stream.verdict(number * len(HEAD)).flags == Flag.DECIDED


def test_behind_bodies_in_chunks_heads_are_decided_if_it_is_told_where_they_begin(nic):
    link = stream(nic, isn=0xFFFFFFE0)
    upload = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    at = 0
    for body in (b"0\r\n\r\n", b"5\r\nGET /\r\n0\r\n\r\n", b"4\r\nPUT \r\n0\r\n\r\n"):
        link.received(upload)
        assert link.verdict(at).flags == Flag.DECIDED | Flag.BODY_CHUNKED
        link.received(body)
        at += len(upload + body)
        link.head_at(at)
    link.received(upload + b"0\r\n\r\n")
    assert link.verdict(at) is not None
    at += len(upload) + 5
    link.received(HEAD)
    assert link.verdict(at).reason == Reason.UNKNOWN_START, "that it was not told"


def test_behind_a_chunk_that_the_nic_lost_no_head_is_decided(nic, monkeypatch):
    link = RootlessLink(nic)
    first, second = link.open(PEER, LOCAL), link.open(("192.0.2.8", 1), LOCAL)
    first.received(HEAD)
    with monkeypatch.context() as broken:
        broken.setattr(nic, "exchange", fail)
        first.received(HEAD)
        second.received(HEAD)
    for stream, at in ((first, 2 * len(HEAD)), (second, len(HEAD))):
        stream.received(HEAD)
        assert stream.verdict(at).reason == Reason.UNKNOWN_START
