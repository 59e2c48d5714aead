"""A board's registers: every counter counts its own event, and the links are what the PHYs tell."""

import pytest
from registerhost import Host, RefusedError
from streambench import simulate

from hybridmesh.contract.registers import BOARD_COUNTERS, BOARD_REGISTERS, LINKS, PORTS, register
from hybridmesh.rtl.board.registers import BoardRegisters
from hybridmesh.rtl.ethernet.gmii import Speed


def with_host(test) -> None:
    registers = BoardRegisters()

    async def testbench(ctx) -> None:
        await test(ctx, registers, Host(ctx, registers.bus))

    simulate(registers, testbench)


def test_every_counter_counts_the_clocks_of_its_own_event() -> None:
    async def test(ctx, registers, host) -> None:
        for n, counter in enumerate(BOARD_COUNTERS, 1):
            ctx.set(registers.events[counter.name], 1)
            await ctx.tick().repeat(n)
            ctx.set(registers.events[counter.name], 0)
        counted = [await host.read(counter.name) for counter in BOARD_COUNTERS]
        assert counted == list(range(1, len(BOARD_COUNTERS) + 1))

    with_host(test)


def test_the_links_are_told_port_by_port() -> None:
    async def test(ctx, registers, host) -> None:
        assert await host.read("links") == 0
        told = {"link": (1, 0), "speed": (Speed.M1000, Speed.M100), "duplex": (0, 1)}
        for name, values in told.items():
            for port, value in zip(PORTS, values, strict=True):
                ctx.set(getattr(registers, port)[name], value)
        for name, values in told.items():
            for port, value in zip(PORTS, values, strict=True):
                number = value.value if isinstance(value, Speed) else value
                assert await host.field(LINKS.name, f"{port}_{name}") == number

    with_host(test)


def test_any_other_address_is_an_error_and_reads_as_zero() -> None:
    known = {r.address for r in BOARD_REGISTERS}

    async def test(ctx, registers, host) -> None:
        ctx.set(registers.wire.link, 1)
        assert await host.read("links") == 1
        for address in range(0, 0x400, 4):
            if address not in known:
                ctx.set(host.bus.r_address, address)
                ctx.set(host.bus.r_en, 1)
                await ctx.tick()
                ctx.set(host.bus.r_en, 0)
                await ctx.tick()
                assert (ctx.get(host.bus.r_error), ctx.get(host.bus.r_data)) == (1, 0)

    with_host(test)


@pytest.mark.parametrize("name", ["links", "wire_rx_frames", "control_missed"])
def test_none_can_be_written(name: str) -> None:
    assert register(name) in BOARD_REGISTERS

    async def test(ctx, registers, host) -> None:
        with pytest.raises(RefusedError):
            await host.write(name, 1)
        assert await host.read(name) == 0

    with_host(test)
