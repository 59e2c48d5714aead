"""Each register does what the contract says, however the host's bus dawdles."""

import zlib
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.registers import COUNTERS, LISTENERS, REGISTERS, Access, register
from hybridmesh.rtl.control.counters import Events
from hybridmesh.rtl.frame.cursor import FrameContext
from tb.lib.axil import AxiLite
from tb.lib.begin import rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import pack, unpack
from tb.lib.pauses import PAUSES

OKAY, SLVERR = 0, 2
GEOMETRY = under_test().geometry
every_pause = cocotb.parametrize(pause=list(PAUSES))


async def bus_of(dut: Any, pause: str) -> AxiLite:
    bus = AxiLite(dut, "axi__", PAUSES[pause](rng_of(pause)))
    for signal in (dut.events, dut.started, dut.judged, dut.ask__done, dut.ask__data, dut.telling):
        signal.value = 0
    dut.flow_hash__w_refuse.value = dut.flow_syn__w_refuse.value = dut.flow_hash__r_refuse.value = 0
    await start(dut)
    return bus


async def pulse(dut: Any, signal: Any, count: int = 1) -> None:
    signal.value = 1
    await ClockCycles(dut.clk, count)
    signal.value = 0
    await ClockCycles(dut.clk, 1)


@cocotb.test()
@every_pause
async def the_nic_says_what_it_is(dut: Any, pause: str) -> None:
    bus = await bus_of(dut, pause)
    assert await bus.get("id") == int.from_bytes(b"HYMS", "big")
    assert await bus.get("version") == 2
    for name in ("geometry_a", "geometry_b", "geometry_c"):
        word = await bus.get(name)
        for bits in register(name).bits:
            assert bits.get(word) == getattr(GEOMETRY, bits.name), bits.name


@cocotb.test()
@every_pause
async def switches_keep_what_was_written_and_reach_the_frames(dut: Any, pause: str) -> None:
    bus = await bus_of(dut, pause)
    await bus.put("control", 0xFFFFFFFF)
    for listener in range(LISTENERS):
        await bus.put(f"listen_port_{listener}", 0xABCD8081 + listener)
    assert await bus.get("control") == 1
    for listener in range(LISTENERS):
        assert await bus.get(f"listen_port_{listener}") == 0x8081 + listener
        assert int(dut.ports.value) >> 16 * listener & 0xFFFF == 0x8081 + listener
    await bus.put("table_commit", 9)
    context = unpack(FrameContext, int(dut.context.value))
    assert (context["enable"], context["epoch"]) == (1, 9)
    await bus.put("control", 0)
    assert unpack(FrameContext, int(dut.context.value))["enable"] == 0


@cocotb.test()
@every_pause
async def accesses_that_make_no_sense_are_refused(dut: Any, pause: str) -> None:
    bus = await bus_of(dut, pause)
    for address in (0x01C, 0x0FC, 0x04C, COUNTERS[-1].address + 4, 0xFFC):
        await bus.read(address, response=SLVERR)
        await bus.write(address, [1], response=SLVERR)
    for entry in REGISTERS:
        if entry.access is Access.WRITE:
            await bus.read(entry.address, response=SLVERR)
        if entry.access is Access.READ:
            await bus.write(entry.address, [1], response=SLVERR)
    await bus.write(register("listen_port_3").address, [80], strobe=0b0011, response=SLVERR)
    await bus.write(register("listen_port_3").address + 2, [80], response=SLVERR)
    assert await bus.get("listen_port_3") == 0


@cocotb.test()
@every_pause
async def table_words_go_to_the_spare_bank_in_order(dut: Any, pause: str) -> None:
    bus = await bus_of(dut, pause)
    seen = []

    async def watch() -> None:
        while True:
            await RisingEdge(dut.clk)
            if dut.table__en.value:
                ports = (dut.table__bank, dut.table__space, dut.table__word, dut.table__data)
                seen.append(tuple(int(port.value) for port in ports))

    cocotb.start_soon(watch())
    words = [rng_of("words").getrandbits(32) for _ in range(40)]
    for commits in (0, 1, 2):
        await bus.put("table_address", 3 << 24 | 0x100)
        await bus.put("table_data", *words)
        assert await bus.get("table_address") == 3 << 24 | 0x100 + len(words)
        in_use = unpack(FrameContext, int(dut.context.value))["bank"]
        assert seen == [(1 - in_use, 3, 0x100 + k, word) for k, word in enumerate(words)]
        seen.clear()
        await bus.put("table_commit", 100 + commits)
        assert unpack(FrameContext, int(dut.context.value))["bank"] == 1 - in_use
        assert await bus.get("status") == 100 + commits


