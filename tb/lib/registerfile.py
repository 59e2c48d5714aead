"""A register map that refuses now and then, to be used by a design and by its model."""

import random
from typing import Any

from cocotb.triggers import RisingEdge

__all__ = ["RegisterFile", "serve"]


class RegisterFile:
    """Registers of several kinds, and a log of what was done to them.

    ==============  =======================================================
    address         what it is
    ==============  =======================================================
    0x000 to 0x0FF  words that keep what was written
    0x100 to 0x1FF  words that cannot be written
    0x200 to 0x2FF  another word with each read, refused before twice
    0x300 to 0x3FF  refuses every seventh word that is written
    from 0x400 on   nothing
    ==============  =======================================================
    """

    def __init__(self) -> None:
        self.log: list[tuple[int, int | None, bool]] = []
        self._words: dict[int, int] = {}
        self._reads = self._writes = 0

    @staticmethod
    def address(rng: random.Random) -> int:
        """An address of any kind, most often of one that can be used so."""
        usual = (rng.randrange(0x100), rng.randrange(0x100, 0x200), 0x200, 0x300)
        odd = (0x400, 0x3F8, 0xFFC, 0x1000, 0x80000004, rng.randrange(0x400))
        return rng.choice(odd if rng.random() < 0.06 else usual)

    def write(self, address: int, word: int) -> bool:
        kind = address >> 8
        self._writes += kind == 3
        taken = kind == 0 or (kind == 3 and self._writes % 7 != 0)
        self.log.append((address, word, taken))
        if taken:
            self._words[address] = word
        return taken

    def read(self, address: int) -> int | None:
        kind = address >> 8
        self._reads += kind == 2
        there = kind < 2 or kind == 3 or (kind == 2 and self._reads % 3 == 0)
        self.log.append((address, None, there))
        if not there:
            return None
        return self._words.get(address, address * 0x01010101 & 0xFFFFFFFF) + self._reads * (
            kind == 2
        )


async def serve(dut: Any, registers: RegisterFile) -> None:
    """Answer on the design's port ``bus`` out of *registers*."""
    edge = RisingEdge(dut.clk)
    dut.bus__w_error.value = dut.bus__r_error.value = dut.bus__r_data.value = 0
    asked: tuple[int | None] | None = None
    while True:
        await edge
        if asked is not None:
            (word,) = asked
            dut.bus__r_data.value = 0 if word is None else word
            dut.bus__r_error.value = word is None
            asked = None
        dut.bus__w_error.value = 0
        if dut.bus__w_en.value:
            taken = registers.write(int(dut.bus__w_address.value), int(dut.bus__w_data.value))
            dut.bus__w_error.value = not taken
        if dut.bus__r_en.value:
            asked = (registers.read(int(dut.bus__r_address.value)),)
