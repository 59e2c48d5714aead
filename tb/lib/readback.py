"""Table words read back through a TableRead port, while whatever else goes on."""

import random
from collections.abc import Iterable
from typing import Any

from cocotb.triggers import RisingEdge

__all__ = ["ask"]

PATIENCE = 5_000
"""Clocks without an answer after which there will be none."""


async def ask(dut: Any, rng: random.Random, questions: Iterable[tuple[int, int, int]]) -> list[int]:
    """The words at *questions*: bank, space and word of each, asked some clocks apart."""
    edge = RisingEdge(dut.clk)
    answers = []
    for bank, space, word in questions:
        for _ in range(rng.randint(1, 5)):
            await edge
            assert not dut.ask__done.value, "an answer that nobody asked for"
            assert not dut.ask__data.value
        dut.ask__bank.value = bank
        dut.ask__space.value = space
        dut.ask__word.value = word
        dut.ask__en.value = 1
        for _ in range(PATIENCE):
            await edge
            if dut.ask__done.value:
                break
        else:
            raise AssertionError(f"no answer for word {word} of space {space}")
        answers.append(int(dut.ask__data.value))
        dut.ask__en.value = 0
    return answers
