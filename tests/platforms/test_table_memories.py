"""Table memories of block RAMs against a list: random writes and reads, enabled and not."""

import random

import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator
from blockram import Dp16kd

from hybridmesh.platforms.ecp5 import BlockTableMemory, TableMemories
from hybridmesh.platforms.ecp5 import memory as ecp5
from hybridmesh.rtl.ethernet.places import CrossingMemory
from hybridmesh.rtl.memory import TableMemory

SIZES = {
    # columns, entries: blocks
    (100, 256): 3,
    (36, 512): 1,
    (64, 512): 2,
    (20, 1024): 2,
    (18, 300): 1,
    (8, 700): 1,
    (32, 2048): 4,
    (9, 1024): 1,
    (10, 4096): 4,
    (7, 3000): 2,
}


@pytest.mark.parametrize(("columns", "entries"), SIZES)
def test_it_reads_what_was_written_and_zero_where_it_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, columns: int, entries: int
) -> None:
    monkeypatch.setattr(ecp5, "Instance", Dp16kd)
    dut = BlockTableMemory(columns, entries)
    rng = random.Random(f"{columns}x{entries}")
    # few addresses, so that what is read was written, and all that differ from one by one bit
    addresses = [0, entries - 1, *(1 << bit for bit in range((entries - 1).bit_length()))]

    async def bench(ctx) -> None:
        held = [0] * entries
        expected = [0, 0]
        for _ in range(300):
            address, value = rng.choice(addresses), rng.getrandbits(columns)
            write, read = rng.random() < 0.5, rng.random() < 0.7
            asked = rng.choice([a for a in addresses if a != address])
            ctx.set(dut.w_en, write)
            ctx.set(dut.w_addr, address)
            ctx.set(dut.w_data, value)
            ctx.set(dut.r_en, read)
            ctx.set(dut.r_addr, asked)
            assert ctx.get(dut.r_data) == expected.pop(0)
            expected.append(held[asked] if read else 0)
            if write:
                held[address] = value
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(("size", "blocks"), SIZES.items())
def test_it_takes_no_more_blocks_than_the_cheapest_shape(
    size: tuple[int, int], blocks: int
) -> None:
    assert BlockTableMemory(*size).blocks == blocks


@pytest.mark.parametrize("distributed", [True, False])
def test_a_platform_with_block_rams_gives_them_to_all_but_the_distributed_memories(
    monkeypatch: pytest.MonkeyPatch, distributed: bool
) -> None:
    built = []

    def instance(*arguments, **pins) -> Dp16kd:
        built.append(arguments)
        return Dp16kd(*arguments, **pins)

    monkeypatch.setattr(ecp5, "Instance", instance)
    dut = TableMemory(40, 64, distributed=distributed)
    Fragment.get(dut, TableMemories()).prepare()
    assert built == ([] if distributed else [("DP16KD",)] * 2)


@pytest.mark.parametrize(
    ("here", "there"), [("here", "there"), ("sync", "there"), ("here", "sync")]
)
@pytest.mark.parametrize(("columns", "entries"), [(10, 1024), (9, 2048), (9, 4096)])
def test_a_memory_between_two_clocks_is_written_by_one_and_read_by_the_other(
    monkeypatch: pytest.MonkeyPatch, columns: int, entries: int, here: str, there: str
) -> None:
    monkeypatch.setattr(ecp5, "Instance", Dp16kd)
    memory = CrossingMemory(columns, entries, w_domain=here, r_domain=there)
    rng = random.Random(f"{columns}x{entries}")
    places = sorted({0, 1, entries - 1, *(rng.randrange(entries) for _ in range(30))})
    held = {place: rng.getrandbits(columns) for place in places}

    async def write(ctx) -> None:
        ctx.set(memory.w_en, 1)
        for place, value in held.items():
            ctx.set(memory.w_addr, place)
            ctx.set(memory.w_data, value)
            await ctx.tick(here)
        ctx.set(memory.w_en, 0)

    async def read(ctx) -> None:
        await ctx.tick(there).repeat(4 * len(places))
        found = []
        for place in [*places, 0, 0]:
            ctx.set(memory.r_addr, place)
            await ctx.tick(there)
            found.append(ctx.get(memory.r_data))
        assert found[1:-1] == list(held.values())

    simulator = Simulator(Fragment.get(memory, TableMemories()))
    simulator.add_clock(1e-6, domain=here)
    simulator.add_clock(0.37e-6, domain=there)
    simulator.add_testbench(write)
    simulator.add_testbench(read)
    simulator.run()
