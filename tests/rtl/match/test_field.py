"""The field aligner: every lane and length, gaps, over-long fields, frames cut in mid-field."""

import random

import pytest
from keybench import Frame, clocked, holey, marked_beats

from hybridmesh.rtl.match.field import FieldAligner

WIDTHS = (1, 2, 4, 8)
POSITIONS = 16
LATENCY = 2


def align(frames: list[Frame], width: int, *, idle: float = 0) -> None:
    """Run *frames* through an aligner and expect each byte of a key at its clock and position."""
    rng = random.Random(width)
    steps, keys, begins, ends, firsts, banks = [], set(), set(), {}, set(), {}
    for frame in frames:
        beats = holey(marked_beats(frame, width), rng, idle)
        clock_of = [len(steps) + n + LATENCY for n, beat in enumerate(beats) if beat is not None]
        firsts.add(clock_of[0])
        data = frame.data.ljust(width * -(-len(frame.data) // width), b"\0")
        for number, (start, end) in enumerate(frame.fields):
            begins.add(clock_of[start // width])
            last = len(data) - 1 if end is None else end
            if end is None and number + 1 < len(frame.fields):
                last = frame.fields[number + 1][0] // width * width - 1
            for offset in range(start, last + 1):
                byte = 0 if offset == end else data[offset]
                if offset - start < POSITIONS:
                    keys.add((clock_of[offset // width], offset - start, byte))
                    banks[clock_of[offset // width]] = frame.bank
            if end is not None:
                ends[clock_of[end // width]] = end - start
        steps += [{"i": beat} for beat in beats]
    steps += [{"i": None}] * LATENCY

    dut = FieldAligner(width, POSITIONS)
    assert dut.latency == LATENCY
    seen = clocked(dut, steps, {"valid": dut.o.valid, "o": dut.o.payload})
    offered = {clock + LATENCY for clock, step in enumerate(steps) if step["i"] is not None}
    assert {clock for clock, valid in enumerate(seen["valid"]) if valid} == offered
    out = {clock: seen["o"][clock] for clock in offered}
    assert {
        (clock, o.word[lane] * width + lane, o.data >> 8 * lane & 255)
        for clock, o in out.items()
        for lane in range(width)
        if o.mask >> lane & 1
    } == keys
    assert {clock for clock, o in out.items() if o.begin} == begins
    assert {clock for clock, o in out.items() if o.first} == firsts
    assert {clock: o.bank for clock, o in out.items() if clock in banks} == banks
    assert {clock for clock, o in out.items() if o.end} == set(ends)
    short = {clock: length for clock, length in ends.items() if length < POSITIONS}
    assert {clock: out[clock].length for clock in short} == short


def frame(rng: random.Random, *fields: tuple[int, int | None], tail: int = 0) -> Frame:
    """Random bytes, none of them zero, with *fields*, and *tail* bytes after the last mark."""
    size = max(mark for pair in fields for mark in pair if mark is not None) + 1 + tail
    return Frame(bytes(rng.choices(range(1, 256), k=size)), fields, rng.getrandbits(1))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("idle", [0, 0.4], ids=["gapless", "gaps"])
def test_a_field_of_any_length_in_any_lane_is_rotated_into_place(width: int, idle: float) -> None:
    rng = random.Random(1)
    frames = [
        frame(rng, (lane, lane + length), tail=rng.randrange(3))
        for length in range(POSITIONS + 2)
        for lane in range(width)
    ]
    align(frames, width, idle=idle)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_field_much_longer_than_the_key_gives_the_key_alone(width: int) -> None:
    rng = random.Random(2)
    align([frame(rng, (1, 1 + length)) for length in (15, 16, 17, 31, 33, 80, 300, 4)], width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_field_can_start_in_the_beat_after_another_ended(width: int) -> None:
    rng = random.Random(3)
    for lane in range(width):
        first_end = 3 * width + lane
        starts = range((first_end // width + 1) * width, (first_end // width + 2) * width)
        frames = [frame(rng, (lane, first_end), (s, s + width + 3)) for s in starts]
        align(frames, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_field_cut_off_by_the_next_frame_leaves_nothing_behind(width: int) -> None:
    rng = random.Random(4)
    frames = []
    for lane in range(width):
        frames += [
            frame(rng, (lane, None), tail=2 * width),
            Frame(bytes(rng.choices(range(1, 256), k=3 * width)), ()),
            frame(rng, (lane, None), tail=width),
            frame(rng, (width - 1, 2 * width + 1)),
        ]
    align(frames, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_field_that_never_ended_gives_way_to_the_next(width: int) -> None:
    rng = random.Random(5)
    starts = range(2 * width, 3 * width)
    align([frame(rng, (0, None), (start, start + width + 2)) for start in starts], width)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_end_without_a_start_is_no_key(width: int) -> None:
    data = bytes(range(1, 4 * width + 1))
    beats = marked_beats(Frame(data, ((width, 2 * width), (4 * width, 3 * width))), width)
    dut = FieldAligner(width, POSITIONS)
    steps = [{"i": beat} for beat in beats] + [{"i": None}] * LATENCY
    seen = clocked(dut, steps, {"o": dut.o.payload})
    assert [o.end for o in seen["o"][LATENCY:]] == [0, 0, 1, 0]
    assert seen["o"][LATENCY + 3].mask == 0
