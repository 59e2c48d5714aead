"""The pins as the ECP5 has them: which primitives, between which signals."""

import re

import pytest
from amaranth.back import rtlil

from hybridmesh.platforms.ecp5.ddr import DdrPins
from hybridmesh.rtl.ethernet.rgmii import RgmiiPins


def netlist(**delays: int) -> str:
    return rtlil.convert(RgmiiPins(**delays), platform=DdrPins(), emit_src=False)


def cells(text: str, kind: str) -> list[str]:
    return re.findall(rf"cell \\{kind} .*?\n\s*end\n", text, re.S)


def test_each_pin_has_a_register_of_its_pad_and_those_that_ask_a_delay() -> None:
    plain = netlist()
    assert len(cells(plain, "IDDRX1F")) == 5
    assert len(cells(plain, "ODDRX1F")) == 6
    assert cells(plain, "DELAYG") == []
    late = netlist(rx_delay=2000, tx_clock_delay=500)
    values = [re.search(r"DEL_VALUE (\d+)", cell)[1] for cell in cells(late, "DELAYG")]
    assert sorted(values) == ["20"] + ["80"] * 5


@pytest.mark.parametrize("delay", [-1, 10, 4000])
def test_a_delay_that_no_pad_has_is_refused(delay: int) -> None:
    with pytest.raises(ValueError, match="A pad can be 25 to 3175 ps late"):
        netlist(rx_delay=delay)


def test_registers_run_at_the_clocks_of_their_direction() -> None:
    text = netlist()
    assert all("connect \\SCLK \\rx_clk" in cell for cell in cells(text, "IDDRX1F"))
    assert all("connect \\SCLK \\tx_clk" in cell for cell in cells(text, "ODDRX1F"))
