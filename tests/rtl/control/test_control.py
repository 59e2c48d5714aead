"""What is behind the registers: the build's sizes, switches, table loader, bank swap, counters."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from streambench import simulate

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import COUNTERS, MAGIC, VERSION, register
from hybridmesh.contract.verdict import SHIM, Flag, Verdict
from hybridmesh.rtl.control.control import Control
from hybridmesh.rtl.control.counters import Events, verdict_events
from hybridmesh.rtl.layout import frame_verdict

GEOMETRY = Geometry(
    width=4, rows=1024, path_bytes=256, host_bytes=32, header_bytes=128, hosts=128, predicates=64
)


class Host:
    """The register bus as the host uses it."""

    def __init__(self, ctx, control: Control) -> None:
        self.ctx, self.bus = ctx, control.bus

    async def write(self, name: str, word: int) -> None:
        self.ctx.set(self.bus.w_address, register(name).address)
        self.ctx.set(self.bus.w_data, word)
        self.ctx.set(self.bus.w_en, 1)
        await self.ctx.tick()
        self.ctx.set(self.bus.w_en, 0)

    async def read(self, name: str) -> int:
        self.ctx.set(self.bus.r_address, register(name).address)
        self.ctx.set(self.bus.r_en, 1)
        await self.ctx.tick()
        self.ctx.set(self.bus.r_en, 0)
        return self.ctx.get(self.bus.r_data)

    async def status(self) -> tuple[int, int]:
        word = await self.read("status")
        return tuple(register("status").field(name).get(word) for name in ("epoch", "pending"))


def with_host(test) -> None:
    control = Control(GEOMETRY, frames=8)

    async def testbench(ctx) -> None:
        await test(ctx, control, Host(ctx, control))

    simulate(control, testbench)


def test_the_sizes_of_the_build_are_there_to_read() -> None:
    async def test(ctx, control, host) -> None:
        assert await host.read("id") == MAGIC
        assert await host.read("version") == VERSION
        assert await host.read("geometry_a") == 4 | 1024 << 8 | 64 << 20
        assert await host.read("geometry_b") == 256 | 32 << 10 | 128 << 20
        assert await host.read("geometry_c") == 128 | 2048 << 8

    with_host(test)


def test_switches_are_off_at_first_and_read_back_as_written() -> None:
    async def test(ctx, control, host) -> None:
        assert await host.read("control") == 0
        assert await host.read("listen_port") == 0
        await host.write("control", 0xFFFFFFFF)
        await host.write("listen_port", 0xABCD1F90)
        assert await host.read("control") == 1
        assert await host.read("listen_port") == 0x1F90
        assert ctx.get(control.context.port) == 0x1F90

    with_host(test)


def test_matching_is_on_with_the_switch_and_a_table() -> None:
    async def test(ctx, control, host) -> None:
        await host.write("control", 1)
        assert not ctx.get(control.context.enable)
        await host.write("table_commit", 9)
        assert ctx.get(control.context.enable)
        assert ctx.get(control.context.epoch) == 9
        await host.write("control", 0)
        assert not ctx.get(control.context.enable)

    with_host(test)


def test_words_go_to_the_spare_bank_at_rising_addresses() -> None:
    async def test(ctx, control, host) -> None:
        table = control.table
        await host.write("table_address", 0x03FFFFFE)
        seen = []
        for word in (11, 22, 33):
            await host.write("table_data", word)
            seen.append(tuple(ctx.get(x) for x in (table.space, table.word, table.data)))
            assert ctx.get(table.en)
            assert ctx.get(table.bank) != ctx.get(control.context.bank)
        assert seen == [(3, 0xFFFFFE, 11), (3, 0xFFFFFF, 22), (4, 0, 33)]
        assert await host.read("table_address") == 0x04000001
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

    with_host(test)


@pytest.mark.parametrize("under_way", [0, 1, 3])
def test_a_commit_is_pending_until_the_frames_before_it_have_their_verdicts(under_way: int) -> None:
    async def test(ctx, control, host) -> None:
        async def pulse(*names: str) -> None:
            for name in names:
                ctx.set(getattr(control, name), 1)
            await ctx.tick()
            for name in names:
                ctx.set(getattr(control, name), 0)

        for _ in range(under_way):
            await pulse("started")
        await host.write("table_commit", 300)
        for left in range(under_way, 0, -1):
            assert await host.status() == (300, 1), left
            await pulse("started")  # a frame of the new table
            assert await host.status() == (300, 1), left
            await pulse("judged")
        assert await host.status() == (300, 0)
        for _ in range(under_way):
            await pulse("judged")
        assert await host.status() == (300, 0)

    with_host(test)


@pytest.mark.parametrize(
    ("before", "started", "judged", "pending"),
    [(0, 1, 0, 1), (1, 0, 1, 0), (1, 1, 1, 1), (0, 0, 0, 0)],
)
def test_a_frame_that_starts_or_ends_with_the_commit_counts(
    before: int, started: int, judged: int, pending: int
) -> None:
    async def test(ctx, control, host) -> None:
        for _ in range(before):
            ctx.set(control.started, 1)
            await ctx.tick()
        ctx.set(control.started, started)
        ctx.set(control.judged, judged)
        await host.write("table_commit", 2)
        ctx.set(control.started, 0)
        ctx.set(control.judged, 0)
        assert await host.status() == (2, pending)

    with_host(test)


def test_each_event_is_counted_by_its_own_counter() -> None:
    async def test(ctx, control, host) -> None:
        for n, counter in enumerate(COUNTERS):
            ctx.set(control.events, {counter.name: 1})
            for _ in range(n + 1):
                await ctx.tick()
            ctx.set(control.events, {})
        assert [await host.read(c.name) for c in COUNTERS] == list(range(1, len(COUNTERS) + 1))

    with_host(test)


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (Flag.DECIDED | Flag.TOUCH | Flag.MORE_DATA, "decided"),
        (Flag.PROVISIONAL | Flag.BODY_LENGTH, "provisional"),
        (Flag.UNDECIDED, "undecided"),
        (Flag.MALFORMED, "malformed"),
        (None, "passed"),
        ("drop", "spoofed"),
    ],
)
def test_a_verdict_is_one_event(flags: object, name: str) -> None:
    inserted = isinstance(flags, Flag)
    shim = SHIM.pack(Verdict(flags=flags)) if inserted else bytes(40)
    verdict, happened = Signal(frame_verdict()), Signal(Events)
    m = Module()
    m.d.comb += [happened[name].eq(high) for name, high in verdict_events(verdict).items()]

    async def testbench(ctx) -> None:
        word = int.from_bytes(shim, "little")
        ctx.set(verdict, {"insert": inserted, "drop": flags == "drop", "shim": word})
        assert [c.name for c in COUNTERS if ctx.get(happened)[c.name]] == [name]

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
