"""The stream parts hand every payload on, in order, under any gaps and stalls, one per clock."""

import pytest
from streambench import Received, collect, drive, simulate

from hybridmesh.rtl.stream import Fifo, RegisterSlice, SmallFifo

PARTS = {
    "slice": lambda: RegisterSlice(16),
    "fifo": lambda: Fifo(16, 5),
    "small-fifo": lambda: SmallFifo(16, 5),
}


def through(part, words, *, idle: float = 0, stall: float = 0) -> Received:
    received = Received()
    simulate(
        part,
        drive(part.i, words, idle=idle, seed=1),
        collect(part.o, received, lambda: len(received) == len(words), stall=stall, seed=2),
    )
    return received


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize(("idle", "stall"), [(0, 0), (0.5, 0), (0, 0.5), (0.4, 0.4)])
def test_every_payload_comes_out_in_order(name: str, idle: float, stall: float) -> None:
    words = list(range(100, 300))
    assert through(PARTS[name](), words, idle=idle, stall=stall) == words


@pytest.mark.parametrize("name", PARTS)
def test_a_payload_a_clock_goes_through(name: str) -> None:
    clocks = through(PARTS[name](), list(range(50))).clocks
    assert clocks[-1] - clocks[0] == 49


@pytest.mark.parametrize("name", PARTS)
def test_a_payload_is_taken_while_the_other_side_is_away(name: str) -> None:
    part = PARTS[name]()
    simulate(part, drive(part.i, [7]), limit=10)


def test_a_slice_has_no_path_from_ready_to_ready() -> None:
    part = RegisterSlice(16)

    async def testbench(ctx) -> None:
        ctx.set(part.i.valid, 1)
        for _ in range(4):
            await ctx.tick()
        for ready in (0, 1):
            ctx.set(part.o.ready, ready)
            assert not ctx.get(part.i.ready)

    simulate(part, testbench)


@pytest.mark.parametrize(("part", "holds"), [(Fifo(16, 8), 15), (SmallFifo(16, 8), 9)])
def test_a_fifo_holds_as_many_as_it_says(part: Fifo | SmallFifo, holds: int) -> None:
    taken = []

    async def testbench(ctx) -> None:
        ctx.set(part.i.valid, 1)
        for _ in range(40):
            taken.append((await ctx.tick().sample(part.i.ready))[2])

    simulate(part, testbench)
    assert sum(taken) == part.depth == holds
