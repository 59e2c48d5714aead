"""What is behind the registers: the build's sizes, switches, counters, the table's state."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from registerhost import Host, RefusedError
from streambench import simulate

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import COUNTERS, LISTENERS, MAGIC, VERSION
from hybridmesh.contract.verdict import SHIM, Flag, Verdict
from hybridmesh.rtl.control.control import Control
from hybridmesh.rtl.control.counters import Events, verdict_events
from hybridmesh.rtl.layout import frame_verdict

GEOMETRY = Geometry(
    width=4, rows=1024, path_bytes=256, host_bytes=32, header_bytes=128, hosts=128, predicates=64
)


def with_host(test) -> None:
    control = Control(GEOMETRY, frames=8)

    async def testbench(ctx) -> None:
        await test(ctx, control, Host(ctx, control.bus))

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
        for listener in range(LISTENERS):
            assert await host.read(f"listen_port_{listener}") == 0
        await host.write("control", 0xFFFFFFFF)
        for listener in range(LISTENERS):
            await host.write(f"listen_port_{listener}", 0xABCD1F90 + listener)
        assert await host.read("control") == 1
        for listener in range(LISTENERS):
            assert await host.read(f"listen_port_{listener}") == 0x1F90 + listener
            assert ctx.get(control.ports[listener]) == 0x1F90 + listener

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


def test_the_state_of_the_table_is_there_to_read() -> None:
    async def test(ctx, control, host) -> None:
        ctx.set(control.started, 1)
        await ctx.tick()
        ctx.set(control.started, 0)
        assert await host.read("status") == 0
        await host.write("table_commit", 300)
        await host.write("read_address", 5)
        assert await host.read("status") == 300 | 1 << 16 | 1 << 17
        assert ctx.get(control.ask.en)
        assert (ctx.get(control.ask.word), ctx.get(control.ask.bank)) == (5, 1)
        ctx.set(control.ask.done, 1)
        ctx.set(control.ask.data, 77)
        ctx.set(control.judged, 1)
        await ctx.tick()
        assert await host.read("status") == 300
        assert await host.read("read_data") == 77

    with_host(test)


def test_what_is_told_of_connections_passes_to_its_owner_unless_he_is_busy() -> None:
    async def test(ctx, control, host) -> None:
        ports = {"flow_hash": control.flow_hash, "flow_syn": control.flow_syn}
        for name, port in ports.items():
            await host.write(name, 0x89ABCDEF)
            assert ctx.get(port.w_data.word) == 0x89ABCDEF
        ctx.set(control.telling, 1)
        assert await host.read("status") == 1 << 18
        for name, port in ports.items():
            ctx.set(port.w_refuse, 1)
            with pytest.raises(RefusedError):
                await host.write(name, 1)
        ctx.set(control.flow_hash.r_data.word, 0x12345678)
        assert await host.read("flow_hash") == 0x12345678
        with pytest.raises(RefusedError):
            await host.read("flow_syn")

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
        ("drop", None),
    ],
)
def test_a_verdict_is_one_event_or_a_drop_none(flags: object, name: str | None) -> None:
    inserted = isinstance(flags, Flag)
    shim = SHIM.pack(Verdict(flags=flags if inserted else Flag.DECIDED))
    verdict, happened = Signal(frame_verdict()), Signal(Events)
    m = Module()
    m.d.comb += [happened[name].eq(high) for name, high in verdict_events(verdict).items()]

    async def testbench(ctx) -> None:
        word = int.from_bytes(shim, "little")
        ctx.set(verdict, {"insert": inserted, "drop": flags == "drop", "shim": word})
        expected = [] if name is None else [name]
        assert [c.name for c in COUNTERS if ctx.get(happened)[c.name]] == expected

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
