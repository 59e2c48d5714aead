"""Every verdict is that of the golden classifier, a constant time after the frame's last beat."""

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM, Reason
from hybridmesh.reference.classifier import classify
from hybridmesh.rtl.engine import VerdictEngine
from hybridmesh.rtl.layout import frame_verdict, payload_beat
from tb.lib.begin import clock_count, is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import unpack
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Source
from tb.lib.tables import fill
from tb.lib.traffic import any_payload, head, table
from tb.lib.valid import Watch, payload_beats

GEOMETRY = under_test().geometry
GIVEN, SAID = payload_beat(GEOMETRY), frame_verdict()
LATENCY = VerdictEngine(GEOMETRY).latency
HEADS = 1000 if is_long() else 20 + 2 * GEOMETRY.width
HEADERS = 54
"""Bytes before the payload at least: Ethernet, IPv4 and TCP."""

CANARY = "GET /api/products HTTP/1.1\r\nHost: shop.example.com\r\nX-Canary: {}\r\n\r\n"
"""A head whose row depends on the table's canary."""


class Bench:
    """An engine, what went in, and what must come out."""

    def __init__(self, dut: Any, idle: str) -> None:
        self.dut = dut
        self.rng = rng_of(idle)
        self.wire = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](self.rng))
        self.banks: list[TableImage | None] = [None, None]
        self._frames: list[tuple[bytes, TableImage | None, dict[str, int]]] = []
        dut.now.value = 0
        dut.table__en.value = 0

    async def start(self) -> None:
        await start(self.dut)
        cocotb.start_soon(self._tell_the_time())
        self._given, self._said = Watch(self.dut, "i"), Watch(self.dut, "o")

    async def load(self, bank: int, image: TableImage) -> None:
        await fill(self.dut, image, bank)
        await ClockCycles(self.dut.clk, 2)  # the last word passes a register
        self.banks[bank] = image

    def send(self, payload: bytes, bank: int, **special: int) -> None:
        """Send *payload* in a frame whose info is that of a candidate but for what is *special*."""
        rng = self.rng
        info = {"candidate": 1, "spoofed": 0, "enable": 1, "epoch": rng.getrandbits(16)}
        info |= {"seq": rng.getrandbits(32), "arrival": rng.getrandbits(16)} | special
        before = HEADERS + 4 * rng.randrange(4)
        self._frames.append((payload, self.banks[bank], info))
        self.wire.send(payload_beats(GEOMETRY, rng, payload, before=before, info=info, bank=bank))

    async def quiet(self) -> None:
        """Wait until every frame has its verdict."""
        await self.wire.drained()
        await ClockCycles(self.dut.clk, LATENCY + 2)

    def check(self) -> set[Reason]:
        """Compare everything since the start; the reasons that were given."""
        last = GIVEN["last"].offset
        beats = zip(self._given.clocks, self._given.payloads, strict=True)
        asked = [clock for clock, beat in beats if beat >> last & 1]
        assert self._said.clocks == [clock + LATENCY for clock in asked]
        reasons = set()
        said = zip(self._said.clocks, self._said.payloads, strict=True)
        for (payload, image, info), (clock, taken) in zip(self._frames, said, strict=True):
            verdict = unpack(SAID, taken)
            expected = None
            if info["candidate"] and not info["spoofed"]:
                expected = classify(
                    payload,
                    image,
                    epoch=info["epoch"],
                    enable=bool(info["enable"]),
                    seq=info["seq"],
                    latency=clock - info["arrival"] & 0xFFFF,
                )
            assert verdict["drop"] == info["spoofed"]
            assert verdict["insert"] == (expected is not None), payload
            shim = verdict["shim"].to_bytes(SHIM.size, "little")
            if expected is None:
                assert not any(shim)
            else:
                assert SHIM.unpack(shim) == expected, payload
                reasons.add(Reason(expected.reason))
        return reasons

    async def _tell_the_time(self) -> None:
        edge = RisingEdge(self.dut.clk)
        while True:
            await edge
            self.dut.now.value = clock_count() + 1 & 0xFFFF


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def every_verdict_is_that_of_the_model(dut: Any, idle: str) -> None:
    bench = Bench(dut, idle)
    await bench.start()
    await bench.load(1, table(GEOMETRY))
    for number in range(HEADS):
        payload = head(bench.rng) if number % 3 == 0 else any_payload(bench.rng)
        bench.send(payload, bank=1)
    await bench.quiet()
    assert len(bench.check()) > 4  # the heads do not all fail in one way


@cocotb.test()
async def frames_that_are_not_to_be_judged_get_no_verdict(dut: Any) -> None:
    bench = Bench(dut, "none")
    await bench.start()
    await bench.load(0, table(GEOMETRY))
    for _ in range(6):
        for special in ({}, {"candidate": 0}, {"spoofed": 1}, {"enable": 0}):
            bench.send(head(bench.rng), bank=0, **special)
    await bench.quiet()
    assert Reason.TABLE_OFF in bench.check()


@cocotb.test()
@cocotb.parametrize(idle=["none", "coin"])
async def a_bank_is_loaded_while_frames_are_judged_in_the_other(dut: Any, idle: str) -> None:
    bench = Bench(dut, idle)
    await bench.start()
    canaries = ("yes", "always", "no")

    def send(bank: int) -> None:
        bench.send(CANARY.format(bench.rng.choice(canaries)).encode(), bank)

    await bench.load(0, table(GEOMETRY, canaries[0]))
    for bank, canary in ((1, canaries[1]), (0, canaries[2])):
        loading = cocotb.start_soon(bench.load(bank, table(GEOMETRY, canary)))
        while not loading.done():
            for _ in range(4):
                send(1 - bank)
            await bench.wire.drained()
        await bench.quiet()
    for _ in range(30):
        send(bench.rng.getrandbits(1))
    await bench.quiet()
    bench.check()
