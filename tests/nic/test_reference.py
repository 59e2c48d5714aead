"""ReferenceNic: what it does to frames, by hand-written expectation."""

import pytest
from nicclient import HEAD, WIRE, first
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import NO_ROW, Reason, State
from hybridmesh.nic import NicDriver, NicError, ReferenceNic, open_nic
from hybridmesh.nic.frames import Connection, split

GEOMETRY = Geometry()


def image(*prefixes: bytes) -> TableImage:
    """A table whose row n takes the paths that start with the nth prefix, on any host."""
    made = TableImage(GEOMETRY)
    for row, prefix in enumerate(prefixes):
        made.word.allow_all(row)
        made.path.allow_all(row)
        for at, byte in enumerate(prefix):
            made.path.allow(row, at, 1 << (byte & 15), 1 << (byte >> 4))
    return made


@pytest.fixture
def nic():
    with ReferenceNic(GEOMETRY) as nic:
        nic.listen(80)
        yield nic


def test_a_head_gets_the_row_of_its_path(nic):
    epoch = nic.load(image(b"/other", b"/api", b"/"))
    verdict, original = split(first(nic, seq=1000))
    assert original == WIRE.frame(1000, HEAD)
    assert (verdict.state, verdict.row, verdict.epoch) == (State.DECIDED, 1, epoch)
    assert (verdict.seq, verdict.head_offset) == (1000, 0)
    assert verdict.head_length == len(HEAD)
    at = verdict.path_offset
    assert HEAD[at : at + verdict.path_length] == b"/api/products"
    at = verdict.host_offset
    assert HEAD[at : at + verdict.host_length] == b"shop.example.com"
    assert verdict.latency == 0


def test_a_path_that_no_row_takes_is_decided_without_a_row(nic):
    nic.load(image(b"/other"))
    verdict, _ = split(first(nic))
    assert (verdict.state, verdict.row) == (State.DECIDED, NO_ROW)


def test_the_shim_stands_before_a_vlan_tag(nic):
    nic.load(image(b"/"))
    ip = IP(src="192.0.2.7", dst="198.51.100.1")
    tagged = Ether() / Dot1Q(vlan=7) / ip
    frame = bytes(tagged / TCP(dport=80, seq=6, flags="PA") / Raw(HEAD))
    opening = bytes(tagged / TCP(dport=80, seq=5, flags="S")).ljust(60, b"\0")
    _, out = nic.exchange([opening, frame])
    assert out[:12] + out[52:] == frame
    assert out[12:14] == b"\x88\xb5"
    assert out[52:54] == b"\x81\x00"


def test_without_a_table_every_head_is_undecided(nic):
    verdict, _ = split(first(nic))
    assert (verdict.state, verdict.reason, verdict.epoch) == (State.UNDECIDED, Reason.TABLE_OFF, 0)


def test_a_row_can_ask_for_the_port_that_the_head_was_sent_to(nic):
    made = image(b"/", b"/")
    made.word.allow(0, 1, 0xFFFF, 1 << 1)  # row 0: listener 1
    nic.load(made)
    rows = []
    for ports in ((80,), (81, 80), (80, 80), (81, 82, 80)):
        nic.listen(*ports)
        rows.append(split(first(nic))[0].row)
    assert rows == [1, 0, 1, 1]


def test_frames_to_other_ports_pass_untouched(nic):
    nic.load(image(b"/"))
    frame = Connection(("192.0.2.7", 80), ("198.51.100.1", 81)).frame(1, HEAD)
    assert nic.exchange([frame]) == [frame]
    nic.listen(0)
    zero = Connection(("192.0.2.7", 80), ("198.51.100.1", 0)).frame(1, HEAD)
    assert nic.exchange([WIRE.frame(1, HEAD), zero]) == [WIRE.frame(1, HEAD), zero]


def test_frames_with_the_shims_ethertype_are_dropped(nic):
    frame = WIRE.frame(1, HEAD)
    spoofed = frame[:12] + b"\x88\xb5" + frame[14:]
    behind_a_tag = frame[:12] + b"\x81\x00\x00\x07\x88\xb5" + frame[14:]
    too_long = spoofed + bytes(GEOMETRY.max_frame)
    assert nic.exchange([spoofed, frame, behind_a_tag, too_long]) == nic.exchange([frame])
    assert nic.counters()["spoofed"] == 3
    assert nic.counters()["oversize"] == 0


