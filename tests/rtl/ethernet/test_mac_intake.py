"""Both ends of the queue of received frames: whatever goes wrong, each frame ends once."""

import random

import pytest
from amaranth.sim import Simulator
from streambench import simulate

from hybridmesh.rtl.ethernet.intake import Arrival, Intake


def octets(frame: bytes, *, error: bool = False) -> list[dict[str, int]]:
    return [
        {"data": octet, "first": n == 0, "last": n == len(frame) - 1}
        | {"error": error and n == len(frame) - 1}
        for n, octet in enumerate(frame)
    ]


def write(clocks: list[tuple[dict[str, int] | None, bool]]) -> tuple[list, int]:
    """What is written for an octet, or none, and ``full``, in each clock; and overruns."""
    dut = Intake()
    written, overruns = [], 0

    async def testbench(ctx) -> None:
        nonlocal overruns
        for octet, full in clocks:
            ctx.set(dut.i.valid, octet is not None)
            if octet is not None:
                ctx.set(dut.i.payload, octet)
            ctx.set(dut.full, full)
            if ctx.get(dut.write):
                data = ctx.get(dut.data)
                written.append((data.data, data.last, data.error))
            overruns += ctx.get(dut.overrun)
            await ctx.tick()

    simulate(dut, testbench)
    return written, overruns


def test_frames_are_written_as_they_are() -> None:
    clocks = [(o, False) for o in [*octets(b"ab"), None, *octets(b"c", error=True)]]
    expected = [(97, 0, 0), (98, 1, 0), (99, 1, 1)]
    assert write(clocks) == (expected, 0)


def test_a_frame_without_room_for_its_first_octet_is_not_there() -> None:
    first, second, last = octets(b"abc")
    clocks = [(first, True), (second, False), (last, True), *((o, False) for o in octets(b"d"))]
    assert write(clocks) == ([(100, 1, 0)], 1)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_frame_without_room_ends_there_and_its_rest_is_not_there(at: int) -> None:
    clocks = [(octet, n == at) for n, octet in enumerate(octets(b"abcd"))]
    clocks[at:at] = [(None, True)]
    clocks += [(None, True), *((octet, False) for octet in octets(b"e"))]
    written, overruns = write(clocks)
    assert [end[1:] for end in written] == [(0, 0)] * at + [(1, 1), (1, 0)]
    assert overruns == 1


def arrive(
    beats: list[dict[str, int] | int], *, clocks: int = 40, stall: float = 0
) -> tuple[list[tuple[int, int, int]], int]:
    """What the core gets of *beats*, a number standing for so many clocks without; and stops."""
    dut = Arrival()
    taken, stops = [], 0
    rng = random.Random(1)

    async def drive(ctx) -> None:
        for beat in beats:
            if isinstance(beat, int):
                ctx.set(dut.i.valid, 0)
                await ctx.tick().repeat(beat)
                continue
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, beat)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(clocks)

    async def take(ctx) -> None:
        nonlocal stops
        while True:
            ready = rng.random() >= stall
            ctx.set(dut.o.ready, ready)
            _, _, stopped, valid, beat = await ctx.tick().sample(
                dut.stopped, dut.o.valid, dut.o.payload
            )
            stops += stopped
            if valid and ready:
                assert beat.keep == 1
                taken.append((beat.data, beat.last, beat.error))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.add_testbench(take, background=True)
    simulator.run()
    return taken, stops


def queued(frame: bytes, *, error: bool = False) -> list[dict[str, int]]:
    return [{k: v for k, v in o.items() if k != "first"} for o in octets(frame, error=error)]


@pytest.mark.parametrize("stall", [0, 0.7])
def test_frames_arrive(stall: float) -> None:
    beats = [*queued(b"ab"), Arrival.PATIENCE + 50, *queued(b"c", error=True), *queued(b"d")]
    expected = [(97, 0, 0), (98, 1, 0), (99, 1, 1), (100, 1, 0)]
    assert arrive(beats, stall=stall) == (expected, 0)


def test_a_frame_may_pause_for_less_than_patience_lasts() -> None:
    first, last = queued(b"ab")
    pause = Arrival.PATIENCE - 1
    assert arrive([first, pause, last]) == ([(97, 0, 0), (98, 1, 0)], 0)


@pytest.mark.parametrize("stall", [0, 0.7])
def test_a_frame_that_stops_coming_ends_and_its_rest_is_dropped(stall: float) -> None:
    first, second, third, last = queued(b"abcd")
    pause = Arrival.PATIENCE
    beats = [first, pause + 60 * bool(stall), second, pause + 60, third, last, *queued(b"ef")]
    taken, stops = arrive(beats, stall=stall)
    assert taken[0] == (97, 0, 0)
    assert taken[1][1:] == (1, 1)
    assert taken[2:] == [(101, 0, 0), (102, 1, 0)]
    assert stops == 1


def test_a_frame_that_stops_ends_by_itself() -> None:
    taken, stops = arrive(queued(b"ab")[:1], clocks=Arrival.PATIENCE + 60)
    assert [beat[1:] for beat in taken] == [(0, 0), (1, 1)]
    assert stops == 1
