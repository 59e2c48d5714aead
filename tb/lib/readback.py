"""Table words read back through a TableRead port, while whatever else goes on."""

import random
from collections.abc import Sequence
from typing import Any

from cocotb.triggers import RisingEdge

from hybridmesh.contract.table import TableImage

__all__ = ["ask", "questions"]

PATIENCE = 5_000
"""Clocks without an answer after which there will be none."""

Question = tuple[int, int, int]
"""Bank, number of the space, word."""


def questions(
    rng: random.Random, images: Sequence[TableImage], names: Sequence[str], count: int
) -> tuple[list[Question], list[int]]:
    """So many words of each of the spaces *names*, the first and the last among them, in random
    banks, and what they are."""
    asked, known = [], []
    for bank, image in enumerate(images):
        for space, words in image.words():
            if space.name in names:
                for number in {0, space.words - 1, *rng.choices(range(space.words), k=count)}:
                    asked.append((bank, space.number, number))
                    known.append(int(words[number]))
    return asked, known


async def ask(
    dut: Any, rng: random.Random, asked: Sequence[Question], port: str = "ask"
) -> list[int]:
    """The words at *asked*, through *port*, some clocks apart."""
    edge = RisingEdge(dut.clk)
    names = ("en", "bank", "space", "word", "done", "data")
    en, *place, done, data = (getattr(dut, f"{port}__{name}") for name in names)
    answers = []
    for question in asked:
        for _ in range(rng.randint(1, 5)):
            await edge
            assert not done.value, "an answer that nobody asked for"
            assert not data.value
        for signal, value in zip(place, question, strict=True):
            signal.value = value
        en.value = 1
        for _ in range(PATIENCE):
            await edge
            if done.value:
                break
        else:
            raise AssertionError(f"no answer to {question}")
        answers.append(int(data.value))
        en.value = 0
    return answers
