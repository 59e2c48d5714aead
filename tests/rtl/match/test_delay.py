"""The delay line: a value a clock, each out again after just as many clocks."""

import random

import pytest
from keybench import clocked

from hybridmesh.rtl.match.delay import Delay


@pytest.mark.parametrize("clocks", [2, 3, 4, 7, 16])
def test_a_value_comes_out_after_the_clocks_asked_for(clocks: int) -> None:
    rng = random.Random(clocks)
    values = [rng.getrandbits(40) for _ in range(5 * clocks + 3)]
    dut = Delay(40, clocks)
    seen = clocked(dut, [{"i": value} for value in values], {"o": dut.o})
    assert seen["o"][clocks:] == values[:-clocks]


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("clocks", [-1, 0, 1])
def test_fewer_than_two_clocks_are_refused(clocks: int) -> None:
    with pytest.raises(ValueError, match=f"at least 2 clocks, not {clocks}"):
        Delay(8, clocks)
