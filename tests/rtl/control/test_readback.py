"""The table reader: words of either bank, from a memory that answers when it can."""

import random

import pytest
from registerhost import Host, RefusedError
from streambench import simulate

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import register
from hybridmesh.rtl.control.control import Control

GEOMETRY = Geometry(rows=64, path_bytes=16, hosts=16, predicates=16)
FIELDS = {bits.name: bits for bits in register("read_address").bits}


def address(space: int, word: int, spare: int = 0) -> int:
    parts = {"space": space, "word": word, "spare": spare}
    return sum(FIELDS[name].put(value) for name, value in parts.items())


def value(bank: int, space: int, word: int) -> int:
    """What stands in the memory there."""
    return (bank << 31 | space << 24 | word) ^ 0x55AA_1234


class Memory:
    """Answers each word that is asked for after *wait()* clocks, and watches how it is asked."""

    def __init__(self, ask, wait) -> None:
        self._ask, self._wait = ask, wait
        self.asked: list[tuple[int, int, int]] = []
        self.finished = False

    async def run(self, ctx) -> None:
        ask = self._ask
        while not self.finished:
            await ctx.tick()
            if not ctx.get(ask.en):
                continue
            where = ctx.get(ask.bank), ctx.get(ask.space), ctx.get(ask.word)
            for _ in range(self._wait()):
                await ctx.tick()
            assert ctx.get(ask.en), "taken back before its answer"
            assert where == (ctx.get(ask.bank), ctx.get(ask.space), ctx.get(ask.word))
            self.asked.append(where)
            ctx.set(ask.done, 1)
            ctx.set(ask.data, value(*where))
            await ctx.tick()
            ctx.set(ask.done, 0)
            ctx.set(ask.data, 0)
            assert not ctx.get(ask.en), "stands after its answer"


def with_memory(test, wait=lambda: 0) -> None:
    control = Control(GEOMETRY, frames=8)
    memory = Memory(control.ask, wait)

    async def testbench(ctx) -> None:
        await test(ctx, memory, Host(ctx, control.bus))
        memory.finished = True

    simulate(control, testbench, memory.run)


async def ready(host: Host) -> None:
    while await host.field("status", "reading"):
        pass


@pytest.mark.parametrize("most", [0, 1, 5, 40])
def test_words_are_read_one_after_the_other_however_long_each_takes(most: int) -> None:
    rng = random.Random(most)

    async def test(ctx, memory, host) -> None:
        for space in GEOMETRY.spaces:
            count = min(space.words, 4)
            start = rng.randrange(space.words - count + 1)
            await host.write("read_address", address(space.number, start))
            for word in range(start, start + count):
                await ready(host)
                assert await host.read("read_address") == address(space.number, word)
                assert await host.read("read_data") == value(0, space.number, word)
            await ready(host)
        assert len(memory.asked) > 4 * (len(GEOMETRY.spaces) - 1)

    with_memory(test, lambda: rng.randint(0, most))


def test_each_bank_is_read_as_it_is_used_when_it_is_asked_for() -> None:
    async def test(ctx, memory, host) -> None:
        for bank in (0, 1, 0):
            for spare in (0, 1):
                await host.write("read_address", address(1, 7, spare))
                await ready(host)
                assert await host.read("read_data") == value(bank ^ spare, 1, 7)
                await ready(host)
            await host.write("table_commit", 1)

    with_memory(test)


def test_reading_ends_with_the_space() -> None:
    async def test(ctx, memory, host) -> None:
        for space in GEOMETRY.spaces:
            memory.asked.clear()
            last = space.words - 1
            await host.write("read_address", address(space.number, last, 1))
            await ready(host)
            assert await host.read("read_data") == value(1, space.number, last)
            await ready(host)
            with pytest.raises(RefusedError):
                await host.read("read_data")
            assert memory.asked == [(1, space.number, last)]
            await host.write("read_address", address(space.number, 0))
            await ready(host)
            assert await host.read("read_data") == value(0, space.number, 0)
            await ready(host)

    with_memory(test)


def test_nobody_is_asked_for_a_word_that_the_table_does_not_have() -> None:
    async def test(ctx, memory, host) -> None:
        with pytest.raises(RefusedError):
            await host.read("read_data")  # none was asked for
        beyond = {space.number: space.words for space in GEOMETRY.spaces}
        for space in range(128):
            await host.write("read_address", address(space, beyond.get(space, 0)))
            await ready(host)
            with pytest.raises(RefusedError):
                await host.read("read_data")
        assert memory.asked == []

    with_memory(test)


def test_a_word_that_is_being_read_cannot_be_taken_or_changed() -> None:
    async def test(ctx, memory, host) -> None:
        await host.write("read_address", address(0, 3))
        for _ in range(8):
            assert await host.field("status", "reading")
            with pytest.raises(RefusedError):
                await host.read("read_data")
            with pytest.raises(RefusedError):
                await host.write("read_address", address(2, 9))
        await ready(host)
        assert await host.read("read_data") == value(0, 0, 3)

    with_memory(test, lambda: 60)
