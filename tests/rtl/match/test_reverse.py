"""The reverser: fields of every length that end in every lane, last byte first."""

import random

import pytest
from keybench import Frame, bare, clocked, holey, marked_beats

from hybridmesh.rtl.match.reverse import Reverser

CASES = [  # width, positions, lanes; clocks from the field's end to the first word
    *[(1, 32, 8, 1), (1, 64, 8, 1), (1, 128, 8, 1)],
    *[(8, 16, 8, 1), (8, 64, 8, 1), (8, 128, 8, 1)],
    *[(64, 64, 64, 2), (64, 128, 64, 2)],
]
NAMES = ("data", "start", "end", "bank")


def random_frame(rng: random.Random, before: int, length: int, after: int) -> Frame:
    data = bytes(rng.choices(range(1, 256), k=before + length + 1 + after))
    return Frame(data, ((before, before + length),), rng.getrandbits(1))


def reverse(frames: list[Frame], case: tuple[int, int, int, int], *, idle: float = 0) -> None:
    """Reverse the field of each frame; expect each byte at its clock and position, and no other.

    A field's words may be as many as the beats to the next field's end.
    """
    width, positions, lanes, late = case
    words = positions // lanes
    rng = random.Random(width)
    steps, bytes_out, banks, begins, ends = [], {}, {}, set(), set()
    for frame in frames:
        beats = marked_beats(frame, width)
        [(start, end)] = frame.fields
        key = (frame.data[start:end][::-1] + b"\0")[:positions]
        missing = words - (len(beats) - end // width)  # beats until the next frame begins
        holes = holey(beats, rng, idle) + [None] * max(missing, 0)
        taken = [n for n, beat in enumerate(holes) if beat is not None]
        clock = len(steps) + taken[end // width] + late
        steps += bare(holes, width, rng, *NAMES)
        begins.add(clock)
        ends.add(clock + words - 1)
        banks |= {clock + n: frame.bank for n in range(words)}
        for position, byte in enumerate(key):
            bytes_out[clock + position // lanes, position] = byte
    steps += [{"valid": 0}] * (late + words)

    dut = Reverser(width, positions, lanes)
    assert dut.latency == late
    seen = clocked(dut, steps, {"valid": dut.o_valid, "o": dut.o})
    out = {clock: o for clock, o in enumerate(seen["o"]) if seen["valid"][clock]}
    got = {}
    for clock, o in out.items():
        data, mask, word = o.data, o.mask, list(o.word)
        for lane in range(lanes):
            if mask >> lane & 1:
                got[clock, word[lane] * lanes + lane] = data >> 8 * lane & 255
    assert got == bytes_out
    assert {clock for clock, o in out.items() if o.begin} == begins
    assert {clock for clock, o in out.items() if o.end} == ends
    assert {clock: o.bank for clock, o in out.items()} == banks


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_field_comes_out_last_byte_first_with_its_terminator(case) -> None:
    width, positions, lanes, _ = case
    rng = random.Random(positions)
    lengths = {0, 1, 2, lanes - 1, lanes, lanes + 1, positions - 1, positions, positions + 1}
    lengths |= {3 * positions, rng.randrange(positions), rng.randrange(positions)}
    frames = [
        random_frame(rng, lane, length, rng.randrange(2 * width))
        for length in sorted(lengths)
        for lane in rng.sample(range(width), min(width, 4))
    ]
    reverse(frames, case, idle=0.1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_beats_that_follow_the_field_do_not_change_what_is_still_to_come(case) -> None:
    """All beats without a gap, and enough of them for the last word."""
    width, positions, lanes, _ = case
    rng = random.Random(positions)
    words = positions // lanes
    reverse([random_frame(rng, width, positions - n, words * width) for n in (0, 1, 7)], case)


@pytest.mark.parametrize("width", [8, 64])
def test_a_field_starts_and_ends_in_every_lane(width: int) -> None:
    rng = random.Random(width)
    lanes = range(width) if width == 8 else range(0, 64, 3)
    frames = [random_frame(rng, lane, rng.randrange(width), 0) for lane in lanes]
    frames += [random_frame(rng, 1, width + lane, 0) for lane in lanes]
    reverse(frames, (width, max(width, 16), width, {8: 1, 64: 2}[width]))
