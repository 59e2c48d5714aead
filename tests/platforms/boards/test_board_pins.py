"""Boards: every port of the design has its pin, every clock its constraint."""

import re
from collections import Counter

import pytest

from hybridmesh.errors import HybridMeshError
from hybridmesh.platforms.boards.registry import BOARDS, find
from hybridmesh.platforms.boards.top import BoardPlatform, rgmii
from hybridmesh.platforms.ecp5.devices import Device

SIGNALS = ["tx_clk", "tx_ctl", "tx_data", "rx_clk", "rx_ctl", "rx_data"]


def bits(design: str) -> set[str]:
    """The ports of the design's top, bit by bit."""
    top = design.partition("module \\top\n")[2].partition("\nend\n")[0]
    found = set()
    for width, name in re.findall(r"wire width (\d+) (?:in|out)put \d+ +\\(\S+)", top):
        found |= {f"{name}[{n}]" for n in range(int(width))} if width != "1" else {name}
    return found


def sites(pins: str) -> dict[str, str]:
    return dict(re.findall(r'LOCATE COMP "(\S+)" SITE "(\S+)";', pins))


def base(board: type[BoardPlatform]) -> type:
    """The board's platform in amaranth-boards."""
    (found,) = (
        parent
        for parent in board.__mro__
        if "amaranth_boards" in parent.__module__ and "resources" in vars(parent)
    )
    return found


def pins_of(board: type[BoardPlatform], number: int, name: str) -> list[str]:
    """The pins that amaranth-boards has for a signal of ``eth_rgmii``."""
    (resource,) = (r for r in base(board).resources if (r.name, r.number) == ("eth_rgmii", number))
    (signal,) = (s for s in resource.ios if s.name.replace("ctrl", "ctl") == name)
    return signal.ios[0].names


def test_every_port_has_a_pin_and_no_pin_is_given_twice(prepared):
    located = sites(prepared.pins)
    assert len(located) > 24
    assert located.keys() == bits(prepared.design)
    assert max(Counter(located.values()).values()) == 1


def test_ports_are_wired_to_the_pins_that_amaranth_boards_knows(prepared):
    located = sites(prepared.pins)
    for number in range(2):
        for name in SIGNALS:
            port = f"eth_rgmii_{number}__{name}__io"
            names = [port] if port in located else [f"{port}[{n}]" for n in range(4)]
            assert [located[name] for name in names] == pins_of(prepared.board, number, name)
    resets = {site for port, site in located.items() if port.startswith("phy_rst")}
    assert resets == {pin for number in range(2) for pin in pins_of(prepared.board, number, "rst")}


def test_the_oscillator_and_both_received_clocks_are_constrained(prepared):
    asked = dict(re.findall(r'FREQUENCY PORT "(\S+)" (\S+) HZ', prepared.pins))
    oscillator = prepared.board.default_clk
    received = [f"eth_rgmii_{number}__rx_clk__io" for number in range(2)]
    assert {port: float(asked.pop(port)) for port in received} == dict.fromkeys(received, 125e6)
    ((port, hertz),) = asked.items()
    assert port.startswith(f"{oscillator}_0__")
    assert float(hertz) == {"clk100": 100e6, "clk25": 25e6}[oscillator]


def test_the_oscillators_clock_becomes_125_mhz(prepared):
    (pll,) = re.findall(r"cell \\EHXPLLL .*?end\n", prepared.design, re.S)
    divided = {name: int(n, 0) for name, n in re.findall(r"\\(CLK\w+_DIV) (\d+)", pll)}
    assert set(divided) == {"CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV"}
    mhz = {"clk100": 100, "clk25": 25}[prepared.board.default_clk]
    assert mhz / divided["CLKI_DIV"] * divided["CLKFB_DIV"] == 125
    assert 400 <= 125 * divided["CLKOP_DIV"] <= 800, "the PLL's own oscillator"


def test_the_device_is_the_one_that_amaranth_boards_has(prepared):
    options = Device.of(prepared.board).options
    assert " ".join(options) in re.sub(r"\s+", " ", prepared.script)


def test_a_signal_of_an_odd_name_gets_that_of_the_others():
    for board in BOARDS.values():
        assert [[s.name for s in rgmii(base(board), n).ios] for n in range(2)] == [SIGNALS] * 2


def test_a_port_that_a_board_has_not_is_an_error():
    board = find("versa_ecp5_5g")
    with pytest.raises(LookupError, match="VersaECP5Platform has no eth_rgmii 2"):
        rgmii(base(board), 2)


def test_a_board_that_is_none_is_refused_with_the_names_of_all():
    with pytest.raises(HybridMeshError, match="no board 'arty'; choose one of versa_ecp5_5g, c"):
        find("arty")
