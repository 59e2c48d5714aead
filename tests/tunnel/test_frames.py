"""The programs that take shims off, frame by frame, against a model; the frames are scapy's."""

import random
from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

from hybridmesh.contract.verdict import SHIM, Flag, Reason, Verdict
from hybridmesh.tunnel.programs import Programs

from .kernel import DROP, PASS, Kernel, mapped
from .model import Model

PORT, CLIENT = 8080, 40000
HEAD = b"GET /shop HTTP/1.1\r\nhost: a\r\n\r\n"
V4 = IP(src="192.0.2.7", dst="198.51.100.1")
V6 = IPv6(src="2001:db8::7", dst="2001:db8::1")
ISN = 0xFFFFFFF0
"""The first bytes of a stream go round the end of the sequence numbers."""


def tcp(seq: int, flags: str = "PA", **fields: object) -> TCP:
    return TCP(sport=CLIENT, dport=PORT, seq=seq % 2**32, flags=flags, **fields)


def frame(*layers: Packet | bytes) -> bytes:
    whole: Packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    for layer in layers:
        whole /= layer
    return bytes(whole)


def syn(below: Packet = V4, isn: int = ISN) -> bytes:
    return frame(below, tcp(isn, "S"))


def data(offset: int, payload: bytes, below: Packet = V4, **fields: object) -> bytes:
    return frame(below, tcp(ISN + 1 + offset, **fields), Raw(payload))


def decided(offset: int, length: int = len(HEAD), **fields: int) -> Verdict:
    plain = Verdict(flags=Flag.DECIDED, row=3, epoch=7, head_length=length)
    return plain._replace(seq=(ISN + 1 + offset) % 2**32, **fields)


def marked(inner: bytes, verdict: Verdict) -> bytes:
    return inner[:12] + SHIM.pack(verdict) + inner[12:]


BELOW = {
    "ipv4": V4,
    "ipv4 with options": IP(src="192.0.2.7", dst="198.51.100.1", options=[IPOption_NOP()] * 8),
    "ipv6": V6,
    "ipv6 behind hop-by-hop options": V6 / IPv6ExtHdrHopByHop(),
    "ipv6 behind two headers": V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
    "a vlan tag": Dot1Q(vlan=7) / V4,
    "two vlan tags": Dot1AD(vlan=7) / Dot1Q(vlan=8) / V6,
    "two customer tags": Dot1Q(vlan=7) / Dot1Q(vlan=8) / V4,
}


@pytest.fixture(params=["xdp", "tc"])
def kernel(loaded: Programs, request: pytest.FixtureRequest) -> Kernel:
    return Kernel(loaded, request.param, PORT)


def same(kernel: Kernel, *frames: bytes) -> Model:
    """Kernel and model do the same with *frames*, and know the same behind each."""
    model = Model(PORT)
    for number, each in enumerate(frames):
        action, inner = model.receive(each)
        then = action, kernel.expected(each, inner)
        assert kernel.receive(each) == then, f"frame {number}: {each.hex()}"
        assert kernel.kept() == model.kept(), f"frame {number}: {each.hex()}"
    assert kernel.counters() == model.counters
    return model


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
def test_the_shim_comes_out_and_the_verdict_is_kept(kernel: Kernel, below: Packet):
    inner = data(0, HEAD, below)
    verdict = decided(0)
    kernel.receive(syn(below))
    outer = marked(inner, verdict)
    assert kernel.receive(outer) == (PASS, kernel.expected(outer, inner))
    v6 = below.haslayer(IPv6)
    peer, local = ("2001:db8::7", "2001:db8::1") if v6 else ("192.0.2.7", "198.51.100.1")
    key = mapped(peer) + mapped(local) + CLIENT.to_bytes(2, "big") + PORT.to_bytes(2, "big")
    assert kernel.kept().verdicts == {(key, ISN + 1): (0, SHIM.pack(verdict))}
    assert kernel.kept().flows == {key: (ISN + 1, len(HEAD), 0, 1)}


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
def test_the_model_knows_the_same(kernel: Kernel, below: Packet):
    model = same(
        kernel,
        syn(below),
        marked(data(0, HEAD, below), decided(0)),
        data(len(HEAD), b"body", below),
        marked(data(len(HEAD) + 4, HEAD, below), decided(len(HEAD) + 4)),
    )
    assert model.counters == {"shims": 2, "recorded": 2}


