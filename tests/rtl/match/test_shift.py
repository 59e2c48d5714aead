"""Barrel shifters: every amount at every width, a new one each clock."""

import random

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from keybench import clocked

from hybridmesh.rtl.match.shift import rotated, shift_latency, shifted

LATENCY = {2: 0, 4: 0, 8: 0, 16: 1, 32: 1, 64: 1}
UNIT = 5
KEPT = 3


class Shifter(wiring.Component):
    """Both shifts of one vector."""

    def __init__(self, width: int) -> None:
        self._width = width
        super().__init__(
            {
                "i": In(UNIT * (width + KEPT)),
                "amount": In(width.bit_length() - 1),
                "rotated": Out(UNIT * width),
                "shifted": Out(UNIT * KEPT),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        width = self._width
        m.d.comb += [
            self.rotated.eq(rotated(m, self.i[: UNIT * width], self.amount, UNIT)),
            self.shifted.eq(shifted(m, self.i, self.amount, UNIT, KEPT, width)),
        ]
        return m


@pytest.mark.parametrize("width", LATENCY)
def test_every_amount_moves_the_units_by_as_much(width: int) -> None:
    rng = random.Random(width)
    late = LATENCY[width]
    assert shift_latency(width) == late
    amounts = [*range(width), *(rng.randrange(width) for _ in range(10))]
    rows = [[rng.getrandbits(UNIT) for _ in range(width + KEPT)] for _ in amounts]

    def packed(units: list[int]) -> int:
        return sum(unit << UNIT * n for n, unit in enumerate(units))

    steps = [{"i": packed(row), "amount": n} for row, n in zip(rows, amounts, strict=True)]
    dut = Shifter(width)
    probes = {"rotated": dut.rotated, "shifted": dut.shifted}
    seen = clocked(dut, steps + [{}] * late, probes)
    for clock, (row, n) in enumerate(zip(rows, amounts, strict=True)):
        assert seen["rotated"][clock + late] == packed(row[n:width] + row[:n])
        assert seen["shifted"][clock + late] == packed(row[n : n + KEPT])
