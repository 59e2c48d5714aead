"""The reverser: keys of every length and lane, last byte first, and its terminator."""

import random

import pytest
from keybench import clocked

from hybridmesh.rtl.match.reverse import Reverser

WIDTHS = (1, 2, 4, 8)
POSITIONS = 16
LATENCY = 2


def aligned(key: bytes, width: int, shift: int, bank: int) -> list[dict[str, object]]:
    """The beats of *key* and its terminator, its first byte having stood in lane *shift*."""
    symbols = key + b"\0"
    count = (shift + len(symbols) - 1) // width + 1
    beats = []
    for number in range(count):
        data, mask, words = 0, 0, []
        for lane in range(width):
            word = number - (lane + shift >= width)
            position = word * width + lane
            inside = 0 <= position < len(symbols)
            data |= (symbols[position] if inside else 0x5A) << 8 * lane
            mask |= inside << lane
            words.append(word % ((1 << 16) // width))
        beats.append(
            {
                "data": data,
                "mask": mask,
                "word": words,
                "begin": number == 0,
                "end": number == count - 1,
                "length": len(key),
                "bank": bank,
                "first": 0,
            }
        )
    return beats


@pytest.mark.parametrize("width", WIDTHS)
def test_a_key_comes_out_last_byte_first_two_clocks_after_its_end(width: int) -> None:
    rng = random.Random(width)
    steps, bytes_out, begins, ends, banks = [], {}, set(), set(), {}
    for length in [*range(POSITIONS + 4), 40, 7, 200, 1]:
        for shift in range(width):
            key, bank = bytes(rng.choices(range(1, 256), k=length)), rng.getrandbits(1)
            steps += [{"i": beat} for beat in aligned(key, width, shift, bank)]
            out = (key[::-1] + b"\0")[:POSITIONS]
            clock = len(steps) - 1 + LATENCY
            begins.add(clock)
            ends.add(clock + (len(out) - 1) // width)
            for position, byte in enumerate(out):
                bytes_out[clock + position // width, position] = byte
                banks[clock + position // width] = bank
            steps += [{"i": None}] * (POSITIONS // width)
    steps += [{"i": None}] * LATENCY

    dut = Reverser(width, POSITIONS)
    seen = clocked(dut, steps, {"valid": dut.o.valid, "o": dut.o.payload})
    out = {clock: o for clock, o in enumerate(seen["o"]) if seen["valid"][clock]}
    assert {
        (clock, o.word[lane] * width + lane): o.data >> 8 * lane & 255
        for clock, o in out.items()
        for lane in range(width)
        if o.mask >> lane & 1
    } == bytes_out
    assert {clock for clock, o in out.items() if o.begin} == begins
    assert {clock for clock, o in out.items() if o.end} == ends
    assert {clock: o.bank for clock, o in out.items()} == banks
