"""Tables written word by word through a TableWrite port, one word a clock."""

from collections.abc import Container
from typing import Any

from cocotb.triggers import RisingEdge

from hybridmesh.contract.table import TableImage

__all__ = ["fill"]


async def fill(
    dut: Any, image: TableImage, bank: int, spaces: Container[str] | None = None
) -> None:
    """Write *image*, or those of its *spaces* alone, to *bank*."""
    edge = RisingEdge(dut.clk)
    dut.table__bank.value = bank
    for space, words in image.words():
        if spaces is not None and space.name not in spaces:
            continue
        dut.table__space.value = space.number
        for number, word in enumerate(words.tolist()):
            dut.table__word.value = number
            dut.table__data.value = word
            dut.table__en.value = 1
            await edge
    dut.table__en.value = 0
