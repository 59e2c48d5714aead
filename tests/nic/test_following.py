"""Connections through a NIC, segment by segment: which of them is known to begin with a head."""

import pytest
from nicclient import HEAD, PEER, SERVER, Client
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from hybridmesh.contract.geometry import OPTION_QUERY, Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import Flag
from hybridmesh.nic import NicError, open_nic
from hybridmesh.nic.frames import Connection, split

LINES = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"b: c\r\n" * 100 + b"\r\n"
UPLOAD = b"PUT /api/orders HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def image() -> TableImage:
    """A table that decides every head: none has a row.  Parameters and ``a: ...`` lines are looked
    up."""
    made = TableImage(Geometry())
    made.header.allow_all(0)
    made.header.allow(0, 0, 1 << 0x1, 1 << 0x6)
    made.options[0] = OPTION_QUERY
    return made


@pytest.fixture(params=["reference", "sim"])
def nic(request):
    with open_nic(request.param, Geometry()) as nic:
        nic.listen(80)
        nic.load(image())
        yield nic


def test_a_connection_is_followed_from_its_syn_on(nic):
    client = Client(nic)
    assert [client.send(HEAD) for _ in range(3)] == ["decided"] * 3


def test_of_a_connection_without_a_syn_nothing_is_known(nic):
    client = Client(nic, opens=False)
    assert [client.send(HEAD) for _ in range(2)] == ["unknown-start"] * 2
    client.open()
    assert client.send(HEAD) == "decided"


@pytest.mark.parametrize("there", [0, 1, 2999, 3000])
def test_the_body_passes_and_the_head_after_it_is_decided(nic, there):
    """So many bytes of the body come together with its head, the others cut in two."""
    client = Client(nic)
    body = bytes(3000)
    assert client.send(UPLOAD % 3000 + body[: min(there, 1400)]) == "decided"
    for at in range(min(there, 1400), 3000, 1200):
        assert client.send(body[at : at + 1200]) == "passed"
    assert client.send(HEAD) == "decided"


def test_a_body_that_looks_like_a_request_has_no_verdict(nic):
    client = Client(nic)
    assert client.send(UPLOAD % (4 * len(HEAD)) + HEAD) == "decided"
    assert [client.send(HEAD) for _ in range(3)] == ["passed"] * 3
    assert client.send(HEAD) == "decided"


@pytest.mark.parametrize("beginning", [b"XYZ", b"G\n", b"POSTER"])
def test_a_head_does_not_go_on_with_the_body_before_it(nic, beginning):
    """What begins with a letter alone is a body; what begins like a head costs the thread."""
    client = Client(nic)
    head = UPLOAD % 2000
    assert client.send(head) == "decided"
    assert client.send(bytes(1000)) == client.send(beginning.ljust(1000, b"=")) == "passed"
    assert client.send(HEAD) == ("passed" if beginning == b"POSTER" else "decided")
    assert client.send(HEAD) == ("unknown-start" if beginning == b"POSTER" else "decided")


def test_a_body_without_end_is_waited_for(nic):
    client = Client(nic, seq=2**32 - 10)
    assert client.send(UPLOAD % 999_999_999) == "decided"
    assert client.send(HEAD) == "passed"
    client.seq += 999_999_999 - 2 * len(HEAD)
    assert client.send(HEAD) == "passed"
    assert client.send(HEAD) == "decided"


def test_what_was_there_before_passes_and_changes_nothing(nic):
    client = Client(nic)
    client.send(HEAD)
    client.send(UPLOAD % 10 + bytes(10))
    assert client.again(UPLOAD % 10 + bytes(10)) == "passed"
    assert client.again(HEAD, back=len(UPLOAD % 10) + 10) == "passed"
    assert client.again(b"GET /", back=1) == "passed"
    assert client.send(HEAD) == "decided"