@cocotb.test()
@every_pause
async def a_bank_has_the_checksum_of_what_was_written_into_it(dut: Any, pause: str) -> None:
    bus = await bus_of(dut, pause)
    rng = rng_of("checksums", pause)
    in_use = spare = 0
    for epoch in range(1, 5):
        await bus.put("table_data", *(rng.getrandbits(32) for _ in range(5)))  # breaks off
        await bus.put("table_begin", rng.getrandbits(32))
        space = rng.choice(GEOMETRY.spaces)
        words = [rng.getrandbits(32) for _ in range(rng.randint(1, min(40, space.words)))]
        await bus.put("table_address", space.base)
        await bus.put("table_data", *words)
        spare = zlib.crc32(b"".join(word.to_bytes(4, "little") for word in (space.base, *words)))
        assert await bus.get("table_checksum") == in_use
        assert await bus.get("spare_checksum") == spare
        await bus.put("table_commit", epoch)
        in_use, spare = spare, in_use
        assert await bus.get("table_checksum") == in_use
        assert await bus.get("spare_checksum") == spare
        await bus.put("table_address", GEOMETRY.path.base)


@cocotb.test()
@every_pause
async def words_of_either_bank_are_read_back(dut: Any, pause: str) -> None:
    bus = await bus_of(dut, pause)
    rng = rng_of("reading", pause)
    table = {}

    async def memory() -> None:
        while True:
            await RisingEdge(dut.clk)
            dut.ask__done.value = 0
            dut.ask__data.value = 0
            if dut.ask__en.value and not dut.ask__done.value:
                await ClockCycles(dut.clk, rng.choice((1, 1, 2, 30)))
                ports = (dut.ask__bank, dut.ask__space, dut.ask__word)
                where = tuple(int(port.value) for port in ports)
                dut.ask__done.value = 1
                dut.ask__data.value = table.setdefault(where, rng.getrandbits(32))

    async def ready() -> None:
        while register("status").field("reading").get(await bus.get("status")):
            pass

    cocotb.start_soon(memory())
    for space in GEOMETRY.spaces:
        for spare in (0, 1):
            start = max(space.words - 3, 0)
            await bus.put("read_address", spare << 31 | space.base | start)
            for word in range(start, space.words):
                await ready()
                assert await bus.get("read_data") == table[spare, space.number, word]
            await ready()
            await bus.read(register("read_data").address, response=SLVERR)  # the space ends


@cocotb.test()
@every_pause
async def what_is_told_of_connections_reaches_its_owner_once(dut: Any, pause: str) -> None:
    bus = await bus_of(dut, pause)
    telling = register("status").field("telling")
    names, heard = ("flow_hash", "flow_syn"), []

    async def owner() -> None:
        """Has not taken the second connection that it is told of."""
        while True:
            await RisingEdge(dut.clk)
            for name in names:
                if getattr(dut, f"{name}__w_en").value:
                    heard.append((name, int(getattr(dut, f"{name}__w_data").value)))
            busy = bool(heard) and heard[-1][0] == "flow_syn" and len(heard) % 4 == 0
            dut.telling.value = busy
            for name in names:
                getattr(dut, f"{name}__w_refuse").value = busy

    cocotb.start_soon(owner())
    rng = rng_of("told", pause)
    told = [(name, rng.getrandbits(32)) for _ in range(2) for name in names]
    for name, word in told:
        assert telling.get(await bus.get("status")) == 0
        await bus.put(name, word)
    assert heard == told
    assert telling.get(await bus.get("status")) == 1
    for name in names:
        await bus.write(register(name).address, [1], response=SLVERR)
    assert heard == told


@cocotb.test()
async def a_commit_is_pending_until_the_frames_before_it_have_their_verdicts(dut: Any) -> None:
    bus = await bus_of(dut, "none")
    pending = register("status").field("pending")
    await pulse(dut, dut.started, 3)
    await pulse(dut, dut.judged)
    await bus.put("table_commit", 5)
    await pulse(dut, dut.started, 2)
    for expected in (1, 1, 0, 0):
        assert pending.get(await bus.get("status")) == expected
        answer = SLVERR if expected else OKAY
        await bus.write(register("table_data").address, [1], response=answer)
        await pulse(dut, dut.judged)


@cocotb.test()
@every_pause
async def every_counter_counts_its_own_event(dut: Any, pause: str) -> None:
    bus = await bus_of(dut, pause)
    for number, counter in enumerate(COUNTERS):
        dut.events.value = pack(Events, **{counter.name: 1})
        await ClockCycles(dut.clk, number + 2)
        dut.events.value = 0
        await ClockCycles(dut.clk, 1)
    for number, counter in enumerate(COUNTERS):
        assert await bus.get(counter.name) == number + 2, counter.name
