"""The frame walker, at every width, on named frames, mutants, runts and frames beyond max_frame."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from streambench import Received, collect, drive, packet_beats, simulate
from wireframes import (
    BODY,
    CANDIDATES,
    DAMAGED,
    OPENINGS,
    OTHERS,
    PORT,
    RUNTS,
    SPOOFED,
    Expected,
    judge,
    mutants,
)

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.frame.walker import FrameWalker

MAX_FRAME = 256
PORTS = (PORT,)

IPV4_FLOW = 0x0A000001 ^ 0x0A000002 ^ 40000 << 16 ^ 40000
IPV6_FLOW = 0xFD000000 ^ 0x00000001 ^ 0xFD000000 ^ 0x00000002 ^ 40000 << 16 ^ 40000
EXTENDED = {
    *("hop-by-hop options", "routing header", "destination options", "routing and destination"),
    *("hop-by-hop and destination", "destination twice, two tags", "long extension header"),
}
"""Frames over IPv6 whose names do not say so."""


@dataclass(frozen=True)
class Seen:
    """What the walker said of one frame."""

    expected: Expected
    epoch: int
    bank: int
    enable: int
    arrival: int
    beats: int


class Events:
    """The outputs beside the stream, by clock."""

    def __init__(self) -> None:
        self.events: dict[int, str] = {}
        self.intact: list[int] = []
        self.bad: set[int] = set()

    def sample(self, clock: int, events, intact: int, bad: int) -> None:
        happened = [name for name in dict(events.shape()) if events[name]]
        assert len(happened) <= 1
        if happened:
            self.events[clock] = happened[0]
        self.intact.append(intact)
        if bad:
            self.bad.add(clock)


def walk(
    frames,
    width: int,
    *,
    idle: float = 0,
    ports=PORTS,
    context=None,
    errors=(),
    max_frame: int = MAX_FRAME,
) -> list[Seen]:
    """Run the frames through a walker, and hold its beats to the rules of the payload stream.

    Those in *errors*, by number, end with the MAC's mark.
    """
    walker = FrameWalker(Geometry(width=width, max_frame=max_frame))
    received, beside = Received(), Events()
    offered = [
        beat | {"error": n in errors or not beat["last"]}  # noise, but in the last beat
        for n, frame in enumerate(frames)
        for beat in packet_beats(frame, width)
    ]
    clock = 0

    async def surroundings(ctx) -> None:
        nonlocal clock
        left = walker.check_latency + 2
        while left:
            if context or not clock:  # setting what has not changed costs a third of the time
                state = {"bank": 1, "enable": 1, "epoch": 7}
                changed = context(clock) if context else {}
                listening = changed.pop("ports", ports)
                ctx.set(walker.ports, [*listening, *[0] * (8 - len(listening))])
                ctx.set(walker.context, state | changed)
                ctx.set(walker.now, clock)
            signals = (walker.events, walker.intact, walker.bad_checksum)
            _, _, *sampled = await ctx.tick().sample(*signals)
            beside.sample(clock, *sampled)
            clock += 1
            left -= received.frames == len(frames)

    simulate(
        walker,
        surroundings,
        drive(walker.i, offered, idle=idle, seed=5),
        collect(walker.o, received, lambda: received.frames == len(frames)),
        limit=100_000,
    )
    if not idle:
        assert received.clocks[0] == walker.latency
    seen, group, bad = [], [], set()
    for beat, time in zip(received, received.clocks, strict=True):
        assert beat.first == (not group)
        group.append(beat)
        if beat.last:
            checked = time + walker.check_latency
            seen.append(
                summary(group, width, beside.events.pop(time, None), beside.intact[checked])
            )
            said = seen[-1].expected
            if (said.candidate or said.opens) and not said.intact:
                bad.add(checked)
            group = []
    assert not beside.events
    assert beside.bad == bad
    return seen


def summary(beats, width: int, event: str | None, intact: int) -> Seen:
    masked = bytearray()
    assert len({beat.bank for beat in beats}) == 1
    for beat in beats:
        data, mask, offset = beat.data.to_bytes(width, "little"), beat.mask, beat.offset
        for lane in range(width):
            if mask >> lane & 1:
                assert (offset + lane) % 65536 == len(masked), "not contiguous"
                masked.append(data[lane])
    info = beats[-1].info
    assert info.drop == (event in ("errors", "runts", "spoofed"))
    known = (0, 0, 0, False)
    if info.candidate or info.opens:
        known = (info.listener, info.seq, info.flow, bool(intact))
    assert not (info.candidate and info.opens)
    expected = Expected(bool(info.candidate), event, *known, bytes(masked), bool(info.opens))
    return Seen(expected, info.epoch, beats[0].bank, info.enable, info.arrival, len(beats))


def table(frames: Mapping[str, bytes], width: int) -> dict[str, Expected]:
    """What is said of the named *frames*, each behind a candidate of which nothing may be left.

    At width 1, where a byte is a clock, behind one another.
    """
    if width == 1:
        return dict(zip(frames, (s.expected for s in walk(frames.values(), 1)), strict=True))
    before = CANDIDATES["destination twice, two tags"]
    seen = [s.expected for s in walk([x for f in frames.values() for x in (before, f)], width)]
    assert all(expected.intact for expected in seen[::2])
    return dict(zip(frames, seen[1::2], strict=True))


@pytest.mark.parametrize("width", [1, 8, 64])
def test_the_payload_of_a_candidate_is_masked_byte_by_byte(width: int) -> None:
    sizes = {
        "one byte of payload": 1,
        "two tags, longest headers": 1,
        "checksum of zero": 1,
        "padded": 3,
        "long extension header": 3,
        "padded, odd": len(BODY) + 1,
    }
    names = list(CANDIDATES)[:: 2 if width == 1 else 1]  # a byte a clock takes its time
    for name, expected in table({name: CANDIDATES[name] for name in names}, width).items():
        start = CANDIDATES[name].index(b"G", 30)
        payload = CANDIDATES[name][start : start + sizes.get(name, len(BODY))]
        flow = IPV6_FLOW if "ipv6" in name or name in EXTENDED else IPV4_FLOW
        if name == "checksum of zero":
            flow ^= (48541 ^ 40000) * 0x10001
        assert expected == Expected(True, None, 0, 0x89ABCDEF, flow, True, payload), name


@pytest.mark.parametrize("width", [1, 8, 64])
def test_the_first_segment_of_a_connection_opens_it(width: int) -> None:
    for name, expected in table(OPENINGS, width).items():
        flow = IPV6_FLOW if "ipv6" in name or "extension" in name else IPV4_FLOW
        masked = BODY if "payload" in name else b""
        assert expected == Expected(False, None, 0, 0x89ABCDEF, flow, True, masked, True), name
    damaged = {name: frame[:40] + b"\x88" + frame[41:] for name, frame in OPENINGS.items()}
    for name, expected in table(damaged, width).items():
        assert (expected.opens, expected.intact) == (True, False), name


@pytest.mark.parametrize("width", [8, 64])
def test_no_other_frame_is_a_candidate_and_those_that_speak_for_the_nic_are_spoofed(
    width: int,
) -> None:
    for name, expected in table(OTHERS | SPOOFED, width).items():
        event = "spoofed" if name in SPOOFED else None
        assert (expected.candidate, expected.opens) == (False, False), name
        assert expected.event == event, name


@pytest.mark.parametrize("width", [8, 64])
def test_a_damaged_candidate_is_not_intact(width: int) -> None:
    for name, expected in table(DAMAGED, width).items():
        assert (expected.candidate, expected.intact) == (True, False), name


def test_no_change_of_a_bit_escapes_the_checksums() -> None:
    frame = CANDIDATES["ipv4"]
    covered = range(14, 54 + len(BODY))
    changed = []
    for place in covered:
        damaged = bytearray(frame)
        damaged[place] ^= 1 << place % 8
        changed.append(bytes(damaged))
    seen = walk(changed, 8)
    assert not any(s.expected.candidate and s.expected.intact for s in seen)
    assert sum(s.expected.candidate for s in seen) > len(covered) // 2


@pytest.mark.parametrize("width", [8, 64])
def test_a_runt_is_dropped_whatever_it_says(width: int) -> None:
    # Behind a spoofed frame: what is left of its type must not count for the next frame.
    frames = [frame for runt in RUNTS.values() for frame in (SPOOFED["shim's type"], runt)]
    seen = walk([*frames, bytes(59), bytes(60)], width)
    assert {s.expected.event for s in seen[1:-2:2]} == {"runts"}
    assert [s.expected.event for s in seen[-2:]] == ["runts", None]


@pytest.mark.parametrize("width", [1, 8])
def test_a_header_of_no_length_does_not_spoil_what_is_said_of_the_next_frame(width: int) -> None:
    frame = CANDIDATES["padded"]
    shorts = [frame[:14] + bytes([0x40 | words]) + frame[15:] for words in range(5)]
    shorts += [frame[:46] + bytes([words << 4]) + frame[47:] for words in range(5)]
    names = ("padded", "vlan", "two vlan tags") if width > 1 else ("padded",)
    candidates = [CANDIDATES[name] for name in names]
    seen = walk([f for short in shorts for other in candidates for f in (short, other)], width)
    expected = [judge(frame, max_frame=MAX_FRAME) for frame in candidates] * len(shorts)
    assert all(e.intact for e in expected)
    assert [s.expected for s in seen[1::2]] == expected


def test_a_frame_that_the_mac_marks_bad_is_dropped_and_no_more_than_that() -> None:
    kinds = [
        CANDIDATES["ipv4"],
        CANDIDATES["ipv6"],
        OTHERS["udp"],
        SPOOFED["shim's type"],
        RUNTS["a payload, no padding"],
    ]
    frames = [frame for kind in kinds for frame in (kind, kind)]
    seen = [s.expected for s in walk(frames, 8, errors=range(0, len(frames), 2))]
    assert [s.event for s in seen[::2]] == ["errors"] * len(kinds)
    assert [s.event for s in seen[1::2]] == [None, None, None, "spoofed", "runts"]
    assert [s.candidate for s in seen] == [False, True, False, True] + [False] * 6


@pytest.mark.parametrize(
    ("width", "count", "idle"),
    [(1, 14, 0), (2, 30, 0.2), (4, 40, 0), (8, 80, 0.3), (16, 80, 0), (32, 80, 0), (64, 120, 0)],
)
def test_mutants_are_judged_as_the_model_judges_them(width: int, count: int, idle: float) -> None:
    frames = mutants(count, seed=width)
    errors = set(range(0, count, 11))
    expected = [
        judge(frame, max_frame=MAX_FRAME, error=n in errors) for n, frame in enumerate(frames)
    ]
    seen = [s.expected for s in walk(frames, width, idle=idle, errors=errors)]
    assert sum(e.intact for e in expected) > 3
    for frame, got, want in zip(frames, seen, expected, strict=True):
        assert got == want, frame.hex()


@pytest.mark.parametrize("width", [1, 8, 64])
def test_a_frame_of_max_frame_bytes_is_a_candidate_and_a_longer_one_is_not(width: int) -> None:
    head = CANDIDATES["ipv4"]
    exact, over, long_ = (head + bytes(n - len(head)) for n in (256, 257, 600))
    spoofed = SPOOFED["shim's type"] + bytes(300)
    # What becomes of an oversize frame is said before its end: the mark comes too late.
    seen = walk([exact, over, head, long_, spoofed, head], width, errors=[3])
    assert [s.expected.candidate for s in seen] == [True, False, True, False, False, True]
    events = [None, "oversize", None, "oversize", "spoofed", None]
    assert [s.expected.event for s in seen] == events
    assert all(s.beats <= 256 // width for s in seen)


def test_the_checksum_of_a_jumbo_frame_is_verified() -> None:
    ether, tcp = Ether(dst="02:00:00:00:00:02"), TCP(dport=PORT, seq=5, flags="A")
    # Bytes of all ones make the greatest sum there is.
    four = bytes(ether / IP(src="192.0.2.1", dst="192.0.2.2") / tcp / (b"\xff" * 8960))
    six = bytes(ether / IPv6(src="fd00::1", dst="fd00::2") / tcp / (b"\xff" * 8940))
    damaged = bytearray(four)
    damaged[-1] ^= 1
    seen = walk([four, bytes(damaged), six], 64, max_frame=9216)
    assert [len(s.expected.masked) for s in seen] == [8960, 8960, 8940]
    assert [s.expected.intact for s in seen] == [True, False, True]


def test_every_listener_has_its_number_and_the_lowest_counts() -> None:
    ports = (80, 443, 8080, 80, 0, 15001, 80 << 8, 9)
    frames = [
        bytes(Ether() / IP() / TCP(dport=port, flags="A") / b"GET / HTTP/1.1")
        for port in (*ports, 81, 40)
    ]
    seen = walk(frames, 8, ports=ports)
    listeners = [s.expected.listener if s.expected.candidate else None for s in seen]
    assert listeners == [0, 1, 2, 0, None, 5, 6, 7, None, None]


def test_a_change_of_ports_counts_for_the_whole_payload_or_not_at_all() -> None:
    frame = CANDIDATES["ipv4"]
    settings = ((PORT,), (), (9, PORT), (7,))
    # 15 beats a frame: 37 clocks are no multiple of them, so every beat sees a change.
    seen = walk([frame] * 80, 8, context=lambda clock: {"ports": settings[clock // 37 % 4]})
    found = [s.expected for s in seen]
    assert all(e.masked == (frame[54:] if e.candidate else b"") for e in found)
    assert {(e.candidate, e.listener) for e in found} == {(True, 0), (True, 1), (False, 0)}


def test_a_frame_is_judged_under_what_held_at_its_first_beat() -> None:
    frame = CANDIDATES["ipv4"]

    def context(clock: int) -> dict[str, int]:
        # Everything changes in the second beat of the first frame.
        later = clock > 0
        return {"epoch": 8 if later else 7, "bank": later, "enable": not later}

    first, second = walk([frame, frame], 8, context=context)
    assert (first.epoch, first.bank, first.enable) == (7, 0, 1)
    assert (second.epoch, second.bank, second.enable) == (8, 1, 0)
    assert first.expected == second.expected
    assert second.arrival - first.arrival == 15


@pytest.mark.parametrize(
    ("width", "latency", "check"),
    [(1, 5, 4), (4, 5, 4), (8, 5, 5), (16, 8, 5), (32, 8, 6), (64, 8, 6)],
)
def test_the_walker_says_how_long_it_takes(width: int, latency: int, check: int) -> None:
    walker = FrameWalker(Geometry(width=width))
    assert (walker.latency, walker.check_latency) == (latency, check)
