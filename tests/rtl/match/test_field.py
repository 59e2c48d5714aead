"""The field aligner: every lane and length, gaps, over-long fields, frames cut in mid-field."""

import random

import pytest
from amaranth.hdl import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from keybench import Frame, clocked, holey, marked_beats

from hybridmesh.rtl.match.field import FieldAligner, terminated

CASES = [(1, 16, 1), (8, 16, 2), (64, 64, 2), (64, 128, 2)]  # width, positions, latency


def align(frames: list[Frame], case: tuple[int, int, int], *, idle: float = 0) -> None:
    """Run *frames* through an aligner and expect each byte of a key at its clock and position."""
    width, positions, late = case
    rng = random.Random(width)
    steps, keys, begins, ends, firsts, banks = [], set(), set(), set(), set(), {}
    for frame in frames:
        beats = holey(marked_beats(frame, width), rng, idle)
        clock_of = [len(steps) + n + late for n, beat in enumerate(beats) if beat is not None]
        firsts.add(clock_of[0])
        for start, end in frame.fields:
            begins.add(clock_of[start // width])
            after = len(frame.data) if end is None else end + 1
            for offset in range(start, min(after, start + positions)):
                byte = 0 if offset == end else frame.data[offset]
                keys.add((clock_of[offset // width], offset - start, byte))
                banks[clock_of[offset // width]] = frame.bank
            if end is not None:
                ends.add(clock_of[end // width])
        steps += [{"i": beat} for beat in beats]
    steps += [{"i": None}] * late

    dut = FieldAligner(width, positions)
    assert dut.latency == late
    seen = clocked(dut, steps, {"valid": dut.o.valid, "o": dut.o.payload})
    offered = {clock + late for clock, step in enumerate(steps) if step["i"] is not None}
    assert {clock for clock, valid in enumerate(seen["valid"]) if valid} == offered
    out = {clock: seen["o"][clock] for clock in offered}
    got = set()
    for clock, o in out.items():
        data, mask, word = o.data, o.mask, list(o.word) if o.mask else ()
        for lane in range(width):
            if mask >> lane & 1:
                got.add((clock, word[lane] * width + lane, data >> 8 * lane & 255))
    assert got == keys
    assert {clock for clock, o in out.items() if o.begin} == begins
    assert {clock for clock, o in out.items() if o.first} == firsts
    assert {clock: o.bank for clock, o in out.items() if clock in banks} == banks
    assert {clock for clock, o in out.items() if o.end} == ends


def frame(rng: random.Random, *fields: tuple[int, int | None], tail: int = 0) -> Frame:
    """Random bytes, none of them zero, with *fields*, and *tail* bytes after the last mark."""
    size = max(mark for pair in fields for mark in pair if mark is not None) + 1 + tail
    return Frame(bytes(rng.choices(range(1, 256), k=size)), fields, rng.getrandbits(1))


def lanes(width: int) -> range:
    return range(0, width, 1 if width <= 8 else 7)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("idle", [0, 0.4], ids=["gapless", "gaps"])
def test_a_field_of_any_length_in_any_lane_is_rotated_into_place(case, idle: float) -> None:
    width, positions, _ = case
    rng = random.Random(1)
    lengths = [*range(4), width - 1, width, *range(positions - 2, positions + 3)]
    frames = [
        frame(rng, (lane, lane + length), tail=rng.randrange(3))
        for lane in lanes(width)
        for length in (lengths if width <= 8 else rng.sample(lengths, 4))
    ]
    align(frames, case, idle=idle)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_field_much_longer_than_the_key_gives_the_key_alone(case) -> None:
    width, positions, _ = case
    rng = random.Random(2)
    lengths = (2 * positions, 5 * positions + 3, 19 * positions, 2)
    align([frame(rng, (width - 1, width - 1 + length)) for length in lengths], case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_field_can_start_in_the_beat_after_another_ended(case) -> None:
    width, _, _ = case
    rng = random.Random(3)
    for lane in rng.sample(lanes(width), min(3, width)):
        first_end = 3 * width + lane
        starts = [(first_end // width + 1) * width + n for n in lanes(width)]
        align([frame(rng, (lane, first_end), (s, s + width + 3)) for s in starts], case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_field_cut_off_by_the_next_frame_leaves_nothing_behind(case) -> None:
    width, _, _ = case
    rng = random.Random(4)
    frames = []
    for lane in lanes(width):
        frames += [
            frame(rng, (lane, None), tail=2 * width),
            Frame(bytes(rng.choices(range(1, 256), k=3 * width)), ()),
            frame(rng, (lane, None), tail=width),
            frame(rng, (width - 1, 2 * width + 1)),
        ]
    align(frames, case)


def test_a_field_of_no_bytes_is_its_terminator() -> None:
    rng = random.Random(5)
    align([frame(rng, (lane, lane), tail=lane) for lane in range(8)], CASES[1])


class Ended(wiring.Component):
    """Three lanes, one of them the terminator's."""

    i: In(24)
    end: In(3)
    o: Out(24)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(terminated(self.i, self.end, Const(0xBE, 8)))
        return m


def test_a_terminator_takes_the_place_of_the_byte_after_a_field() -> None:
    dut = Ended()
    seen = clocked(dut, [{"i": 0x332211, "end": end} for end in (0, 1, 2, 4, 0)], {"o": dut.o})
    assert seen["o"][1:] == [0x332211, 0x3322BE, 0x33BE11, 0xBE2211]