def test_what_is_sent_again_with_the_next_head_behind_it_passes(nic):
    client = Client(nic)
    client.send(UPLOAD % 10 + b"0123456789")
    assert client.put(client.wire.frame(client.seq - 2, b"89" + HEAD)) == "passed"
    assert client.send(HEAD) == "decided"


def test_behind_a_gap_nothing_is_known_until_it_is_filled(nic):
    client = Client(nic)
    client.send(HEAD)
    client.seq += len(HEAD)  # lost
    assert client.send(HEAD) == "unknown-start"
    assert client.again(HEAD, back=len(HEAD)) == "decided"
    assert client.again(HEAD) == "decided"
    assert client.send(HEAD) == "decided"


NOT_FOLLOWED = {
    "a body in chunks": (CHUNKED, "decided"),
    "another form of the target": (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "target-form"),
    "another version": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version"),
    "a bare line feed": (b"GET / HTTP/1.1\r\nHost: a\n\r\n", "line-ending"),
    "a folded line": (b"GET / HTTP/1.1\r\nHost: a\r\nb: c\r\n d: e\r\n\r\n", "obs-fold"),
    "a name that is none": (b"GET / HTTP/1.1\r\nHost: a\r\nb : c\r\n\r\n", "field-name"),
    "a control byte": (b"GET / HTTP/1.1\r\nHost: a\r\nb: \0\r\n\r\n", "field-value"),
    "no space": (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length:0\r\n\r\n", "odd-space"),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "host-repeated"),
    "a length of ten digits": (UPLOAD % 1_000_000_000, "length"),
    "two lengths": ((UPLOAD % 1)[:-2] + b"Content-Length: 1\r\n\r\n", "framing"),
    "too many lines": (
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"b: c\r\n" * 100 + b"\r\n",
        "field-count",
    ),
}


@pytest.mark.parametrize(("payload", "word"), NOT_FOLLOWED.values(), ids=NOT_FOLLOWED)
def test_a_connection_is_lost_behind(nic, payload, word):
    client = Client(nic)
    assert client.send(HEAD) == "decided"
    assert client.send(payload) == word
    assert [client.send(HEAD) for _ in range(2)] == ["unknown-start"] * 2
    client.open()
    assert client.send(HEAD) == "decided"


FOLLOWED = {
    "any method": (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "method"),
    "any byte of the target": (b"GET /{a} HTTP/1.1\r\nHost: a\r\n\r\n", "target-byte"),
    "a path with encodings": (b"GET /%41 HTTP/1.1\r\nHost: a\r\n\r\n", "path-encoded"),
    "a path with dot segments": (b"GET /.. HTTP/1.1\r\nHost: a\r\n\r\n", "path-segments"),
    "text of today": (b"GET / HTTP/1.1\r\nHost: a\r\nb: \xc3\xa4\r\n\r\n", "obs-text"),
    "many lines at once": (b"GET /?b&c&d&e HTTP/1.1\r\nHost: a\r\n\r\n", "crowded"),
    "any host": (b"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", "host"),
    "no host": (b"GET / HTTP/1.0\r\n\r\n", "host-missing"),
    "a line sent twice": (b"GET / HTTP/1.1\r\nHost: a\r\na: b\r\na: b\r\n\r\n", "repeated"),
    "a body of no bytes": (UPLOAD % 0, "decided"),
    "a body": (UPLOAD % 5 + b"GET /", "decided"),
    "a head without a verdict, and its body": (
        b"BREW /%41 HTTP/1.1\r\nContent-Length: 3\r\n\r\nGET",
        "method",
    ),
}


@pytest.mark.parametrize(("payload", "word"), FOLLOWED.values(), ids=FOLLOWED)
def test_a_connection_is_followed_through(nic, payload, word):
    client = Client(nic)
    assert client.send(payload) == word
    assert client.send(HEAD) == "decided"


def test_of_two_heads_in_a_segment_the_second_is_where_the_nic_waits(nic):
    client = Client(nic)
    assert client.send(HEAD + HEAD) == "decided"
    assert client.send(HEAD) == "unknown-start"
    assert client.again(HEAD, back=len(HEAD)) == "decided"
    assert client.again(HEAD) == "decided"


def test_a_head_in_two_segments_is_decided_with_the_second(nic):
    client = Client(
        nic, seq=2**32 - 40 * len(HEAD) - 10
    )  # sequence numbers begin again between two
    for cut in range(1, len(HEAD)):
        assert client.send(HEAD[:cut]) == "incomplete"
        assert client.send(HEAD[cut:]) == "decided"


def test_a_head_that_comes_byte_by_byte_is_decided_with_its_last(nic):
    client = Client(nic)
    for _ in range(2):
        said = [client.send(bytes([byte])) for byte in HEAD]
        assert said == ["incomplete"] * (len(HEAD) - 1) + ["decided"]


def test_the_verdict_of_a_head_in_parts_is_about_the_whole(nic):
    client = Client(nic)
    head = UPLOAD % 7
    parts = head[:20], head[20:60], head[60:] + b"12345"
    wholes = [
        client.wire.frame(client.seq + at, part)
        for at, part in zip((0, 20, 60), parts, strict=True)
    ]
    verdicts = [split(frame)[0] for frame in nic.exchange(wholes)]
    assert [verdict.seq for verdict in verdicts] == [client.seq] * 3
    verdict = verdicts[2]
    assert (verdict.head_offset, verdict.head_length, verdict.body_length) == (0, len(head), 7)
    assert verdict.flags == Flag.DECIDED | Flag.BODY_LENGTH | Flag.MORE_DATA
    assert head[verdict.path_offset :][: verdict.path_length] == b"/api/orders"
    assert head[verdict.host_offset :][: verdict.host_length] == b"shop.example.com"
    client.seq += len(head) + 5
    assert client.send(b"67") == "passed"


def test_a_reason_is_told_with_the_part_that_shows_it(nic):
    client = Client(nic)
    parts = b"GET /", b"%41 HTTP/1.1\r\n", b"Host: a\r\nb:c\r\n", b"\r\n"
    said = [client.send(part) for part in parts]
    assert said == ["incomplete", "path-encoded", "path-encoded", "path-encoded"]
    assert client.send(HEAD) == "unknown-start"  # the third part hides the framing


def test_a_head_of_eight_kilobytes_is_put_together(nic):
    client = Client(nic)
    long_line = b"b: " + b"c" * 1000 + b"\r\n"
    head = HEAD[:-2] + 7 * long_line + b"\r\n"
    for at in range(0, len(head) - 1400, 1400):
        assert client.send(head[at : at + 1400]) == "incomplete"
    assert client.send(head[at + 1400 :]) == "decided"
    assert client.send(HEAD) == "decided"


@pytest.mark.parametrize(("before", "word"), [(8191, "decided"), (8192, "unknown-start")])
def test_a_head_that_has_brought_eight_kilobytes_is_not_gone_on_with(nic, before, word):
    client = Client(nic)
    head = HEAD[:-2] + b"b: " + b"c" * 10_000
    for at in range(0, before, 1000):
        assert client.send(head[at : min(at + 1000, before)]) == "incomplete"
    assert client.send(b"c\r\n\r\n" + HEAD) == word


def other(nic, **more) -> Client:
    return Client(nic, ("192.0.2.99", 40000), **more)


PARTED = {
    "another connection's head": lambda client: other(client.nic).send(HEAD),
    "an unknown connection's segment": lambda client: other(client.nic, opens=False).send(HEAD),
    "a byte of no connection": lambda client: other(client.nic, opens=False).send(b"\0"),
    "a part of it once more": lambda client: client.again(HEAD[29:30]),
    "what another connection's SYN brings": lambda client: client.put(made("S", 5, b"G", 40001)),
    "a damaged segment": lambda client: client.put(damaged(client.wire.frame(7, HEAD))),
    "a frame that is too long": lambda client: client.put(client.wire.frame(7, bytes(3000))),
    "a frame that is cut off": lambda client: client.put(client.wire.frame(7, bytes(99))[:-9]),
    "a frame that is too short": lambda client: client.nic.exchange(
        [client.wire.frame(7, b"G")[:55]]
    ),
    "another table": lambda client: client.nic.load(image()),
}


@pytest.mark.parametrize("between", PARTED.values(), ids=PARTED)
def test_the_parts_of_a_head_are_not_put_together_across(nic, between):
    client = Client(nic)
    assert client.send(HEAD[:30]) == "incomplete"
    between(client)
    assert client.send(HEAD[30:]) == "unknown-start"
    assert client.again(HEAD) == "decided"
    assert client.send(HEAD) == "decided"


NOT_PARTED = {
    "nothing": lambda client: None,
    "the last part once more": lambda client: client.again(HEAD[:30]),
    "a connection that opens": lambda client: other(client.nic),
    "a segment without payload": lambda client: client.put(made("A", client.seq)),
    "a frame to a port that nobody listens on": lambda client: Client(
        client.nic, server=("198.51.100.1", 81)
    ).send(HEAD),
    "a frame that speaks for the NIC": lambda client: client.nic.exchange(
        [spoofed(client.wire.frame(7, HEAD))]
    ),
    "a frame of another protocol": lambda client: client.put(bytes(60)),
}


@pytest.mark.parametrize("between", NOT_PARTED.values(), ids=NOT_PARTED)
def test_the_parts_of_a_head_are_put_together_though_between_them_comes(nic, between):
    client = Client(nic)
    assert client.send(HEAD[:30]) == "incomplete"
    between(client)
    assert client.send(HEAD[30:]) == "decided"


@pytest.mark.parametrize("step", [-1, 1, len(HEAD)])
def test_parts_that_do_not_follow_each_other_are_not_put_together(nic, step):
    client = Client(nic)
    assert client.send(HEAD[:30]) == "incomplete"
    client.seq += step
    assert client.send(HEAD[30:]) == "unknown-start"


def test_what_another_connection_goes_on_with_is_not_put_together(nic):
    client, stranger = Client(nic), other(nic)
    assert client.send(HEAD[:30]) == "incomplete"
    stranger.seq = client.seq
    assert stranger.send(HEAD[30:]) == "unknown-start"
    assert client.send(HEAD[30:]) == "unknown-start"


def test_a_part_with_a_wrong_checksum_spoils_the_whole(nic):
    client = Client(nic)
    for spoiled in range(3):
        for number, part in enumerate((HEAD[:20], HEAD[20:30], HEAD[30:])):
            frame = client.wire.frame(client.seq, part)
            client.seq += len(part)
            word = client.put(damaged(frame) if number == spoiled else frame)
            assert word == ("passed" if number >= spoiled else "incomplete")
        assert client.again(HEAD) == "decided"


def test_behind_a_head_in_parts_the_connection_is_followed(nic):
    client = Client(nic)
    head = UPLOAD % 3000
    assert client.send(head[:9]) == "incomplete"
    assert client.send(head[9:] + bytes(1000)) == "decided"
    assert client.send(HEAD + bytes(1000 - len(HEAD))) == "passed"
    assert client.send(bytes(1000)) == "passed"
    assert client.send(HEAD[:30]) == "incomplete"
    assert client.send(HEAD[30:] + HEAD[:9]) == "decided"
    assert client.send(HEAD[9:]) == "unknown-start"
    assert client.again(HEAD) == "decided"


def test_a_syn_begins_anew(nic):
    client = Client(nic)
    client.send(HEAD)
    client.seq += 5000
    client.open()
    assert client.send(HEAD) == "decided"
    client.seq -= 5000
    client.open()
    assert client.send(HEAD) == "decided"


@pytest.mark.parametrize("seq", [0, 1, 2**32 - 1, 2**32 - len(HEAD), 2**32 - 20])
def test_sequence_numbers_begin_again_at_0(nic, seq):
    client = Client(nic, seq=seq)
    assert [client.send(HEAD) for _ in range(2)] == ["decided"] * 2
    assert client.again(HEAD, back=len(HEAD)) == "passed"
    client.seq += 1
    assert client.send(HEAD) == "unknown-start"


@pytest.mark.parametrize(
    ("offset", "word", "after"),
    [
        (-(2**30), "passed", "decided"),
        (-(2**30) - 1, "unknown-start", "unknown-start"),
        (-(2**31), "unknown-start", "unknown-start"),
        (2**30, "unknown-start", "unknown-start"),
        (2**30 - 1, "unknown-start", "decided"),
    ],
)
def test_a_connection_that_is_far_away_is_forgotten(nic, offset, word, after):
    client = Client(nic)
    assert client.put(client.wire.frame(client.seq + offset, HEAD)) == word
    assert client.send(HEAD) == after


@pytest.mark.parametrize("body", [b"0\r\n\r\n", b"5\r\nGET /\r\n0\r\n\r\n"])
def test_behind_a_body_in_chunks_the_head_is_decided_if_the_host_tells_of_it(nic, body):
    client = Client(nic)
    for _ in range(3):
        assert client.send(CHUNKED) == "decided"
        client.send(body)
        client.is_told()
    assert client.send(HEAD) == "decided"
    assert client.send(HEAD) == "decided"


@pytest.mark.parametrize(("payload", "word"), NOT_FOLLOWED.values(), ids=NOT_FOLLOWED)
def test_what_is_told_is_known_whatever_came_before(nic, payload, word):
    client = Client(nic)
    assert client.send(payload) == word
    assert client.send(HEAD) == "unknown-start"
    client.is_told()
    assert client.send(HEAD) == "decided"


@pytest.mark.parametrize("seq", [0, 1, 2**31, 2**32 - 1])
def test_a_connection_that_nobody_opened_is_followed_from_where_it_is_told(nic, seq):
    client = Client(nic, seq=seq, opens=False)
    client.is_told()
    assert client.put(client.wire.frame(seq - 1, b"GET /")) == "passed"
    assert [client.send(HEAD) for _ in range(2)] == ["decided"] * 2


def test_what_is_told_of_one_connection_is_of_no_other(nic):
    clients = [Client(nic, ("192.0.2.7", port), opens=False) for port in range(40000, 40009)]
    nic.listen(443, 80)
    clients[4].is_told()
    said = [client.send(HEAD) for client in clients]
    assert said == ["unknown-start"] * 4 + ["decided"] + ["unknown-start"] * 4


def test_what_is_told_leaves_the_parts_of_a_head_together(nic):
    client, stranger = Client(nic), Client(nic, ("192.0.2.99", 40000), opens=False)
    assert client.send(HEAD[:30]) == "incomplete"
    stranger.is_told()
    assert client.send(HEAD[30:]) == "decided"
    assert stranger.send(HEAD) == "decided"


def test_a_connection_that_is_told_of_takes_the_place_of_the_older(nic):
    one, two = (Client(nic, peer) for peer in NEIGHBOURS[:2])
    one.is_told()
    three = Client(nic, NEIGHBOURS[2], opens=False)
    three.is_told()
    assert [c.send(HEAD) for c in (one, two, three)] == ["decided", "unknown-start", "decided"]


@pytest.mark.parametrize("port", [81, 0])
def test_of_a_port_that_nobody_listens_on_nothing_can_be_told(nic, port):
    with pytest.raises(NicError, match=f"does not listen on TCP port {port}"):
        nic.expect_head(Connection(PEER, ("198.51.100.1", port)), 5)


def test_connections_differ_by_addresses_ports_and_listener(nic):
    nic.listen(80, 81)
    client = Client(nic)
    for peer, server in (
        (("192.0.2.8", 40000), SERVER),
        (("192.0.2.7", 40001), SERVER),
        (PEER, ("198.51.100.2", 80)),
        (PEER, ("198.51.100.1", 81)),
    ):
        other = Client(nic, peer, server, opens=False)
        assert other.send(HEAD) == "unknown-start"
        other.open()
        assert other.send(HEAD) == "decided"
        assert client.send(HEAD) == "decided"


def test_connections_over_ipv6_are_followed_too(nic):
    peers = [("2001:db8::7", 40000), ("2001:db8:0:1::7", 40000), ("2001:db8::7:0:7", 40000)]
    clients = [Client(nic, peer, ("2001:db8::1", 80), seq=n << 20) for n, peer in enumerate(peers)]
    for client in clients * 2:
        assert client.send(UPLOAD % 2000) == "decided"
        assert client.send(bytes(1000)) == "passed"
        assert client.send(bytes(1000)) == "passed"
    assert Client(nic, peers[0], ("2001:db8::2", 80), opens=False).send(HEAD) == "unknown-start"


def test_of_two_connections_with_the_same_hash_the_later_counts(nic):
    first = Client(nic, ("192.0.2.7", 40000), ("192.0.2.8", 80), seq=1000)
    later = Client(nic, ("192.0.2.8", 40000), ("192.0.2.7", 80), seq=9000)
    assert first.send(HEAD) == "passed"  # as if it stood before the later one's head
    assert later.send(HEAD) == "decided"
    first.open()
    assert first.send(HEAD) == "decided"
    assert later.send(HEAD) == "unknown-start"


# In a table of 512 sets these have one set: what is flipped in bits 0 to 8 of the hash is flipped
# once more in bits 9 to 17, or 18 to 26.
NEIGHBOURS = [("192.0.2.7", 40000), ("192.0.0.6", 40000), ("192.4.2.6", 40000)]


def test_two_connections_have_room_in_a_set_and_a_third_takes_that_of_the_older(nic):
    one, two = (Client(nic, peer) for peer in NEIGHBOURS[:2])
    assert [one.send(HEAD), two.send(HEAD)] == ["decided"] * 2
    three = Client(nic, NEIGHBOURS[2])
    assert [c.send(HEAD) for c in (one, two, three)] == ["unknown-start", "decided", "decided"]


@pytest.mark.parametrize(
    ("touch", "word"),
    [
        (lambda client: client.send(HEAD), "decided"),
        (lambda client: client.send(HEAD[:9]), "incomplete"),
        (lambda client: client.again(b"x"), "passed"),
        (lambda client: client.put(client.wire.frame(client.seq + 9, HEAD)), "unknown-start"),
        (lambda client: client.open(), "passed"),
    ],
    ids=["a head", "a head that goes on", "a body", "a gap", "a SYN"],
)
def test_a_connection_is_as_old_as_its_last_segment(nic, touch, word):
    one, two = (Client(nic, peer) for peer in NEIGHBOURS[:2])
    assert touch(one) == word
    three = Client(nic, NEIGHBOURS[2])
    assert [c.send(HEAD) for c in (two, three)] == ["unknown-start", "decided"]
    assert one.put(one.wire.frame(999, HEAD)) == "passed"  # still known: that is before its head


def test_a_connection_that_is_forgotten_leaves_its_place(nic):
    one, two = (Client(nic, peer) for peer in NEIGHBOURS[:2])
    assert two.put(two.wire.frame(two.seq + 2**31, HEAD)) == "unknown-start"
    three = Client(nic, NEIGHBOURS[2])
    assert [c.send(HEAD) for c in (one, two, three)] == ["decided", "unknown-start", "decided"]


def damaged(frame: bytes) -> bytes:
    """*frame* with another acknowledgement number, at least."""
    return frame[:43] + bytes([frame[43] ^ 1]) + frame[44:]


def spoofed(frame: bytes) -> bytes:
    """*frame* with the shim's EtherType."""
    return frame[:12] + b"\x88\xb5" + frame[14:]


def test_segments_with_a_wrong_checksum_count_for_nothing(nic):
    client = Client(nic, opens=False)
    assert client.put(damaged(client.wire.opening(client.seq))) == "passed"
    assert client.send(HEAD) == "unknown-start"
    client.open()
    assert client.put(damaged(client.wire.frame(client.seq, HEAD))) == "passed"
    client.seq += 7
    assert client.put(damaged(client.wire.opening(client.seq))) == "passed"
    client.seq -= 7
    assert client.send(HEAD) == "decided"
    assert nic.counters()["bad_checksum"] == 3


def made(flags: str, seq: int, payload: bytes = b"", source: int = PEER[1]) -> bytes:
    ip = IP(src=PEER[0], dst=SERVER[0])
    tcp = TCP(sport=source, dport=SERVER[1], flags=flags, seq=seq)
    return bytes(Ether() / ip / tcp / Raw(payload)).ljust(60, b"\0")


@pytest.mark.parametrize("flags", ["S", "SEC", "SP", "SF", "SU"])
def test_a_syn_opens_whatever_is_asked_besides(nic, flags):
    client = Client(nic, opens=False)
    assert client.put(made(flags, 999)) == "passed"
    assert client.send(HEAD) == "decided"


@pytest.mark.parametrize("flags", ["SA", "SR", "SRA", "R", "RA", "F", "FA", "A", "P", ""])
def test_no_other_segment_without_payload_changes_anything(nic, flags):
    client = Client(nic)
    assert client.put(made(flags, 5000)) == "passed"
    assert client.send(HEAD) == "decided"
    unknown = Client(nic, seq=5001, opens=False)
    assert unknown.send(HEAD) == "unknown-start"


def test_what_a_syn_brings_has_no_verdict_until_it_comes_again(nic):
    client = Client(nic, opens=False)
    assert client.put(made("S", 999, HEAD)) == "passed"
    client.seq += len(HEAD)
    assert client.send(HEAD) == "unknown-start"
    assert client.again(HEAD, back=len(HEAD)) == "decided"
    assert client.again(HEAD) == "decided"


@pytest.mark.parametrize("flags", ["A", "PA", "FPA", "SA", "RA", ""])
def test_a_segment_is_followed_whatever_its_flags(nic, flags):
    client = Client(nic)
    assert client.put(made(flags, client.seq, HEAD)) == "decided"
    client.seq += len(HEAD)
    assert client.send(HEAD) == "decided"


def test_frames_that_the_nic_does_not_read_are_a_gap(nic):
    client = Client(nic)
    assert client.send(UPLOAD % 2000 + bytes(2000)) == "passed"  # too long
    assert client.send(HEAD) == "unknown-start"


def test_frames_to_ports_that_nobody_listens_on_open_nothing(nic):
    client = Client(nic, server=("198.51.100.1", 81))
    nic.listen(81)
    assert client.send(HEAD) == "unknown-start"
    client.open()
    assert client.send(HEAD) == "decided"


def test_connections_outlive_a_change_of_tables(nic):
    client = Client(nic)
    assert client.send(UPLOAD % 5) == "decided"
    nic.load(image())
    assert client.send(b"12345") == "passed"
    assert client.send(HEAD) == "decided"


def test_connections_are_followed_before_there_is_a_table():
    with open_nic("reference", Geometry()) as nic:
        nic.listen(80)
        client, other = Client(nic), Client(nic, ("192.0.2.8", 40000), opens=False)
        assert client.send(UPLOAD % 5) == "table-off"
        assert client.send(b"GET /") == "passed"
        assert other.send(HEAD) == "table-off"
        nic.load(image())
        assert client.send(HEAD) == "decided"
        assert other.send(HEAD) == "unknown-start"


def test_a_frame_in_a_body_comes_out_as_it_went_in(nic):
    client = Client(nic)
    client.send(UPLOAD % 1000)
    frame = client.wire.frame(client.seq, HEAD)
    assert nic.exchange([frame]) == [frame]
    opening = Connection(PEER, SERVER).opening(7)
    assert nic.exchange([opening]) == [opening]
