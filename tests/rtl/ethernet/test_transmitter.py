"""Octets of frames and the gaps between, at the pace that the speed asks for."""

import pytest
from streambench import simulate

from hybridmesh.reference.ethernet import carrier
from hybridmesh.rtl.ethernet.gmii import Speed
from hybridmesh.rtl.ethernet.pace import Pace
from hybridmesh.rtl.ethernet.transmitter import Transmitter


def send(frames: list[bytes], *, every: int = 1, idle: int = 3, clocks: int) -> list[int | None]:
    """What is sent in each time of an octet, None where it is none."""
    dut = Transmitter()
    sent: list[int | None] = []

    async def testbench(ctx) -> None:
        octets = [
            {"data": octet, "last": n == len(frame) - 1}
            for frame in frames
            for n, octet in enumerate(frame)
        ]
        for clock in range(clocks * every):
            ctx.set(dut.step, clock % every == every - 1)
            ctx.set(dut.i.valid, bool(octets) and clock >= idle * every)
            if octets:
                ctx.set(dut.i.payload, octets[0])
            taken = ctx.get(dut.i.valid) and ctx.get(dut.i.ready)
            if clock % every == 0:
                sent.append(ctx.get(dut.data) if ctx.get(dut.dv) else None)
            before = (ctx.get(dut.data), ctx.get(dut.dv))
            await ctx.tick()
            if clock % every != every - 1:
                assert (ctx.get(dut.data), ctx.get(dut.dv)) == before
            if taken:
                octets.pop(0)
        assert not octets

    simulate(dut, testbench)
    return sent


@pytest.mark.parametrize("every", [1, 4])
def test_frames_are_sent_padded_with_their_fcs_at_the_shortest_gap(every: int) -> None:
    frames = [b"a", bytes(range(59)), bytes(range(60)), bytes(range(61)), bytes(range(100))]
    expected: list[int | None] = []
    for frame in frames:
        expected += [*carrier(frame), *[None] * 12]
    sent = send(frames, every=every, idle=3, clocks=len(expected) + 20)
    start = next(n for n, octet in enumerate(sent) if octet is not None)
    assert start == 4  # one behind the first in which a frame was there
    assert sent[start : start + len(expected)] == expected
    assert set(sent[start + len(expected) :]) == {None}


def paced(speeds: list[tuple[Speed, int]]) -> list[tuple[int, int, int, int]]:
    """By clock: whether an octet is due next, and what the pins carry; octets count up."""
    dut = Pace()
    given = []

    async def testbench(ctx) -> None:
        octet = 0x5A
        ctx.set(dut.dv, 1)
        for speed, clocks in speeds:
            ctx.set(dut.speed, speed)
            for _ in range(clocks):
                ctx.set(dut.data, octet)
                due = ctx.get(dut.step)
                await ctx.tick()
                assert ctx.get(dut.o.dv)
                given.append((due, ctx.get(dut.o.data), ctx.get(dut.o.clock)))
                octet = octet + due & 0xFF

    simulate(dut, testbench)
    return given


def test_at_1000_every_clock_has_an_octet_and_rises_with_it() -> None:
    assert paced([(Speed.M1000, 4)]) == [(1, 0x5A + n, 0b01) for n in range(4)]


@pytest.mark.parametrize(("speed", "clocks"), [(Speed.M100, 5), (Speed.M10, 50)])
def test_below_it_a_clock_has_a_nibble_on_both_edges(speed: Speed, clocks: int) -> None:
    given = paced([(speed, 20 * clocks)])
    halves = [level for _, _, clock in given for level in (clock & 1, clock >> 1)]
    assert halves == ([1] * clocks + [0] * clocks) * 20
    nibbles = [data for _, data, _ in given]
    expected = [half * 0x11 for n in range(10) for half in ((0x5A + n) & 15, (0x5A + n) >> 4)]
    assert nibbles == [nibble for nibble in expected for _ in range(clocks)]
    assert [n for n, (due, *_) in enumerate(given) if due] == [
        n * 2 * clocks - 1 for n in range(1, 11)
    ]


def test_the_speed_may_change_at_any_time() -> None:
    given = paced([(Speed.M10, 70), (Speed.M100, 30), (Speed.M1000, 4), (Speed.M100, 10)])
    first, *others = [n for n, (due, *_) in enumerate(given) if due]
    assert 70 <= first < 80
    assert others == [first + 10, first + 20, 100, 101, 102, 103, 113]
