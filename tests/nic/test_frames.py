"""Frames against scapy, which builds and dissects them by its own rules."""

import random
from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from hybridmesh.contract.verdict import SHIM, Flag, Verdict
from hybridmesh.nic import NicError
from hybridmesh.nic.frames import Connection, find_segment, is_intact, is_spoofed, split

PAIRS = {
    "ipv4": (("192.0.2.7", 40000), ("198.51.100.1", 80)),
    "ipv6": (("2001:db8::7", 40000), ("2001:db8::1", 8080)),
}


@pytest.fixture(params=PAIRS.values(), ids=PAIRS)
def pair(request):
    return request.param


def test_a_frame_reads_in_scapy_as_it_was_meant(pair):
    (peer, peer_port), (local, local_port) = pair
    frame = Ether(Connection(*pair).frame(0x89ABCDEF, b"hello, wire"))
    ip = frame.payload
    assert (ip_address(ip.src), ip_address(ip.dst)) == (ip_address(peer), ip_address(local))
    assert (frame[TCP].sport, frame[TCP].dport) == (peer_port, local_port)
    assert frame[TCP].seq == 0x89ABCDEF
    assert frame[TCP].flags == "PA"
    assert bytes(frame[TCP].payload) == b"hello, wire"


def test_lengths_and_checksums_are_those_that_scapy_computes(pair):
    rng = random.Random(1)
    connection = Connection(*pair)
    for _ in range(300):
        built = connection.frame(rng.getrandbits(32), rng.randbytes(rng.randrange(1, 200)))
        fresh = Ether(built)
        assert len(built) >= 60
        for layer, names in ((fresh[1], ("len", "chksum", "plen")), (fresh[TCP], ("chksum",))):
            for name in names:
                if name in layer.fields:
                    delattr(layer, name)
        assert bytes(fresh) == built


@pytest.mark.parametrize(("seq", "sent"), [(78, 77), (0, 2**32 - 1), (2**32 + 5, 4)])
def test_a_connection_opens_with_a_syn_that_takes_a_sequence_number(pair, seq, sent):
    (peer, peer_port), (local, local_port) = pair
    built = Connection(*pair).opening(seq)
    frame = Ether(built)
    assert (ip_address(frame[1].src), ip_address(frame[1].dst)) == (
        ip_address(peer),
        ip_address(local),
    )
    assert (frame[TCP].sport, frame[TCP].dport) == (peer_port, local_port)
    assert (frame[TCP].seq, frame[TCP].ack, frame[TCP].flags) == (sent, 0, "S")
    assert len(built) >= 60
    segment = find_segment(built)
    assert (segment.opens, segment.seq, segment.start) == (True, sent, segment.end)
    assert is_intact(built, segment)


def test_ipv4_mapped_addresses_travel_as_ipv4():
    mapped = Connection(("::ffff:192.0.2.7", 40000), ("::ffff:198.51.100.1", 80))
    assert mapped.frame(5, b"x") == Connection(*PAIRS["ipv4"]).frame(5, b"x")


@pytest.mark.parametrize(
    ("peer", "local"),
    [("192.0.2.1", "2001:db8::1"), ("localhost", "192.0.2.1"), ("192.0.2.1", "")],
)
def test_addresses_without_a_frame_are_refused(peer, local):
    with pytest.raises(NicError):
        Connection((peer, 1), (local, 2))


def test_long_data_is_cut_at_the_mss_and_fits_an_mtu_of_1500(pair):
    connection = Connection(*pair)
    data = random.Random(2).randbytes(4000)
    frames = connection.frames(0xFFFFFF00, data)
    assert [len(frame) for frame in frames[:-1]] == [1514, 1514]
    assert b"".join(bytes(Ether(frame)[TCP].payload) for frame in frames) == data
    mss = 1460 if pair is PAIRS["ipv4"] else 1440
    assert [Ether(frame)[TCP].seq for frame in frames] == [
        0xFFFFFF00,
        mss - 0x100,
        2 * mss - 0x100,
    ]