UNTOUCHED = {
    "arp": frame(ARP()),
    "udp": frame(V4, UDP(sport=1, dport=PORT), Raw(b"x")),
    "tcp to another port": frame(V4, TCP(dport=PORT + 1, flags="PA"), Raw(HEAD)),
    "a segment of a connection that was not seen to open": frame(
        V4, TCP(sport=CLIENT + 1, dport=PORT, flags="PA"), Raw(HEAD)
    ),
    "an acknowledgement": frame(V4, tcp(ISN + 1, "A")),
    "an answer to a SYN": frame(V4, tcp(ISN, "SA")),
    "router alert": frame(
        IP(src="192.0.2.7", dst="198.51.100.1", options=[IPOption_Router_Alert()]), tcp(ISN, "S")
    ),
    "three vlan tags": frame(Dot1Q(), Dot1Q(), Dot1Q(), V4, tcp(ISN, "S")),
    "the shim's EtherType behind a tag": frame(Dot1Q(type=0x88B5), Raw(SHIM.pack(decided(0)))),
    "a length beyond the frame": data(0, HEAD)[:-1],
    "a data offset of less than a header": frame(V4, tcp(ISN + 1, dataofs=4), Raw(HEAD)),
    "a data offset behind the end": frame(V4, tcp(ISN + 1, dataofs=15)),
    "an IP header length of less than a header": frame(
        IP(src="192.0.2.7", dst="198.51.100.1", ihl=4), tcp(ISN + 1), Raw(HEAD)
    ),
    "an IP header length of four, behind which a SYN seems to stand": frame(
        IP(src="192.0.2.7", dst="198.51.31.144", ihl=4), tcp(ISN + 1, ack=0x50020000), Raw(HEAD)
    ),
    "an IP length of less than its header": frame(
        IP(src="192.0.2.7", dst="198.51.100.1", len=19), tcp(ISN + 1), Raw(HEAD)
    ),
    "a SYN that resets": frame(V4, tcp(77, "SR")),
    "two service tags": frame(Dot1AD(), Dot1AD(), V4, tcp(77, "S")),
    "an ethernet header alone": frame(Raw(b"")),
    "the beginning of an ipv6 header": frame(V6)[:30],
    "an extension header beyond the frame": frame(V6, IPv6ExtHdrRouting(len=200)),
}


@pytest.mark.parametrize("untouched", UNTOUCHED.values(), ids=UNTOUCHED)
def test_frames_without_a_shim_pass_as_they_came(kernel: Kernel, untouched: bytes):
    if kernel.hook == "tc" and len(untouched) < 54 and untouched[12:14] == b"\x86\xdd":
        pytest.skip("the kernel's test run makes no frame with so little of IPv6")
    same(kernel, untouched, syn())
    before = kernel.kept()
    assert kernel.receive(untouched) == (PASS, untouched)
    assert kernel.kept() == before


MALFORMED = {
    "cut off": marked(data(0, HEAD), decided(0))[:51],
    "nothing but the EtherType": frame()[:12] + b"\x88\xb5",
    "another version": marked(data(0, HEAD), decided(0, version=2)),
    "no state": marked(data(0, HEAD), decided(0, flags=Flag.TOUCH)),
    "two states": marked(data(0, HEAD), decided(0, flags=Flag.DECIDED | Flag.UNDECIDED)),
    "an unknown reason": marked(data(0, HEAD), decided(0, reason=max(Reason) + 1)),
}


@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED)
def test_malformed_shims_are_dropped_and_counted(kernel: Kernel, malformed: bytes):
    same(kernel, syn(), malformed)
    assert kernel.receive(malformed)[0] == DROP
    assert kernel.counters() == {"malformed": 2}
    assert not kernel.kept().verdicts


@pytest.mark.parametrize("reason", Reason)
def test_verdicts_of_every_reason_are_kept(kernel: Kernel, reason: Reason):
    flags = Flag.DECIDED if reason is Reason.NONE else reason.state.value
    verdict = decided(0, length=0, flags=flags, reason=reason)
    same(kernel, syn(), marked(data(0, HEAD), verdict))
    assert kernel.counters() == {"shims": 1, "recorded": 1}


