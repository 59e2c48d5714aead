"""The priority encoder against arithmetic: every value of few bits, many values of many bits."""

import random

import pytest
from keybench import clocked

from hybridmesh.rtl.match.priority import PriorityEncoder


def encode(bits: int, latency: int, values: list[int]) -> None:
    """Encode a value a clock, and expect each answer *latency* clocks later."""
    dut = PriorityEncoder(bits)
    assert dut.latency == latency
    steps = [{"i": value} for value in values] + [{"i": 0}] * latency
    seen = clocked(dut, steps, {"number": dut.number, "found": dut.found})
    for clock, value in enumerate(values):
        lowest = (value & -value).bit_length() - 1 if value else 0
        answer = seen["found"][clock + latency], seen["number"][clock + latency]
        assert answer == (value != 0, lowest), f"{value:#x}"


def test_every_set_of_eight_bits_gives_its_lowest() -> None:
    encode(8, 1, list(range(256)))


@pytest.mark.parametrize(("bits", "latency"), [(16, 1), (32, 2), (256, 2), (512, 2), (1024, 2)])
def test_the_lowest_of_many_bits_is_found_whatever_is_set_above_it(bits: int, latency: int) -> None:
    rng = random.Random(bits)
    alone = [1 << n for n in range(0, bits, 1 if bits < 256 else 11)]
    crowded = [rng.getrandbits(bits) << rng.randrange(bits) & ~(-1 << bits) for _ in range(50)]
    encode(bits, latency, [0, *alone, *crowded, 1 << (bits - 1), 0])
