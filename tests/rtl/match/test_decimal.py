"""Content-Length in binary: one to nine digits in any lane, one number after another."""

import random

import pytest
from keybench import Frame, bare, clocked, holey, marked_beats

from hybridmesh.rtl.match.decimal import Decimal

LATENCY = {1: 8, 8: 8, 64: 9}
NAMES = ("data", "end")
BEFORE = (b": ", b":", b"\r", b"%", b"\x15", b"E", b"e", b"u", b"\xb5", b"?")
"""Bytes before the digits, some of them digits but for their high nibble."""
TEXTS = ["0", "007", "000000000", "999999999", "42", *("123456789"[:n] for n in range(1, 10))]


@pytest.mark.parametrize("width", LATENCY)
@pytest.mark.parametrize("idle", [0, 0.4], ids=["gapless", "gaps"])
def test_digits_are_a_number_a_fixed_time_after_their_end(width: int, idle: float) -> None:
    rng = random.Random(width)
    late = LATENCY[width]
    steps, expected = [], {}
    for text in TEXTS:
        for lane in range(width) if width < 64 else rng.sample(range(width), 8):
            head = bytes(rng.choices(b"123456789\r", k=lane)) + rng.choice(BEFORE)
            data = head + text.encode() + b"\r\n9"
            end = len(head) + len(text)
            beats = marked_beats(Frame(data, ((len(head), end),)), width)
            holes = holey(beats, rng, idle)
            taken = [n for n, beat in enumerate(holes) if beat is not None]
            expected[len(steps) + taken[end // width] + late] = int(text)
            steps += bare(holes, width, rng, *NAMES)
    dut = Decimal(width)
    assert dut.latency == late
    seen = clocked(dut, steps + [{"valid": 0}] * late, {"value": dut.value})
    assert {clock: seen["value"][clock] for clock in expected} == expected


def test_a_number_in_every_beat_of_64_comes_out_in_every_clock() -> None:
    rng = random.Random(64)
    texts = [str(rng.randrange(10 ** rng.randint(1, 9))) for _ in range(60)]
    beats = []
    for text in texts:
        start = rng.randrange(1, 64 - len(text))
        data = b":" * start + text.encode() + b"\r"
        frame = Frame(data.ljust(64, b"7"), ((start, start + len(text)),))
        beats += marked_beats(frame, 64)
    dut = Decimal(64)
    late = LATENCY[64]
    steps = bare(beats, 64, rng, *NAMES) + [{"valid": 0}] * late
    seen = clocked(dut, steps, {"value": dut.value})
    assert seen["value"][late : late + len(texts)] == [int(text) for text in texts]


@pytest.mark.parametrize("width", LATENCY)
def test_a_number_stands_while_frames_without_one_pass(width: int) -> None:
    rng = random.Random(0)
    number = marked_beats(Frame(b":1234\r", ((1, 5),)), width)
    others = marked_beats(Frame(b"9" * 12 * width, ()), width)
    steps = bare(number + others * 3, width, rng, *NAMES)
    dut = Decimal(width)
    seen = clocked(dut, steps, {"value": dut.value})
    assert set(seen["value"][5 // width + LATENCY[width] :]) == {1234}