def test_a_verdict_without_a_place_is_thrown_away_and_its_frame_passes(kernel: Kernel):
    same(
        kernel,
        syn(),
        marked(frame(ARP()), decided(0)),
        marked(frame(V4, tcp(ISN + 1, "A")), decided(0)),
        marked(data(0, HEAD), decided(1)),  # ends behind the frame
        marked(data(len(HEAD), HEAD), decided(2 * len(HEAD), length=0)),  # begins behind it
        marked(data(2 * len(HEAD), HEAD), decided(2**31 + 100)),
    )
    assert kernel.counters() == {"shims": 5, "unplaced": 4, "doubted": 1}


def test_a_verdict_for_a_connection_that_was_not_seen_to_open_is_thrown_away(kernel: Kernel):
    same(
        kernel,
        marked(data(0, HEAD), decided(0)),
        marked(frame(V4, TCP(dport=PORT + 1, flags="PA"), Raw(HEAD)), decided(0)),
    )
    assert kernel.counters() == {"shims": 2, "unknown_flow": 2}


def test_data_in_a_syn_has_no_verdict_and_is_behind_the_stream(kernel: Kernel):
    early = frame(V4, tcp(ISN, "S"), Raw(HEAD))
    same(kernel, marked(early, decided(0)), marked(data(len(HEAD), HEAD), decided(len(HEAD))))
    assert [offset for offset, _ in kernel.kept().verdicts.values()] == [len(HEAD)]


def test_offsets_go_on_behind_4_gib(kernel: Kernel):
    far = 5 * 2**30
    frames = [syn(), *(data(at, b"x") for at in range(2**30, far, 2**30))]
    same(kernel, *frames, data(far - 1, b"x"), marked(data(far, HEAD), decided(far)))
    ((offset, _),) = kernel.kept().verdicts.values()
    assert offset == far


def test_the_verdict_of_a_head_in_parts_is_at_its_first_byte(kernel: Kernel):
    same(
        kernel,
        syn(),
        data(0, b"body"),
        data(4, HEAD[:10]),
        marked(data(14, HEAD[10:]), decided(4)),
    )
    ((offset, _),) = kernel.kept().verdicts.values()
    assert offset == 4


def test_the_last_verdict_of_a_head_counts(kernel: Kernel):
    early = decided(0, length=0, flags=Flag.UNDECIDED, reason=Reason.INCOMPLETE)
    same(
        kernel,
        syn(),
        marked(data(0, HEAD[:10]), early),
        marked(data(10, HEAD[10:]), decided(0)),
    )
    ((_, shim),) = kernel.kept().verdicts.values()
    assert SHIM.unpack(shim).row == 3


DOUBTFUL = {
    "all of it again, without a verdict": [data(0, HEAD)],
    "all of it again, with another": [marked(data(0, HEAD), decided(0, row=4))],
    "a byte of it again": [data(len(HEAD) - 1, b"\nx")],
    "the byte before it and more": [data(-1, b"\0" + HEAD)],
    "urgent data": [data(len(HEAD), b"!", flags="PAU", urgptr=1)],
}


@pytest.mark.parametrize("again", DOUBTFUL.values(), ids=DOUBTFUL)
def test_bytes_that_come_twice_put_their_head_in_doubt(kernel: Kernel, again: list[bytes]):
    same(kernel, syn(), marked(data(0, HEAD), decided(0)), *again)
    ((_, _, clear, _),) = kernel.kept().flows.values()
    assert clear >= len(HEAD)


def test_a_verdict_for_bytes_that_came_before_is_thrown_away(kernel: Kernel):
    same(kernel, syn(), data(0, HEAD), marked(data(0, HEAD), decided(0)))
    assert not kernel.kept().verdicts
    assert kernel.counters() == {"shims": 1, "doubted": 1}


def test_behind_bytes_that_came_twice_verdicts_count_again(kernel: Kernel):
    size = len(HEAD)
    same(
        kernel,
        syn(),
        data(0, HEAD),
        data(0, HEAD),
        marked(data(size, HEAD), decided(size)),
        data(4 * size, HEAD),  # a gap,
        marked(data(2 * size, HEAD), decided(2 * size)),  # which is filled
        data(3 * size, HEAD),
        marked(data(5 * size, HEAD), decided(5 * size)),
    )
    assert [offset for offset, _ in kernel.kept().verdicts.values()].count(5 * size) == 1


