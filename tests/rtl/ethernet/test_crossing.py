"""A queue between two clocks: what is committed comes, once and in order, and nothing else."""

import random

import pytest
from amaranth.sim import Simulator

from hybridmesh.rtl.ethernet.crossing import Crossing, Newest

PERIODS = [(10, 10), (11, 10), (10, 43), (37, 10)]


def simulate(dut, periods: tuple[int, int], *testbenches, background=()) -> None:
    simulator = Simulator(dut)
    simulator.add_clock(periods[0] * 1e-9, phase=1e-9, domain="here")
    simulator.add_clock(periods[1] * 1e-9, phase=3e-9, domain="there")
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    for _ in range(400_000):
        if not simulator.advance():
            return
    raise AssertionError("it is stuck")


@pytest.mark.parametrize("periods", PERIODS)
def test_a_number_crosses_whole_and_the_newest_comes(periods: tuple[int, int]) -> None:
    dut = Newest(16, i_domain="here", o_domain="there")
    rng = random.Random(1)
    had, seen = [0], [0]
    since = {0: -9}  # clocks of the reader when the number was new

    async def write(ctx) -> None:
        for _ in range(60):
            had.append(rng.getrandbits(16))
            since[had[-1]] = len(seen)
            ctx.set(dut.i, had[-1])
            await ctx.tick("here").repeat(rng.choice((1, 1, 1, 2, 20)))
        for _ in range(4 + 8 * max(periods) // min(periods)):
            await ctx.tick("here")
        await ctx.tick("there").repeat(4)
        assert ctx.get(dut.o) == had[-1]

    async def read(ctx) -> None:
        while True:
            await ctx.tick("there")
            seen.append(ctx.get(dut.o))
            # It stood still for a clock, in which the news of it came.
            assert since[seen[-1]] < len(seen) - 2

    simulate(dut, periods, write, background=[read])
    numbers = iter(had)
    assert all(any(number == n for n in numbers) for number in dict.fromkeys(seen))
    assert len(set(seen)) > 10


@pytest.mark.parametrize(
    ("depth", "stall"), [(28, 0), (28, 0.9), (3000, 0.5)], ids=["quick", "full", "slices"]
)
@pytest.mark.parametrize("periods", PERIODS)
def test_what_is_committed_comes_and_what_is_rewound_does_not(
    periods: tuple[int, int], depth: int, stall: float
) -> None:
    """At any clocks; the writer writes once more while the queue is full."""
    dut = Crossing(9, depth, i_domain="here", o_domain="there")
    rng = random.Random(f"{periods}{stall}")
    expected, taken = [], []
    fullest = 0

    async def write(ctx) -> None:
        nonlocal fullest
        extra = False
        for _ in range(40):
            trial = [rng.getrandbits(9) for _ in range(rng.randrange(1, 24))]
            for left, value in enumerate(trial, 1 - len(trial)):
                while True:
                    full = ctx.get(dut.full)
                    extra = extra and full
                    if rng.random() < 0.8 and not (full and (extra or rng.random() < 0.5)):
                        break
                    await ctx.tick("here")
                extra = full
                ctx.set(dut.data, value)
                ctx.set(dut.write, 1)
                end = left == 0
                late = rng.random() < 0.3
                good = end and rng.random() < 0.7
                ctx.set(dut.commit, good and not late)
                ctx.set(dut.rewind, end and not good)
                await ctx.tick("here")
                ctx.set(dut.write, 0)
                ctx.set(dut.rewind, 0)
                if good:
                    expected.extend(trial)
                    ctx.set(dut.commit, late)
                    await ctx.tick("here")
                ctx.set(dut.commit, 0)
                fullest = max(fullest, len(expected) - len(taken))
        while len(taken) < len(expected):
            await ctx.tick("here")
        await ctx.tick("there").repeat(20)

    async def read(ctx) -> None:
        offered = None
        while True:
            ready = rng.random() >= stall
            ctx.set(dut.o.ready, ready)
            _, _, valid, payload = await ctx.tick("there").sample(dut.o.valid, dut.o.payload)
            assert offered is None or (valid and payload == offered)
            offered = payload if valid and not ready else None
            if valid and ready:
                taken.append(payload)

    simulate(dut, periods, write, background=[read])
    assert taken == expected
    assert len(expected) > 200
    if stall == 0.9:
        assert fullest >= depth


@pytest.mark.parametrize("periods", PERIODS[:3])
def test_what_is_committed_at_once_follows_without_a_pause(periods: tuple[int, int]) -> None:
    dut = Crossing(8, 250, i_domain="here", o_domain="there")
    clocks = []

    async def write(ctx) -> None:
        ctx.set(dut.write, 1)
        for value in range(200):
            ctx.set(dut.data, value)
            ctx.set(dut.commit, value == 199)
            assert not ctx.get(dut.full)
            assert not ctx.get(dut.o.valid)
            await ctx.tick("here")
        ctx.set(dut.write, 0)
        ctx.set(dut.commit, 0)

    async def read(ctx) -> None:
        ctx.set(dut.o.ready, 1)
        for clock in range(600):
            _, _, valid, payload = await ctx.tick("there").sample(dut.o.valid, dut.o.payload)
            if valid:
                assert payload == len(clocks)
                clocks.append(clock)

    simulate(dut, periods, write, read)
    assert len(clocks) == 200
    assert clocks[-1] - clocks[0] == 199


def test_it_holds_what_it_promises_and_then_is_full() -> None:
    dut = Crossing(8, 60, i_domain="here", o_domain="there")

    async def write(ctx) -> None:
        ctx.set(dut.commit, 1)
        for value in range(60):
            assert not ctx.get(dut.full)
            ctx.set(dut.write, 1)
            ctx.set(dut.data, value)
            await ctx.tick("here")
            ctx.set(dut.write, 0)
            await ctx.tick("here").repeat(3)
        for _ in range(40):  # what was read ahead
            ctx.set(dut.write, ~ctx.get(dut.full))
            await ctx.tick("here")
            ctx.set(dut.write, 0)
            await ctx.tick("here").repeat(12)
        assert ctx.get(dut.full)

    simulate(dut, (10, 10), write)
