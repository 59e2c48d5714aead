"""The frame walker, at every width, on named frames, mutants, runts and frames beyond max_frame."""

from dataclasses import dataclass

import pytest
from streambench import Received, collect, drive, packet_beats, simulate
from wireframes import BODY, CANDIDATES, OTHERS, PORT, SPOOFED, Expected, judge, mutants

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.frame.walker import FrameWalker

WIDTHS = (1, 2, 4, 8, 16, 32, 64)
MAX_FRAME = 256


@dataclass(frozen=True)
class Seen:
    """What the walker said of one frame."""

    expected: Expected
    epoch: int
    bank: int
    enable: int
    arrival: int
    oversize: bool
    beats: int


def walk(frames, width: int, *, idle: float = 0, port: int = PORT, context=None) -> list[Seen]:
    """Run the frames through a walker, and hold its beats to the rules of the payload stream."""
    walker = FrameWalker(Geometry(width=width, max_frame=MAX_FRAME))
    received, oversize = Received(), []
    offered = [beat for frame in frames for beat in packet_beats(frame, width)]
    clock = 0

    async def surroundings(ctx) -> None:
        nonlocal clock
        while received.frames < len(frames):
            state = {"bank": 1, "enable": 1, "epoch": 7, "port": port}
            ctx.set(walker.context, state | (context(clock) if context else {}))
            ctx.set(walker.now, clock)
            _, _, flag = await ctx.tick().sample(walker.oversize)
            if flag:
                oversize.append(clock)
            clock += 1

    simulate(
        walker,
        surroundings,
        drive(walker.i, offered, idle=idle, seed=5),
        collect(walker.o, received, lambda: received.frames == len(frames)),
    )
    seen, group, times = [], [], []
    for beat, time in zip(received, received.clocks, strict=True):
        assert beat.first == (not group)
        group.append(beat)
        times.append(time)
        if beat.last:
            seen.append(summary(group, width, times[-1] in oversize))
            group = []
    assert len(oversize) == sum(s.oversize for s in seen)
    return seen


def summary(beats, width: int, oversize: bool) -> Seen:
    masked = bytearray()
    assert len({beat.bank for beat in beats}) == 1
    for beat in beats:
        data = beat.data.to_bytes(width, "little")
        for lane in range(width):
            if beat.mask >> lane & 1:
                assert (beat.offset + lane) % 65536 == len(masked), "not contiguous"
                masked.append(data[lane])
    info = beats[-1].info
    expected = Expected(
        bool(info.candidate), bool(info.spoofed), info.seq if info.candidate else 0, bytes(masked)
    )
    return Seen(
        expected, info.epoch, beats[0].bank, info.enable, info.arrival, oversize, len(beats)
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_the_payload_of_a_candidate_is_masked_byte_by_byte(width: int) -> None:
    seen = walk(list(CANDIDATES.values()), width)
    for (name, frame), s in zip(CANDIDATES.items(), seen, strict=True):
        start = frame.index(b"G", 30)
        size = {"one byte of payload": 1, "padded": 3}.get(name, len(BODY))
        assert s.expected == Expected(True, False, 0x89ABCDEF, frame[start : start + size]), name
        assert (s.epoch, s.bank, s.enable, s.oversize) == (7, 1, 1, False)


@pytest.mark.parametrize("width", [1, 4, 8, 32])
def test_no_other_frame_is_a_candidate(width: int) -> None:
    # A candidate before each: what is left of its headers must not count for the next frame.
    candidate = CANDIDATES["one byte of payload"]
    frames = [frame for other in OTHERS.values() for frame in (candidate, other)]
    seen = walk(frames, width)
    assert all(s.expected.candidate for s in seen[::2])
    for name, s in zip(OTHERS, seen[1::2], strict=True):
        assert (s.expected.candidate, s.expected.spoofed) == (False, False), name


@pytest.mark.parametrize("width", WIDTHS)
def test_a_frame_that_speaks_for_the_nic_is_spoofed(width: int) -> None:
    for s in walk(list(SPOOFED.values()), width):
        assert s.expected == Expected(spoofed=True)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_frame_that_ends_within_its_type_is_not_taken_for_the_one_before(width: int) -> None:
    frames = [cut for frame in SPOOFED.values() for cut in (frame, frame[:13], frame[:17])]
    seen = [s.expected.spoofed for s in walk(frames, width)]
    assert seen == [judge(frame).spoofed for frame in frames]
    assert sum(seen) == 6  # four whole ones, and two whose outer type is there in 17 bytes


@pytest.mark.parametrize(
    ("width", "count", "idle"),
    [(1, 25, 0), (2, 40, 0.2), (4, 80, 0), (8, 200, 0), (8, 80, 0.3), (16, 150, 0), (64, 400, 0)],
)
def test_mutants_are_judged_as_the_model_judges_them(width: int, count: int, idle: float) -> None:
    frames = mutants(count, seed=width)
    expected = [judge(frame, max_frame=MAX_FRAME) for frame in frames]
    seen = [s.expected for s in walk(frames, width, idle=idle)]
    assert sum(e.candidate for e in expected) > 3
    for frame, got, want in zip(frames, seen, expected, strict=True):
        assert got == want, frame.hex()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_frame_of_max_frame_bytes_is_a_candidate_and_a_longer_one_is_not(width: int) -> None:
    head = CANDIDATES["ipv4"]
    exact, over, long_ = (head + bytes(n - len(head)) for n in (256, 257, 600))
    spoofed = SPOOFED["shim's type"] + bytes(300)
    seen = walk([exact, over, head, long_, spoofed, head], width)
    assert [s.expected.candidate for s in seen] == [True, False, True, False, False, True]
    assert [s.oversize for s in seen] == [False, True, False, True, False, False]
    assert [s.expected.spoofed for s in seen] == [False, False, False, False, True, False]
    assert all(s.beats <= 256 // width for s in seen)


@pytest.mark.parametrize("width", [1, 8, 64])
def test_port_zero_listens_to_nothing(width: int) -> None:
    frame = bytearray(CANDIDATES["ipv4"])
    frame[36:38] = b"\0\0"
    (seen,) = walk([bytes(frame)], width, port=0)
    assert seen.expected == Expected()


@pytest.mark.parametrize("width", [1, 8])
def test_a_frame_is_judged_under_what_held_at_its_first_beat(width: int) -> None:
    frame = CANDIDATES["ipv4"]
    beats = -(-len(frame) // width)

    def context(clock: int) -> dict[str, int]:
        # Everything changes in the second beat of the first frame.
        later = clock > 0
        return {"epoch": 8 if later else 7, "bank": later, "enable": not later}

    first, second = walk([frame, frame], width, context=context)
    assert (first.epoch, first.bank, first.enable) == (7, 0, 1)
    assert (second.epoch, second.bank, second.enable) == (8, 1, 0)
    assert first.expected == second.expected
    assert second.arrival - first.arrival == beats


def test_a_beat_comes_out_after_the_latency_that_the_walker_names() -> None:
    walker = FrameWalker(Geometry(width=8, max_frame=MAX_FRAME))
    received = Received()
    offered = packet_beats(CANDIDATES["ipv4"], 8)
    simulate(
        walker,
        drive(walker.i, offered),
        collect(walker.o, received, lambda: len(received) == len(offered)),
    )
    assert received.clocks == list(range(walker.latency, walker.latency + len(offered)))