UNREADABLE = {
    "ipv4, the first part": frame(
        IP(src="192.0.2.7", dst="198.51.100.1", flags="MF"), tcp(ISN + 1), Raw(HEAD)
    ),
    "ipv4, another part": frame(
        IP(src="192.0.2.7", dst="198.51.100.1", frag=3, proto=6), Raw(HEAD)
    ),
    "ipv6": frame(V6, IPv6ExtHdrFragment(m=1), tcp(ISN + 1), Raw(HEAD)),
    "ipv6 behind three headers": frame(
        V6, IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(), IPv6ExtHdrDestOpt(), tcp(ISN + 1)
    ),
    "ipv4 of more bytes than its length can say": frame(
        IP(src="192.0.2.7", dst="198.51.100.1", len=0), tcp(ISN + 1), Raw(HEAD)
    ),
    "ipv6 of more bytes than its length can say": frame(
        IPv6(src="2001:db8::7", dst="2001:db8::1", plen=0), tcp(ISN + 1), Raw(HEAD)
    ),
    "ipv6 of more bytes than its length can say, behind options": frame(
        IPv6(src="2001:db8::7", dst="2001:db8::1", plen=0),
        IPv6ExtHdrHopByHop(),
        tcp(ISN + 1),
    ),
    "ipv6 with headers in an odd order": frame(
        V6, IPv6ExtHdrDestOpt(), IPv6ExtHdrHopByHop(), tcp(ISN + 1)
    ),
}


@pytest.mark.parametrize("unreadable", UNREADABLE.values(), ids=UNREADABLE)
def test_tcp_that_cannot_be_followed_is_remembered_by_its_addresses(
    kernel: Kernel, unreadable: bytes
):
    same(kernel, unreadable)
    assert len(kernel.kept().unreadable) == 1
    assert kernel.receive(unreadable) == (PASS, unreadable)


def test_another_connection_of_the_same_addresses_and_ports_begins_with_nothing(kernel: Kernel):
    same(
        kernel,
        syn(),
        marked(data(0, HEAD), decided(0)),
        syn(),  # the same, sent again
        syn(isn=77),
    )
    assert kernel.kept().verdicts == {}
    ((first, seen, _, count),) = kernel.kept().flows.values()
    assert (first, seen, count) == (78, 0, 0)


def test_a_connection_keeps_as_many_verdicts_as_it_may(kernel: Kernel):
    frames = [syn()]
    frames += [marked(data(i * 32, HEAD.ljust(32)), decided(i * 32)) for i in range(70)]
    same(kernel, *frames)
    assert sorted(o for o, _ in kernel.kept().verdicts.values()) == [
        32 * i for i in range(70 - 32, 70)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_random_traffic_leaves_what_the_model_says(kernel: Kernel, seed: int):
    same(kernel, *(each.ljust(60, b"\0") for each in traffic(random.Random(seed), 60)))


def traffic(rng: random.Random, frames: int) -> Iterator[bytes]:
    """Few connections, whose bytes come in order, twice, with gaps; with verdicts good and bad."""
    belows = [V4, V6, V4 / b""]
    ends = {}
    for _ in range(frames):
        number = rng.randrange(3)
        below, sport = belows[number], CLIENT + number
        kind = rng.random()
        if number not in ends or kind < 0.02:
            isn = rng.choice((ISN, 2**31 - 5, rng.randrange(2**32)))
            ends[number] = isn + 1
            yield frame(below, TCP(sport=sport, dport=PORT, seq=isn, flags="S"))
            continue
        seq = ends[number]
        if kind < 0.2:
            seq += rng.choice((-40, -1, 1, 100, -(2**31) + 9))
        length = rng.randrange(0, 50)
        flags = "PAU" if rng.random() < 0.01 else "PA"
        payload = Raw(rng.randbytes(length))
        header = TCP(sport=sport, dport=PORT, seq=seq % 2**32, flags=flags)
        inner = frame(below, header, payload) if length else frame(below, header)
        ends[number] = max(ends[number], seq + length)
        if rng.random() < 0.6:
            at = seq + rng.choice((0, 0, 0, -1, -20, length, length - 1, 2**31))
            size = rng.choice((0, length, length // 2, length + 1))
            flags = rng.choice((Flag.DECIDED, Flag.PROVISIONAL, Flag.MALFORMED, Flag.TOUCH))
            inner = marked(
                inner, Verdict(flags=flags, row=rng.randrange(9), seq=at % 2**32, head_length=size)
            )
        elif rng.random() < 0.03:
            inner = frame(below, TCP(sport=sport, dport=PORT, flags="PA"), payload)[: 40 + length]
        yield inner
