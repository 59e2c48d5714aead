"""The table loader: words for the spare bank, the swap, checksums, what is refused."""

import random
import zlib

import pytest
from registerhost import Host, RefusedError
from streambench import simulate

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.control.control import Control
from hybridmesh.rtl.control.table import TableLoader

GEOMETRY = Geometry(rows=64, path_bytes=16, hosts=16, predicates=16)
UNEVEN = Geometry(rows=64, path_bytes=16, hosts=16, predicates=32)
"""Of its spaces, one has a number of words that is no power of two."""


def with_host(test, geometry: Geometry = GEOMETRY) -> None:
    control = Control(geometry, frames=8)

    async def testbench(ctx) -> None:
        await test(ctx, control, Host(ctx, control.bus))

    simulate(control, testbench)


async def pulse(ctx, *signals) -> None:
    for signal in signals:
        ctx.set(signal, 1)
    await ctx.tick()
    for signal in signals:
        ctx.set(signal, 0)


def crc(*words: int) -> int:
    return zlib.crc32(b"".join(word.to_bytes(4, "little") for word in words))


def test_words_go_to_the_spare_bank_at_rising_addresses() -> None:
    async def test(ctx, control, host) -> None:
        table = control.table
        await host.write("table_address", 0x0300_0010)
        seen = []
        for word in (11, 22, 33):
            await host.write("table_data", word)
            seen.append(tuple(ctx.get(x) for x in (table.space, table.word, table.data)))
            assert ctx.get(table.en)
            assert ctx.get(table.bank) != ctx.get(control.context.bank)
        assert seen == [(3, 0x10, 11), (3, 0x11, 22), (3, 0x12, 33)]
        assert await host.read("table_address") == 0x0300_0013
        assert not ctx.get(table.en)
        await host.write("table_commit", 1)
        await host.write("table_data", 44)
        assert ctx.get(table.bank) == 0
        assert ctx.get(control.context.bank) == 1

    with_host(test)


def test_a_word_just_before_the_commit_goes_to_the_bank_that_was_spare() -> None:
    async def test(ctx, control, host) -> None:
        await host.write("table_data", 5)
        assert (ctx.get(control.table.en), ctx.get(control.table.bank)) == (1, 1)
        await host.write("table_commit", 1)
        assert not ctx.get(control.table.en)
        await ctx.tick()
        assert await host.read("table_checksum") == crc(5)

    with_host(test)


@pytest.mark.parametrize("geometry", [GEOMETRY, UNEVEN], ids=["even", "uneven"])
def test_a_word_beyond_a_space_is_refused_and_changes_nothing(geometry: Geometry) -> None:
    async def test(ctx, control, host) -> None:
        for space in geometry.spaces:
            last = space.base + space.words - 1
            await host.write("table_begin", 0)
            await host.write("table_address", last)
            await host.write("table_data", 1)
            with pytest.raises(RefusedError):
                await host.write("table_data", 2)
            assert not ctx.get(control.table.en)
            assert await host.read("table_address") == last + 1
            assert await host.read("spare_checksum") == crc(last, 1)
            for beyond in (0xFFFFFF, 0x800000 | space.words - 1):
                await host.write("table_address", space.base | beyond)
                with pytest.raises(RefusedError):
                    await host.write("table_data", 2)

    with_host(test, geometry)


def test_the_uneven_table_is_uneven() -> None:
    assert [space.words for space in GEOMETRY.spaces if space.words & (space.words - 1)] == []
    assert [space.words for space in UNEVEN.spaces if space.words & (space.words - 1)] == [384]


def test_an_epoch_has_16_bits() -> None:
    async def test(ctx, control, host) -> None:
        for epoch in (0xFFFF, 0, 0x8001, 0x7FFE):
            await host.write("table_commit", epoch)
            assert ctx.get(control.context.epoch) == epoch
            assert await host.field("status", "epoch") == epoch

    with_host(test)


def test_a_space_that_the_table_does_not_have_is_refused() -> None:
    async def test(ctx, control, host) -> None:
        known = {space.number for space in GEOMETRY.spaces}
        for number in range(256):
            await host.write("table_address", number << 24)
            if number in known:
                await host.write("table_data", 1)
            else:
                with pytest.raises(RefusedError):
                    await host.write("table_data", 1)

    with_host(test)


