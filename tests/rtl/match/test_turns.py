"""Turns against counting, crowding against the distance in bytes, wherever beats begin."""

import random
from itertools import pairwise

import pytest
from keybench import clocked

from hybridmesh.rtl.match.turns import CrowdingCheck, Turns


@pytest.mark.parametrize(("width", "engines"), [(1, 2), (8, 2), (8, 4), (64, 4)])
@pytest.mark.parametrize("idle", [0, 0.4], ids=["gapless", "gaps"])
def test_keys_go_round_the_engines_from_the_frames_first_beat_on(
    width: int, engines: int, idle: float
) -> None:
    rng = random.Random(width * engines)
    steps, expected, count = [], {}, 0
    for number in range(150):
        while rng.random() < idle:
            steps.append({"valid": 0, "first": rng.getrandbits(1), "start": rng.getrandbits(width)})
        first = number % 9 in (0, 4, 5)
        count = 0 if first else count
        odds = rng.choice((0, 0.1, 0.5, 1))
        start = sum((rng.random() < odds) << lane for lane in range(width))
        engine_of = {}
        for lane in range(width):
            if start >> lane & 1:
                count += 1
                engine_of[lane] = count % engines
        expected[len(steps)] = engine_of
        last = not first and rng.random() < 0.2
        steps.append({"valid": 1, "first": first, "last": last, "start": start})
        if last:  # after it they go on as before it
            count -= len(engine_of)
    late = {2: 1, 4: 2}[engines]
    dut = Turns(width, engines)
    assert dut.latency == late
    probes = {str(n): lanes for n, lanes in enumerate(dut.o)}
    seen = clocked(dut, steps + [{"valid": 0}] * late, probes)
    for clock, engine_of in expected.items():
        for lane, engine in engine_of.items():
            mine = [n for n in range(engines) if seen[str(n)][clock + late] >> lane & 1]
            assert mine == [engine], f"clock {clock}, lane {lane}"


def keys(rng: random.Random, width: int, close: bool) -> list[tuple[int, int]]:
    """Spans of one engine's keys; some next to one another where *close*, else all far enough."""
    spans, at = [], rng.randrange(2 * width)
    for _ in range(rng.randrange(6)):
        end = at + rng.choice((0, 1, rng.randrange(3 * width)))
        spans.append((at, end))
        near = rng.randrange(1, width) if close and width > 1 and rng.random() < 0.3 else width
        at = end + near + (rng.randrange(width) if near == width else 0)
    return spans


def marked(spans: list[tuple[int, int]], base: int, stop: int) -> dict[str, int]:
    """The lanes from *base* to *stop* in which spans start and end."""
    return {
        name: sum(
            1 << lane for lane in {span[n] - base for span in spans if base <= span[n] < stop}
        )
        for n, name in enumerate(("start", "end"))
    }


@pytest.mark.parametrize("width", [1, 8, 64])
@pytest.mark.parametrize("idle", [0, 0.4], ids=["gapless", "gaps"])
def test_keys_less_than_a_beat_apart_are_crowded_wherever_beats_begin(
    width: int, idle: float
) -> None:
    rng = random.Random(width)
    steps, expected = [], {}
    for number in range(120 if width > 1 else 60):
        spans = keys(rng, width, close=number % 2 == 0)
        offset = -rng.randrange(3 * width)  # of the first beat's lane 0
        too_close = [again - end < width for (_, end), (again, _) in pairwise(spans)]
        size = max((end for _, end in spans), default=0) + rng.randrange(1, 2 * width + 1)
        for base in range(offset, size, width):
            while rng.random() < idle:
                noise = {"start": 1 << rng.randrange(width), "end": 1 << rng.randrange(width)}
                steps.append({"valid": 0, "first": rng.getrandbits(1), "offset": 0, **noise})
            beat = {"valid": 1, "first": base == offset, "offset": base % 2**16}
            if rng.random() < 0.2:  # a part of it comes before, as a last beat
                part = rng.randrange(width)
                steps.append(beat | marked(spans, base, base + part) | {"last": 1})
            steps.append(beat | marked(spans, base, base + width) | {"last": 0})
        expected[len(steps) - 1] = int(any(too_close))
    dut = CrowdingCheck(width)
    assert dut.latency == 3
    seen = clocked(dut, [*steps, *3 * [{"valid": 0}]], {"o": dut.o})
    assert {clock: seen["o"][clock + 3] for clock in expected} == expected
    assert set(expected.values()) == ({0, 1} if width > 1 else {0})


@pytest.mark.parametrize("width", [8, 64])
@pytest.mark.parametrize("gap", [-1, 0])
def test_a_gap_of_a_beat_is_enough_in_every_lane_and_across_the_wrap(width: int, gap: int) -> None:
    """Offsets are modulo 2**16; a frame's own headers have those before 0."""
    for start in (0, 2**16 - 2 * width):
        for lane in range(width):
            end, again = lane, lane + width + gap
            beats = [
                {
                    "valid": 1,
                    "first": base == 0,
                    "offset": (start + base) % 2**16,
                    "start": sum(1 << p - base for p in (0, again) if base <= p < base + width),
                    "end": sum(1 << p - base for p in (end,) if base <= p < base + width),
                }
                for base in range(0, 3 * width, width)
            ]
            dut = CrowdingCheck(width)
            seen = clocked(dut, [*beats, *3 * [{"valid": 0}]], {"o": dut.o})
            assert seen["o"][-1] == (gap < 0), f"lane {lane}"
            if width == 64 and lane % 9:
                break


@pytest.mark.parametrize("width", [8, 64])
def test_the_keys_of_the_frame_before_crowd_none(width: int) -> None:
    beat = {"valid": 1, "first": 1, "offset": 0}
    steps = [beat | {"start": 0b1, "end": 0b100}, beat | {"start": 0b1000, "end": 0b10000}]
    steps += [beat | {"start": 0b1, "end": 0b100}, beat | {"first": 0, "start": 0b1000, "end": 0}]
    dut = CrowdingCheck(width)
    seen = clocked(dut, [*steps, *3 * [{"valid": 0}]], {"o": dut.o})
    assert seen["o"][3:] == [0, 0, 0, 1]
