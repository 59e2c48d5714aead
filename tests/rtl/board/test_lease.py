"""The lease: matching is switched off when it ends, and at no other time."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from registerhost import Host
from streambench import simulate

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.board.lease import Lease
from hybridmesh.rtl.board.registers import BoardRegisters
from hybridmesh.rtl.control.control import Control
from hybridmesh.rtl.control.registers import RegisterBus, share

MILLISECOND = 10


class Leased(wiring.Component):
    """The registers of a NIC and of a board behind a lease of short milliseconds."""

    def __init__(self) -> None:
        super().__init__({"bus": In(RegisterBus)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.lease = lease = Lease(MILLISECOND)
        m.submodules.control = control = Control(Geometry(width=1, rows=32), frames=8)
        m.submodules.registers = registers = BoardRegisters()
        wiring.connect(m, wiring.flipped(self.bus), lease.i)
        wiring.connect(m, registers.lease, lease.lease)
        share(m, lease.o, control.bus, registers.bus)
        return m


def with_host(test) -> None:
    leased = Leased()

    async def testbench(ctx) -> None:
        await test(ctx, Host(ctx, leased.bus))

    simulate(leased, testbench)


def test_a_nic_that_was_never_leased_goes_on():
    async def test(ctx, host) -> None:
        await host.write("control", 1)
        await ctx.tick().repeat(20 * MILLISECOND)
        assert (await host.read("control"), await host.read("lease")) == (1, 0)

    with_host(test)


def test_matching_ends_so_many_milliseconds_after_the_lease_was_written_last():
    async def test(ctx, host) -> None:
        await host.write("control", 1)
        for _ in range(5):
            await host.write("lease", 3)
            await ctx.tick().repeat(3 * MILLISECOND - 8)
            assert await host.read("lease") == 1
            assert await host.read("control") == 1
        await ctx.tick().repeat(8)
        assert (await host.read("control"), await host.read("lease")) == (0, 0)
        await host.write("control", 1)
        await ctx.tick().repeat(20 * MILLISECOND)
        assert await host.read("control") == 1

    with_host(test)


def test_a_lease_of_no_time_ends_none():
    async def test(ctx, host) -> None:
        await host.write("control", 1)
        await host.write("lease", 2)
        await host.write("lease", 0)
        await ctx.tick().repeat(20 * MILLISECOND)
        assert await host.read("control") == 1

    with_host(test)


def test_a_host_that_writes_all_the_time_loses_no_word_and_is_switched_off_behind_them():
    async def test(ctx, host) -> None:
        await host.write("control", 1)
        await host.write("lease", 1)
        bus = host.bus
        ctx.set(bus.w_en, 1)
        ctx.set(bus.w_address, 0x080)  # listen_port_0
        for n in range(3 * MILLISECOND):
            ctx.set(bus.w_data, n)
            await ctx.tick()
            assert not ctx.get(bus.w_error)
        ctx.set(bus.w_en, 0)
        assert await host.read("control") == 1
        await ctx.tick()
        assert await host.read("listen_port_0") == 3 * MILLISECOND - 1
        assert await host.read("control") == 0
        await host.write("control", 1)
        assert await host.read("control") == 1

    with_host(test)


def test_a_lease_lasts_as_long_whenever_it_is_written():
    dut = Lease(MILLISECOND)
    lasted = []

    async def testbench(ctx) -> None:
        for phase in range(MILLISECOND):
            await ctx.tick().repeat(2 * MILLISECOND + phase)
            ctx.set(dut.lease.w_data.left, 2)
            ctx.set(dut.lease.w_en, 1)
            await ctx.tick()
            ctx.set(dut.lease.w_en, 0)
            clocks = 0
            while ctx.get(dut.lease.r_data.left):
                await ctx.tick()
                clocks += 1
            lasted.append(clocks)

    simulate(dut, testbench)
    assert lasted == [2 * MILLISECOND] * MILLISECOND
