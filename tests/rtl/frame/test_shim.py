"""The shim inserter, at every width: insert, drop, pass, under gaps, stalls and late verdicts."""

import random
from dataclasses import dataclass

import pytest
from streambench import Received, collect, drive, frames_of, packet_beats, simulate

from hybridmesh.rtl.frame.shim import ShimInserter

WIDTHS = (1, 2, 4, 8, 16, 32, 64)
SHIM = bytes(range(0xC0, 0xC0 + 40))


@dataclass(frozen=True)
class Case:
    """A frame, what is to be done with it, and the shim."""

    frame: bytes
    action: str
    shim: bytes = SHIM

    @property
    def verdict(self) -> dict[str, int]:
        return {
            "insert": self.action == "insert",
            "drop": self.action == "drop",
            "shim": int.from_bytes(self.shim, "little"),
        }

    @property
    def expected(self) -> list[bytes]:
        if self.action == "drop":
            return []
        if self.action == "pass":
            return [self.frame]
        return [self.frame[:12] + self.shim + self.frame[12:]]


def run(width: int, cases: list[Case], *, idle: float = 0, late: float = 0, stall: float = 0):
    """Frames out and the clocks of their beats."""
    inserter = ShimInserter(width)
    received = Received()
    beats = [beat for case in cases for beat in packet_beats(case.frame, width)]
    count = sum(len(case.expected) for case in cases)
    simulate(
        inserter,
        drive(inserter.i, beats, idle=idle, seed=1),
        drive(inserter.verdict, [case.verdict for case in cases], idle=late, seed=2),
        collect(inserter.o, received, lambda: received.frames == count, stall=stall, seed=3),
    )
    return frames_of(received, width), received.clocks


def random_cases(count: int, seed: int, longest: int = 150) -> list[Case]:
    rng = random.Random(seed)
    cases = []
    for _ in range(count):
        frame = rng.randbytes(rng.choice((1, 11, 12, 13, 14, 60, rng.randrange(1, longest))))
        actions = ("insert", "insert", "drop", "pass") if len(frame) > 12 else ("drop", "pass")
        cases.append(Case(frame, rng.choice(actions), rng.randbytes(40)))
    return [*cases, Case(bytes(20), "pass")]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_frame_of_any_length_gets_its_shim_after_the_mac_addresses(width: int) -> None:
    lengths = [13, 14, 19, 20, 21, 55] if width == 1 else range(13, 13 + 2 * max(width, 8) + 1)
    cases = [Case(bytes(k % 251 for k in range(n)), "insert") for n in lengths]
    frames, _ = run(width, cases)
    assert frames == [frame for case in cases for frame in case.expected]


@pytest.mark.parametrize(
    ("width", "idle", "late", "stall"),
    [(width, 0.3, 0.9, 0.3) for width in WIDTHS]
    + [
        (width, *pace)
        for width in (1, 8, 64)
        for pace in ((0, 0, 0), (0.3, 0, 0), (0, 0.95, 0), (0, 0, 0.5))
    ],
)
def test_what_the_verdict_says_is_done(width: int, idle: float, late: float, stall: float) -> None:
    cases = random_cases(4 + 2 * width, seed=width) if width < 16 else random_cases(60, seed=width)
    frames, _ = run(width, cases, idle=idle, late=late, stall=stall)
    assert frames == [frame for case in cases for frame in case.expected]


@pytest.mark.parametrize("width", WIDTHS)
def test_there_is_no_bubble_within_or_between_frames(width: int) -> None:
    rng = random.Random(width)
    cases = [
        Case(rng.randbytes(n), action)
        for n in (55, 60, 61, 64, 100)
        for action in ("insert", "pass", "insert")
    ]
    _, clocks = run(width, cases)
    assert clocks == list(range(clocks[0], clocks[0] + len(clocks)))


@pytest.mark.parametrize("width", [8, 64])
def test_a_frame_that_is_passed_keeps_the_mark_of_the_mac(width: int) -> None:
    inserter = ShimInserter(width)
    received = Received()
    marks = [True, False, True]
    beats = [beat | {"error": mark} for mark in marks for beat in packet_beats(bytes(60), width)]
    verdicts = [Case(bytes(60), action).verdict for action in ("pass", "pass", "insert")]
    simulate(
        inserter,
        drive(inserter.i, beats),
        drive(inserter.verdict, verdicts),
        collect(inserter.o, received, lambda: received.frames == len(marks)),
    )
    assert [bool(beat.error) for beat in received if beat.last] == [True, False, False]


@pytest.mark.parametrize("width", [1, 8, 64])
def test_a_frame_with_its_verdict_goes_on_before_it_has_ended(width: int) -> None:
    inserter = ShimInserter(width)
    received = Received()
    beats = packet_beats(bytes(4096), width)[:20]  # its end never comes

    async def judge(ctx) -> None:
        ctx.set(inserter.verdict.valid, 1)

    simulate(
        inserter,
        judge,
        drive(inserter.i, beats),
        collect(inserter.o, received, lambda: len(received) == 20),
        limit=100,
    )


@pytest.mark.parametrize("width", [1, 8, 64])
def test_a_frame_waits_for_its_verdict(width: int) -> None:
    inserter = ShimInserter(width)
    taken = []

    async def watch(ctx) -> None:
        ctx.set(inserter.o.ready, 1)
        ctx.set(inserter.i.valid, 1)
        for _ in range(10):
            _, _, ready, valid = await ctx.tick().sample(inserter.i.ready, inserter.o.valid)
            taken.append(ready or valid)

    simulate(inserter, watch)
    assert not any(taken)