def test_a_frame_longer_than_max_frame_passes_without_a_verdict(nic):
    longest = WIRE.frame(1, HEAD + bytes(GEOMETRY.max_frame - 54 - len(HEAD)))
    longer = WIRE.frame(1, HEAD + bytes(GEOMETRY.max_frame - 53 - len(HEAD)))
    assert (len(longest), len(longer)) == (2048, 2049)
    out = nic.exchange([longest, longer])
    assert split(out[0])[0] is not None
    assert out[1] == longer


def test_counters_tell_the_frames_apart(nic):
    nic.load(image(b"/api"))
    after = 1 + len(HEAD)
    nic.exchange(
        [
            WIRE.opening(1),
            WIRE.frame(1, HEAD),
            WIRE.frame(after, HEAD[:-2]),
            WIRE.frame(after, HEAD.replace(b"Host:", b"H st:")),
            WIRE.frame(1, bytes(3000)),
            b"\xff" * 60,
            b"\xff" * 12 + b"\x88\xb5" + bytes(46),
            b"\xff" * 12 + b"\x88\xb5" + bytes(45),
            WIRE.frame(1, HEAD)[:-1] + b"\x0b",
        ]
    )
    nic.receive(WIRE.frame(1, HEAD), error=True)
    assert nic.counters() == {
        "frames_in": 10,
        "frames_out": 7,
        "decided": 1,
        "provisional": 0,
        "undecided": 1,
        "malformed": 1,
        "passed": 4,
        "spoofed": 1,
        "oversize": 1,
        "errors": 1,
        "runts": 1,
        "bad_checksum": 1,
    }


def test_a_frame_with_a_wrong_checksum_passes_untouched(nic):
    nic.load(image(b"/"))
    frame = bytearray(WIRE.frame(1, HEAD))
    frame[60] ^= 1
    assert nic.exchange([bytes(frame)]) == [bytes(frame)]
    elsewhere = frame.copy()
    elsewhere[37] ^= 1  # the port: no listener's, so its checksum is nobody's matter
    assert nic.exchange([bytes(elsewhere)]) == [bytes(elsewhere)]
    assert nic.counters()["bad_checksum"] == 1


def test_bad_frames_and_runts_are_dropped(nic):
    nic.load(image(b"/"))
    runt = WIRE.frame(1, HEAD)[:59]
    spoofed = runt[:12] + b"\x88\xb5" + runt[14:]
    assert nic.exchange([runt, spoofed]) == []
    assert nic.receive(runt, error=True) is None
    assert nic.receive(WIRE.frame(1, HEAD), error=True) is None
    counters = nic.counters()
    assert [counters[name] for name in ("frames_in", "errors", "runts", "spoofed")] == [4, 2, 2, 0]
    # The mark comes when most of the frame is with the host.
    long_ = WIRE.frame(1, HEAD + bytes(GEOMETRY.max_frame))
    assert nic.receive(long_, error=True) == long_
    assert nic.counters()["errors"] == 2


def test_epochs_count_from_1_and_skip_0_when_they_wrap(nic):
    table = image(b"/")
    assert [nic.load(table), nic.load(table)] == [1, 2]
    nic._epoch = 0xFFFF
    assert nic.load(table) == 1


def test_a_table_for_another_geometry_is_refused(nic):
    with pytest.raises(NicError, match="another geometry"):
        nic.load(TableImage(Geometry(rows=32)))


def test_the_width_does_not_matter_to_a_table(nic):
    assert nic.load(TableImage(Geometry(width=1))) == 1


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_is_refused(nic, port):
    with pytest.raises(NicError, match="0 to 65535"):
        nic.listen(port)


def test_an_empty_frame_is_refused(nic):
    with pytest.raises(NicError, match="at least one byte"):
        nic.exchange([b""])


def test_the_kinds_of_nic_are_known_by_their_words():
    nic = open_nic("reference", GEOMETRY)
    assert isinstance(nic, ReferenceNic)
    assert isinstance(nic, NicDriver)
