"""The tail of a field: its last units, whatever lane it ends in and however far back they go."""

import random

import pytest
from keybench import clocked

from hybridmesh.rtl.match.tail import Tail

LATENCY = {1: 1, 8: 1, 64: 2}
UNIT = 6


@pytest.mark.parametrize("width", LATENCY)
@pytest.mark.parametrize("count", [3, 9])
@pytest.mark.parametrize("idle", [0, 0.4], ids=["gapless", "gaps"])
def test_the_units_before_the_end_come_out_nearest_first(
    width: int, count: int, idle: float
) -> None:
    rng = random.Random(width)
    steps, expected, passed = [], {}, []
    ends = rng.sample(range(width), min(width, 40))
    for number in range(60):
        while rng.random() < idle:
            noise = rng.getrandbits(UNIT * width)
            steps.append({"valid": 0, "data": noise, "end": 1 << rng.randrange(width)})
        beat = [rng.getrandbits(UNIT) for _ in range(width)]
        end = ends[number % len(ends)] if rng.random() < 0.6 else None
        if end is not None and len(passed) >= count:
            units = (passed + beat[:end])[-count:]
            expected[len(steps)] = sum(u << UNIT * n for n, u in enumerate(reversed(units)))
        data = sum(unit << UNIT * lane for lane, unit in enumerate(beat))
        last = rng.random() < 0.2  # such a beat is none of before the next one
        lanes = 0 if end is None else 1 << end
        steps.append({"valid": 1, "last": last, "data": data, "end": lanes})
        if not last:
            passed += beat
    late = LATENCY[width]
    dut = Tail(width, count, UNIT)
    assert dut.latency == late
    seen = clocked(dut, steps + [{"valid": 0}] * late, {"o": dut.o})
    assert {clock: seen["o"][clock + late] for clock in expected} == expected
    assert len(expected) > 20


def test_the_tail_stands_until_the_next_end() -> None:
    steps = [{"valid": 1, "data": 0x050403020100, "end": 0}] * 2
    steps += [{"valid": 1, "data": 0x3F3F3F3F3F3F, "end": 0b100}]
    steps += [{"valid": 1, "data": 0, "end": 0}] * 9
    dut = Tail(8, 3, UNIT)
    seen = clocked(dut, steps, {"o": dut.o})
    assert len(set(seen["o"][3:])) == 1