def test_no_data_makes_no_frame(pair):
    assert Connection(*pair).frames(1, b"") == []


def ether(*layers):
    packet = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
    for layer in layers:
        packet /= layer
    return bytes(packet)


V4 = {"src": "192.0.2.7", "dst": "198.51.100.1"}
V6 = {"src": "2001:db8::7", "dst": "2001:db8::1"}
T = {"sport": 4000, "dport": 80, "seq": 77, "flags": "PA"}

PAD = [PadN(optdata=bytes(4))]

SEGMENTS = {
    "IPv4": (ether(IP(**V4), TCP(**T), Raw(b"abc")), 54),
    "IPv6": (ether(IPv6(**V6), TCP(**T), Raw(b"abc")), 74),
    "a VLAN tag": (ether(Dot1Q(vlan=7), IP(**V4), TCP(**T), Raw(b"abc")), 58),
    "a VLAN tag and IPv6": (ether(Dot1Q(vlan=7), IPv6(**V6), TCP(**T), Raw(b"abc")), 78),
    "a service tag": (ether(Dot1AD(vlan=7), IP(**V4), TCP(**T), Raw(b"abc")), 58),
    "two VLAN tags": (ether(Dot1Q(), Dot1Q(), IP(**V4), TCP(**T), Raw(b"abc")), 62),
    "both tags and IPv6": (ether(Dot1AD(), Dot1Q(), IPv6(**V6), TCP(**T), Raw(b"abc")), 82),
    "IPv4 options": (ether(IP(**V4, options=b"\x94\x04\0\0"), TCP(**T), Raw(b"abc")), 58),
    "hop-by-hop options": (
        ether(IPv6(**V6), IPv6ExtHdrHopByHop(options=PAD), TCP(**T), Raw(b"abc")),
        82,
    ),
    "a routing header gone through": (
        ether(IPv6(**V6), IPv6ExtHdrRouting(segleft=0), TCP(**T), Raw(b"abc")),
        82,
    ),
    "two extension headers": (
        ether(
            IPv6(**V6),
            IPv6ExtHdrHopByHop(options=PAD),
            IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(20))]),
            TCP(**T),
            Raw(b"abc"),
        ),
        106,
    ),
    "TCP options": (ether(IP(**V4), TCP(**T, options=[("Timestamp", (1, 2))]), Raw(b"abc")), 66),
    "most options": (
        ether(IP(**V4, options=b"\1" * 40), TCP(**T, options=[("NOP", None)] * 40), Raw(b"abc")),
        134,
    ),
    "padding": (ether(IP(**V4), TCP(**T), Raw(b"abc")) + bytes(9), 54),
    "don't fragment": (ether(IP(**V4, flags="DF"), TCP(**T), Raw(b"abc")), 54),
}


@pytest.mark.parametrize(("frame", "start"), SEGMENTS.values(), ids=SEGMENTS)
def test_the_payload_is_found_behind(frame, start):
    segment = find_segment(frame)
    assert (segment.start, segment.end, segment.seq) == (start, start + 3, 77)
    assert (segment.source, segment.port, segment.opens) == (4000, 80, False)
    assert frame[start : start + 3] == b"abc"
    assert is_intact(frame, segment)


@pytest.mark.parametrize(("frame", "start"), SEGMENTS.values(), ids=SEGMENTS)
def test_the_addresses_are_found_behind_tags_and_before_options(frame, start):
    v4, v6 = "c0000207 c6336401", "20010db8" + "0" * 23 + "7 20010db8" + "0" * 23 + "1"
    addresses = bytes.fromhex(v4 if Ether(frame).haslayer(IP) else v6)
    assert find_segment(frame).addresses(frame) == addresses


