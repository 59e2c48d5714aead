"""Content-Length in binary: one to nine digits in any lane, one number after another."""

import random

import pytest
from keybench import Frame, clocked, marked_beats

from hybridmesh.rtl.match.decimal import Decimal

WIDTHS = (1, 2, 4, 8)
LATENCY = 12


@pytest.mark.parametrize("width", WIDTHS)
def test_digits_are_a_number_twelve_clocks_after_their_end(width: int) -> None:
    rng = random.Random(width)
    steps, expected = [], {}
    texts = [str(rng.randrange(10 ** (n - 1), 10**n)) for n in (9, 1, 2, 3, 4, 5, 6, 7, 8, 9)]
    for text in [*texts, "0", "007", "000000000", "999999999", "42"]:
        for lane in range(width):
            data = bytes(rng.choices(b"0123456789\r", k=lane)) + text.encode() + b"\r\n9"
            beats = marked_beats(Frame(data, ((lane, lane + len(text)),)), width)
            end = len(steps) + (lane + len(text)) // width
            steps += [{"i": beat} for beat in beats] + [{"i": None}] * LATENCY
            expected[end + LATENCY] = int(text)

    dut = Decimal(width)
    assert dut.latency == LATENCY
    seen = clocked(dut, steps, {"value": dut.value})
    assert {clock: seen["value"][clock] for clock in expected} == expected


@pytest.mark.parametrize("width", WIDTHS)
def test_a_number_stands_while_frames_without_one_pass(width: int) -> None:
    number = marked_beats(Frame(b"1234\r", ((0, 4),)), width)
    others = marked_beats(Frame(b"9" * 12 * width, ()), width)
    steps = [{"i": beat} for beat in number + others * 3]
    dut = Decimal(width)
    seen = clocked(dut, steps, {"value": dut.value})
    assert set(seen["value"][4 // width + LATENCY :]) == {1234}
