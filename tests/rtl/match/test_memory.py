"""The table memory: one bank read while the other is written, and zero where none is read."""

import random

import pytest
from keybench import clocked

from hybridmesh.rtl.memory import TableMemory

BANK = 16


@pytest.mark.parametrize(("distributed", "latency"), [(False, 2), (True, 1)])
@pytest.mark.parametrize("bits", [1, 37])
def test_what_is_read_is_what_was_written_and_all_else_is_zero(
    bits: int, distributed: bool, latency: int
) -> None:
    rng = random.Random(bits)
    contents = [0] * 2 * BANK
    steps, expected = [], []
    for clock in range(400):
        bank = clock // 50 % 2  # written; the other one is read
        place, word = rng.randrange(BANK) + BANK * bank, rng.getrandbits(bits)
        asked = rng.randrange(BANK) + BANK * (1 - bank)
        write, read = rng.random() < 0.7, rng.random() < 0.7
        expected.append(contents[asked] if read else 0)
        if write:
            contents[place] = word
        steps.append(
            {"w_en": write, "w_addr": place, "w_data": word, "r_en": read, "r_addr": asked}
        )
    dut = TableMemory(bits, 2 * BANK, distributed=distributed)
    assert dut.latency == latency
    seen = clocked(dut, steps, {"r_data": dut.r_data})
    assert seen["r_data"][latency:] == expected[:-latency]
    assert any(expected)
