"""Frames on their way to the queue: good ones are committed, the others taken back."""

import random

import pytest
from streambench import packet_beats, simulate

from hybridmesh.rtl.ethernet.outbox import Outbox, OutboxEvents

LONGEST = 8


def write(frames: list[tuple[bytes, bool]], *, full: float = 0) -> tuple[list[bytes], list[str]]:
    """The frames that were committed, and the events; the queue is *full* at random."""
    dut = Outbox(LONGEST)
    rng = random.Random(1)
    trial, committed, happened = bytearray(), [], []
    beats = [beat | {"error": bad and beat["last"]} for f, bad in frames for beat in _beats(f)]

    async def testbench(ctx) -> None:
        left = list(beats)
        for _ in range(len(beats) * 20):
            is_full = rng.random() < full
            ctx.set(dut.full, is_full)
            ctx.set(dut.i.valid, bool(left) and rng.random() < 0.8)
            if left:
                ctx.set(dut.i.payload, left[0])
            written = ctx.get(dut.write)
            assert not (written and is_full)
            if written:
                trial.append(ctx.get(dut.data.data))
                assert ctx.get(dut.data.last) == left[0]["last"]
            assert not (ctx.get(dut.commit) and ctx.get(dut.rewind))
            if ctx.get(dut.commit):
                committed.append(bytes(trial))
            if ctx.get(dut.commit) or ctx.get(dut.rewind):
                trial.clear()
            if ctx.get(dut.i.valid) and ctx.get(dut.i.ready):
                left.pop(0)
            await ctx.tick()
            happened.extend(name for name in OutboxEvents.members if ctx.get(dut.events[name]))
        assert not left

    simulate(dut, testbench)
    assert not trial
    return committed, happened


def _beats(frame: bytes) -> list[dict[str, int]]:
    return packet_beats(frame, 1)


@pytest.mark.parametrize("full", [0, 0.6])
def test_good_frames_are_committed_and_others_are_not(full: float) -> None:
    frames = [
        (b"a", False),
        (b"bcd", True),
        (b"12345678", False),
        (b"123456789", False),
        (b"e", True),
        (b"12345678", True),
        (b"1234567890ab", True),
        (b"f", False),
    ]
    assert write(frames, full=full) == (
        [b"a", b"12345678", b"f"],
        ["frames", "dropped", "frames", "oversize", "dropped", "dropped", "oversize", "frames"],
    )


def test_a_frame_that_is_dropped_waits_for_nobody() -> None:
    dut = Outbox(LONGEST)
    taken = []

    async def testbench(ctx) -> None:
        ctx.set(dut.i.valid, 1)
        for n in range(LONGEST + 6):
            ctx.set(dut.full, n >= LONGEST)
            ctx.set(dut.i.p.last, n == LONGEST + 4)
            taken.append(ctx.get(dut.i.ready))
            await ctx.tick()

    simulate(dut, testbench)
    assert taken == [1] * (LONGEST + 5) + [0]
