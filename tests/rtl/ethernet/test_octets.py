"""Octets, of octets and of nibbles, and the state of the link between frames."""

import pytest
from streambench import simulate

from hybridmesh.rtl.ethernet.gmii import InbandStatus
from hybridmesh.rtl.ethernet.octets import Octets

GAP = {"data": 0, "dv": 0, "er": 0}


def run(dut: Octets, symbols: list[dict[str, int]], *, nibbles: bool) -> list[tuple[int, int, int]]:
    given = []

    async def testbench(ctx) -> None:
        ctx.set(dut.nibbles, nibbles)
        for symbol in [*symbols, GAP]:
            ctx.set(dut.i, symbol)
            await ctx.tick()
            if ctx.get(dut.o.valid):
                octet = ctx.get(dut.o.payload)
                given.append((octet.data, octet.dv, octet.er))

    simulate(dut, testbench)
    return given


def carried(values: list[int], *bad: int) -> list[dict[str, int]]:
    return [{"data": value, "dv": 1, "er": n in bad} for n, value in enumerate(values)]


def test_octets_pass_as_they_are() -> None:
    symbols = [*carried([0x55, 0xD5, 0x12, 0x34], 2), {"data": 0x0F, "dv": 0, "er": 1}]
    assert run(Octets(), symbols, nibbles=False) == [
        (0x55, 1, 0),
        (0xD5, 1, 0),
        (0x12, 1, 1),
        (0x34, 1, 0),
        (0x0F, 0, 1),
        (0, 0, 0),
    ]


@pytest.mark.parametrize("preamble", [[5], [5, 5], [5, 5, 5]])
def test_nibbles_are_paired_from_the_sfd_on(preamble: list[int]) -> None:
    values = [*preamble, 0xD, 0x1, 0x2, 0xF3, 0xF4, 0xD, 0x5, 0x5, 0xD]
    sfd = len(preamble)
    given = run(Octets(), carried(values, sfd + 3, sfd + 6), nibbles=True)
    assert given[sfd] == (0xD5, 1, 0)
    assert given[sfd + 1 : -1] == [(0x21, 1, 0), (0x43, 1, 1), (0x5D, 1, 1), (0xD5, 1, 0)]
    assert not given[-1][1]


def test_a_single_nibble_at_the_end_is_left_out() -> None:
    given = run(Octets(), carried([5, 0xD, 1, 2, 3], 4), nibbles=True)
    assert given[2] == (0x21, 1, 0)
    assert [dv for _, dv, _ in given[3:]] == [0]


def test_what_stood_between_frames_is_no_nibble() -> None:
    symbols = [{"data": 0x5, "dv": 0, "er": 0}, *carried([0xD, 1, 2])]
    given = run(Octets(), symbols, nibbles=True)
    assert [data for data, dv, _ in given if dv] == [0xD0, 0x1D, 0x21]


def test_a_frame_begins_anew_after_each_gap() -> None:
    symbols = [*carried([5, 0xD, 1, 2, 3]), GAP, *carried([5, 0xD, 4, 5])]
    given = run(Octets(), symbols, nibbles=True)
    assert [data for data, dv, _ in given if dv] == [0x50, 0xD5, 0x21, 0x50, 0xD5, 0x54]


def status_after(symbols: list[dict[str, int]]) -> int:
    dut, seen = InbandStatus(), []

    async def testbench(ctx) -> None:
        for symbol in symbols:
            ctx.set(dut.i, symbol)
            await ctx.tick()
        seen.append(ctx.get(dut.o.as_value()))

    simulate(dut, testbench)
    return seen[0]


def told(status: int, **members: int) -> dict[str, int]:
    return GAP | {"data": status} | members


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ([told(0b1101)] * 4, 0b1101),
        ([told(0b1011)] * 4, 0b1011),
        ([told(0b1101)] * 3, 0),
        ([told(0b1101)] * 9 + [told(0b1011)] * 3, 0b1101),
        ([told(0b1101)] * 9 + [told(0b1011)] * 4, 0b1011),
        ([told(0b1101)] * 3 + [told(0b1011)] + [told(0b1101)] * 3, 0),
        ([told(0b1101)] * 9 + [told(0b1111)] * 9, 0b1101),
        ([told(0b1101, dv=1)] * 9, 0),
        ([told(0b1101, er=1)] * 9, 0),
        ([told(0b1101)] * 3 + [told(0b1101, dv=1)] + [told(0b1101)] * 2, 0),
    ],
)
def test_the_status_is_what_has_been_told_four_times(
    symbols: list[dict[str, int]], expected: int
) -> None:
    assert status_after(symbols) == expected