@pytest.mark.parametrize("options", [[], [("MSS", 1460), ("NOP", None), ("WScale", 7)]])
@pytest.mark.parametrize("ip", [IP(**V4), IPv6(**V6)], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(
    ("flags", "opens"),
    [("S", True), ("SECPFU", True), ("SA", False), ("SR", False), ("A", False), ("FA", False)],
)
def test_only_a_syn_without_ack_and_rst_is_a_segment_without_payload(ip, options, flags, opens):
    frame = ether(ip, TCP(sport=4000, dport=80, seq=77, flags=flags, options=options))
    segment = find_segment(frame)
    assert (segment is not None) == opens
    if opens:
        assert (segment.start, segment.end, segment.opens) == (len(frame), len(frame), True)
        assert find_segment(frame + bytes(6)) == segment
        assert is_intact(frame, segment)
        assert not any(find_segment(frame[:size]) for size in range(len(frame)))


@pytest.mark.parametrize("flags", ["S", "A", "SA", "FPA"])
def test_a_segment_with_payload_opens_a_connection_by_its_flags(flags):
    frame = ether(IP(**V4), TCP(**T | {"flags": flags}), Raw(b"abc"))
    segment = find_segment(frame)
    assert (segment.start, segment.end, segment.opens) == (54, 57, flags == "S")


def test_no_change_of_a_byte_escapes_the_checksums():
    for frame, start in SEGMENTS.values():
        segment = find_segment(frame)
        # All but the IPv6 header's first words, extension headers and padding.
        covered = [*range(segment.tcp, start + 3)]
        if frame[segment.ip] >> 4 == 4:
            covered += range(segment.ip, segment.tcp)
        else:
            covered += range(segment.ip + 8, segment.ip + 40)
        for place in covered:
            changed = bytearray(frame)
            changed[place] ^= 0x10
            assert not is_intact(bytes(changed), segment), place


def test_a_packet_on_its_way_along_a_routing_header_is_not_intact():
    header = IPv6ExtHdrRouting(addresses=["2001:db8::9"], segleft=1)
    frame = ether(IPv6(**V6), header, TCP(**T), Raw(b"abc"))
    assert not is_intact(frame, find_segment(frame))


PLAIN = SEGMENTS["IPv4"][0]

NO_SEGMENTS = {
    "nothing": b"",
    "MAC addresses alone": PLAIN[:12],
    "EtherType alone": PLAIN[:14],
    "ARP": PLAIN[:12] + b"\x08\x06" + PLAIN[14:],
    "three VLAN tags": ether(Dot1Q(), Dot1Q(), Dot1Q(), IP(**V4), TCP(**T), Raw(b"abc")),
    "a service tag within": ether(Dot1Q(type=0x88A8), Dot1AD(), IP(**V4), TCP(**T), Raw(b"abc")),
    "UDP": ether(IP(**V4, proto=17), TCP(**T), Raw(b"abc")),
    "more fragments": ether(IP(**V4, flags="MF"), TCP(**T), Raw(b"abc")),
    "a later fragment": ether(IP(**V4, frag=1), TCP(**T), Raw(b"abc")),
    "IP version 5": ether(IP(**V4, version=5), TCP(**T), Raw(b"abc")),
    "IP version 5 under IPv6": ether(IPv6(**V6, version=5), TCP(**T), Raw(b"abc")),
    # Read from there, the acknowledgement number would pass for a data offset of 5 words.
    "a header length of 4 words": ether(IP(**V4, ihl=4), TCP(**T, ack=5 << 28), Raw(b"abc")),
    "an IP length beyond the frame": ether(IP(**V4, len=44), TCP(**T), Raw(b"abc")),
    "an IP length without a TCP header": ether(IP(**V4, len=39), TCP(**T), Raw(b"abc")),
    "an IP length within a TCP header cut off": ether(IP(**V4, len=30), TCP(**T))[:44],
    "an IPv6 length beyond the frame": ether(IPv6(**V6, plen=24), TCP(**T), Raw(b"abc")),
    "three IPv6 extension headers": ether(
        IPv6(**V6),
        *[IPv6ExtHdrDestOpt(options=PAD)] * 2,
        IPv6ExtHdrRouting(),
        TCP(**T),
        Raw(b"abc"),
    ),
    "hop-by-hop options behind others": ether(
        IPv6(**V6),
        IPv6ExtHdrDestOpt(nh=0, options=PAD),
        IPv6ExtHdrHopByHop(options=PAD),
        TCP(**T),
        Raw(b"abc"),
    ),
    "an IPv6 fragment": ether(IPv6(**V6), IPv6ExtHdrFragment(), TCP(**T), Raw(b"abc")),
    "an extension header beyond the packet": ether(
        IPv6(**V6), IPv6ExtHdrDestOpt(nh=6, len=9, options=PAD), TCP(**T), Raw(b"abc")
    ),
    "no payload": ether(IP(**V4), TCP(**T)),
    "no payload but padding": ether(IP(**V4), TCP(**T)) + bytes(6),
    "a SYN whose options are cut off": ether(IP(**V4), TCP(**T | {"flags": "S", "dataofs": 6})),
    "a TCP offset of 4 words": ether(IP(**V4), TCP(**T, dataofs=4), Raw(b"abc")),
    "a TCP offset at the end": ether(IP(**V4), TCP(**T, dataofs=6), Raw(b"abcd")),
    "a TCP offset beyond the end": ether(IP(**V4), TCP(**T, dataofs=15), Raw(b"abcd")),
}


@pytest.mark.parametrize("frame", NO_SEGMENTS.values(), ids=NO_SEGMENTS)
def test_no_payload_is_found_in_a_frame_with(frame):
    assert find_segment(frame) is None


def test_no_prefix_of_a_frame_has_a_payload():
    for frame, start in SEGMENTS.values():
        assert not any(find_segment(frame[:size]) for size in range(start + 3))


@pytest.mark.parametrize("tags", ["", "8100", "88a8", "8100 8100", "88a8 8100", "8100 88a8"])
@pytest.mark.parametrize("claimed", [b"\x88\xb5", b"\x88\xb6"], ids=["shim", "control frame"])
def test_a_frame_that_claims_to_be_the_nics_is_spoofed_behind_any_tags(tags, claimed):
    start = PLAIN[:12] + b"".join(bytes.fromhex(tag) + b"\0\7" for tag in tags.split())
    assert is_spoofed(start + claimed + PLAIN[14:])
    assert is_spoofed(start + claimed)
    assert not is_spoofed(start + b"\x88")
    assert not is_spoofed(start + b"\x08\x00" + claimed + PLAIN[16:])


def test_what_only_looks_like_the_nics_types_is_not_spoofed():
    assert not is_spoofed(PLAIN[:12] + b"\x88\xb4" + PLAIN[14:])
    assert not is_spoofed(PLAIN[:12] + b"\x88\xb7" + PLAIN[14:])
    assert not is_spoofed(PLAIN)
    assert not is_spoofed(PLAIN[:12] + bytes.fromhex("8100 88b5 0800") + PLAIN[14:])
    assert not is_spoofed(PLAIN[:12] + bytes.fromhex("8847 0000 88b5") + PLAIN[14:])


def test_splitting_takes_the_shim_off_and_leaves_the_frame():
    verdict = Verdict(flags=Flag.DECIDED, epoch=3, row=9, seq=77, head_length=3)
    marked = PLAIN[:12] + SHIM.pack(verdict) + PLAIN[12:]
    assert split(marked) == (verdict, PLAIN)
    assert split(PLAIN) == (None, PLAIN)


@pytest.mark.parametrize(
    ("shim", "message"),
    [
        (b"\x88\xb5\x01", "too short for the shim"),
        (b"\x88\xb5\x02" + bytes(37), "version 2 of the shim"),
        (b"\x88\xb5\x01\x00" + bytes(36), "flags 0x00 and reason 0, which no verdict has"),
        (b"\x88\xb5\x01\x33" + bytes(36), "flags 0x33 and reason 0, which no verdict has"),
        (b"\x88\xb5\x01\x04\0\0\0\0\x19" + bytes(31), "flags 0x04 and reason 25, which no"),
    ],
)
def test_a_shim_that_cannot_be_read_is_an_error(shim, message):
    with pytest.raises(NicError, match=message):
        split(PLAIN[:12] + shim)