@pytest.mark.parametrize("under_way", [0, 1, 3])
def test_a_commit_is_pending_until_the_frames_before_it_have_their_verdicts(under_way: int) -> None:
    async def test(ctx, control, host) -> None:
        async def state() -> tuple[int, int]:
            return await host.field("status", "epoch"), await host.field("status", "pending")

        for _ in range(under_way):
            await pulse(ctx, control.started)
        await host.write("table_commit", 300)
        for left in range(under_way, 0, -1):
            assert await state() == (300, 1), left
            await pulse(ctx, control.started)  # a frame of the new table
            assert await state() == (300, 1), left
            with pytest.raises(RefusedError):
                await host.write("table_data", left)
            await pulse(ctx, control.judged)
        assert await state() == (300, 0)
        await host.write("table_data", 1)
        for _ in range(under_way):
            await pulse(ctx, control.judged)
        assert await state() == (300, 0)

    with_host(test)


def test_pending_ends_two_clocks_after_the_last_verdict() -> None:
    loader = TableLoader(GEOMETRY, frames=8)

    async def test(ctx) -> None:
        await pulse(ctx, loader.started)
        await pulse(ctx, loader.table_commit.w_en)
        await ctx.tick().repeat(3)
        ctx.set(loader.judged, 1)
        seen = []
        for _ in range(4):
            seen.append((await ctx.tick().sample(loader.pending))[2])
            ctx.set(loader.judged, 0)
        assert seen == [1, 1, 0, 0]

    simulate(loader, test)


@pytest.mark.parametrize(
    ("before", "started", "judged", "pending"),
    [(0, 1, 0, 1), (1, 0, 1, 0), (1, 1, 1, 1), (0, 0, 0, 0)],
)
def test_a_frame_that_starts_or_ends_with_the_commit_counts(
    before: int, started: int, judged: int, pending: int
) -> None:
    async def test(ctx, control, host) -> None:
        for _ in range(before):
            await pulse(ctx, control.started)
        await host.put("table_commit", 2)
        ctx.set(control.started, started)
        ctx.set(control.judged, judged)
        await ctx.tick()
        ctx.set(control.started, 0)
        ctx.set(control.judged, 0)
        assert await host.field("status", "pending") == pending

    with_host(test)


def test_a_commit_while_another_is_pending_waits_for_the_frames_of_both_tables() -> None:
    async def test(ctx, control, host) -> None:
        await pulse(ctx, control.started)
        await host.write("table_commit", 1)
        await pulse(ctx, control.started)
        await host.write("table_commit", 2)
        assert (ctx.get(control.context.bank), ctx.get(control.context.epoch)) == (0, 2)
        await pulse(ctx, control.judged)
        assert await host.field("status", "pending") == 1
        await pulse(ctx, control.judged)
        assert await host.field("status", "pending") == 0

    with_host(test)


def test_each_bank_has_the_checksum_of_its_load() -> None:
    rng = random.Random(1)
    loads = [[rng.getrandbits(32) for _ in range(count)] for count in (1, 30, 7, 0, 12)]

    async def test(ctx, control, host) -> None:
        assert await host.read("table_checksum") == await host.read("spare_checksum") == 0
        in_use = spare = 0
        for epoch, words in enumerate(loads, 1):
            if words:
                spare = crc(0x0200_0000 + epoch, *words)
                await host.write("table_address", 0x0200_0000 + epoch)
            for word in words:
                await host.write("table_data", word)
            await ctx.tick()
            assert await host.read("spare_checksum") == spare
            assert await host.read("table_checksum") == in_use
            await host.write("table_commit", epoch)
            await ctx.tick()
            in_use, spare = spare, in_use
            assert await host.read("table_checksum") == in_use
            assert await host.read("spare_checksum") == spare

    with_host(test)


def test_a_load_that_broke_off_is_not_in_the_checksum_of_the_next() -> None:
    async def test(ctx, control, host) -> None:
        for word in (1, 2, 3):
            await host.write("table_data", word)
        await host.write("table_begin", 0)
        await ctx.tick()
        assert await host.read("spare_checksum") == 0
        await host.write("table_address", 0x0100_0000)
        await host.write("table_data", 9)
        await ctx.tick()
        assert await host.read("spare_checksum") == crc(0x0100_0000, 9)
        await host.write("table_commit", 1)
        await host.write("table_begin", 0)
        await ctx.tick()
        assert await host.read("table_checksum") == crc(0x0100_0000, 9)
        assert await host.read("spare_checksum") == 0

    with_host(test)
