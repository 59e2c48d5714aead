"""AXI4-Lite to the register map: every register of the contract, errors, throughput, stalls."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from streambench import simulate

from hybridmesh.contract.registers import COUNTERS, REGISTERS, Access, register
from hybridmesh.rtl.control.axi import OKAY, SLVERR, AxiLite, AxiLiteBridge
from hybridmesh.rtl.control.registers import RegisterMap


class Dut(wiring.Component):
    """The bridge and the map, registers that hold a value of their own."""

    def __init__(self) -> None:
        self.map = RegisterMap()
        super().__init__({"axi": wiring.In(AxiLite)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bridge = bridge = AxiLiteBridge()
        m.submodules.map = self.map
        wiring.connect(m, wiring.flipped(self.axi), bridge.axi)
        wiring.connect(m, bridge.bus, self.map.bus)
        for r in REGISTERS:
            if r.access is not Access.WRITE:
                m.d.comb += getattr(self.map, r.name).r_data.eq(value_of(r))
        return m


def value_of(r) -> int:
    return 0x5A000000 | r.address


async def write(ctx, axi, address: int, data: int, *, strobe: int = 15, late: int = 0) -> int:
    """One write, the data *late* clocks after the address; gives the response."""
    ctx.set(axi.awaddr, address)
    ctx.set(axi.awvalid, 1)
    for _ in range(late):
        await ctx.tick()
    ctx.set(axi.wdata, data)
    ctx.set(axi.wstrb, strobe)
    ctx.set(axi.wvalid, 1)
    await ctx.tick().until(axi.awready & axi.wready)
    ctx.set(axi.awvalid, 0)
    ctx.set(axi.wvalid, 0)
    ctx.set(axi.bready, 1)
    (response,) = await ctx.tick().sample(axi.bresp).until(axi.bvalid)
    ctx.set(axi.bready, 0)
    return response


async def read(ctx, axi, address: int, *, late: int = 0) -> tuple[int, int]:
    """One read, the response taken *late* clocks after it could be."""
    ctx.set(axi.araddr, address)
    ctx.set(axi.arvalid, 1)
    await ctx.tick().until(axi.arready)
    ctx.set(axi.arvalid, 0)
    for _ in range(late):
        await ctx.tick()
    ctx.set(axi.rready, 1)
    data, response = await ctx.tick().sample(axi.rdata, axi.rresp).until(axi.rvalid)
    ctx.set(axi.rready, 0)
    return data, response


def test_every_register_is_read_at_its_address_or_refused() -> None:
    dut = Dut()

    async def testbench(ctx) -> None:
        for late, r in enumerate(REGISTERS):
            data, response = await read(ctx, dut.axi, r.address, late=late % 3)
            if r.access is Access.WRITE:
                assert (data, response) == (0, SLVERR), r.name
            else:
                assert (data, response) == (value_of(r), OKAY), r.name

    simulate(dut, testbench)


def test_a_write_reaches_its_register_alone_and_once() -> None:
    dut = Dut()
    ports = {r.name: getattr(dut.map, r.name) for r in REGISTERS if r.access is not Access.READ}
    strokes = []
    done = False

    async def watch(ctx) -> None:
        while not done:
            _, _, *samples = await ctx.tick().sample(
                *(x for p in ports.values() for x in (p.w_en, p.w_data.as_value()))
            )
            pairs = zip(samples[::2], samples[1::2], strict=True)
            strokes.extend((name, d) for name, (e, d) in zip(ports, pairs, strict=True) if e)

    async def testbench(ctx) -> None:
        nonlocal done
        for late, r in enumerate(REGISTERS):
            word = 0x1234_0000 | r.address
            response = await write(ctx, dut.axi, r.address, word, late=late % 3)
            assert response == (OKAY if r.access is not Access.READ else SLVERR), r.name
        done = True

    simulate(dut, watch, testbench)
    assert strokes == [(name, 0x1234_0000 | register(name).address) for name in ports]


@pytest.mark.parametrize(
    ("address", "strobe"),
    [
        (0x01C, 15),
        (0x04C, 15),
        (COUNTERS[-1].address + 4, 15),
        (0xFFC, 15),
        (0x016, 15),
        (0x014, 3),
        (0x014, 0),
    ],
)
def test_what_is_not_a_whole_register_is_refused(address: int, strobe: int) -> None:
    dut = Dut()

    async def testbench(ctx) -> None:
        assert await write(ctx, dut.axi, address, 1, strobe=strobe) == SLVERR
        if strobe == 15:
            assert await read(ctx, dut.axi, address) == (0, SLVERR)

    simulate(dut, testbench)


def test_what_its_owner_refuses_is_an_error_and_does_not_happen() -> None:
    dut = Dut()
    written, read_out = dut.map.table_data, dut.map.read_data
    refuse = [Signal(name=name) for name in ("refuse_write", "refuse_read")]

    class Refusing(wiring.Component):
        axi: wiring.In(AxiLite)

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.submodules.dut = dut
            wiring.connect(m, wiring.flipped(self.axi), dut.axi)
            m.d.comb += [written.w_refuse.eq(refuse[0]), read_out.r_refuse.eq(refuse[1])]
            return m

    top = Refusing()
    seen = []
    done = False

    async def watch(ctx) -> None:
        while not done:
            seen.append((await ctx.tick().sample(written.w_en, read_out.r_en))[2:])

    async def testbench(ctx) -> None:
        nonlocal done
        for refused in (1, 0):
            seen.clear()
            for signal in refuse:
                ctx.set(signal, refused)
            answer = SLVERR if refused else OKAY
            assert await write(ctx, top.axi, register("table_data").address, 5) == answer
            data = 0 if refused else value_of(register("read_data"))
            assert await read(ctx, top.axi, register("read_data").address) == (data, answer)
            assert await write(ctx, top.axi, register("table_address").address, 5) == OKAY
            assert tuple(map(sum, zip(*seen, strict=True))) == (1 - refused, 1 - refused)
        done = True

    simulate(top, watch, testbench)


def test_a_word_a_clock_is_written_while_the_responses_are_taken() -> None:
    dut = Dut()

    async def testbench(ctx) -> None:
        axi = dut.axi
        for port, value in (("awaddr", 0x024), ("awvalid", 1), ("wvalid", 1), ("wstrb", 15)):
            ctx.set(getattr(axi, port), value)
        ctx.set(axi.bready, 1)
        await ctx.tick().repeat(2)
        for _ in range(20):
            _, _, taken, written = await ctx.tick().sample(axi.awready, dut.map.table_data.w_en)
            assert (taken, written) == (1, 1)
        # a response waits at the manager, one behind it, and no more writes are taken
        ctx.set(axi.bready, 0)
        seen = [(await ctx.tick().sample(axi.awready, axi.bvalid))[2:] for _ in range(5)]
        assert all(valid for _, valid in seen)
        assert not any(taken for taken, _ in seen[1:])
        # all that were taken are answered
        ctx.set(axi.awvalid, 0)
        ctx.set(axi.bready, 1)
        answers = [(await ctx.tick().sample(axi.bvalid))[2] for _ in range(6)]
        assert answers == [1, 1, 0, 0, 0, 0]

    simulate(dut, testbench)


@pytest.mark.parametrize("patience", [0, 0.6])
def test_reads_asked_one_after_the_other_are_all_answered_in_order(patience: float) -> None:
    """The next address waits at the bridge, and the manager takes the answers when it likes."""
    dut = Dut()
    axi, rng = dut.axi, random.Random(3)
    readable = [r for r in REGISTERS if r.access is not Access.WRITE]
    clocks = 0

    async def ask(ctx) -> None:
        ctx.set(axi.arvalid, 1)
        for r in readable:
            ctx.set(axi.araddr, r.address)
            await ctx.tick().until(axi.arready)
        ctx.set(axi.arvalid, 0)

    async def take(ctx) -> None:
        nonlocal clocks
        for r in readable:
            valid = False
            while not valid:
                clocks += 1
                ready = rng.random() >= patience
                ctx.set(axi.rready, ready)
                data, valid = (await ctx.tick().sample(axi.rdata, axi.rvalid))[2:]
                valid &= ready
            assert data == value_of(r), r.name

    simulate(dut, ask, take)
    if not patience:
        assert clocks == 2 * len(readable) + 1


def test_reads_and_writes_go_on_side_by_side() -> None:
    dut = Dut()
    readable = [r for r in REGISTERS if r.access is not Access.WRITE]

    async def reader(ctx) -> None:
        rng = random.Random(1)
        for _ in range(60):
            r = rng.choice(readable)
            assert await read(ctx, dut.axi, r.address, late=rng.randrange(3)) == (value_of(r), OKAY)

    async def writer(ctx) -> None:
        rng = random.Random(2)
        for _ in range(60):
            r = rng.choice(REGISTERS)
            response = await write(ctx, dut.axi, r.address, 0, late=rng.randrange(3))
            assert response == (OKAY if r.access is not Access.READ else SLVERR)

    simulate(dut, reader, writer)
