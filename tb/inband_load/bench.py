"""A driver identifies the NIC, loads a table, reads it back and reads counters, by frames alone."""

from collections import deque
from typing import Any

import cocotb
import numpy as np
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.inband import is_control
from hybridmesh.contract.table import TableImage
from hybridmesh.nic.inband import InbandClient
from hybridmesh.nic.inbandbus import InbandBus, InbandRegisters
from tb.lib.begin import clock_count, is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packet import beats, frames
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Sink, Source

GEOMETRY = under_test().geometry
LAST, PERIOD = 9, 8e-9


class Memories:
    """The words of both banks, written at once, and read after some clocks."""

    def __init__(self, dut: Any) -> None:
        self.words: dict[tuple[int, ...], int] = {}
        self._dut = dut
        dut.ask__done.value = dut.ask__data.value = 0
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut, edge, rng = self._dut, RisingEdge(self._dut.clk), rng_of("memories")
        wait = 0
        while True:
            await edge
            done = bool(dut.ask__done.value)
            dut.ask__done.value = dut.ask__data.value = 0
            if dut.table__en.value:
                self.words[self._place("table")] = int(dut.table__data.value)
            if dut.ask__en.value and not done:
                if wait:
                    wait -= 1
                    continue
                dut.ask__done.value = 1
                dut.ask__data.value = self.words.get(self._place("ask"), 0)
                wait = rng.choice((0, 0, 0, 1, 20))

    def _place(self, port: str) -> tuple[int, ...]:
        names = (f"{port}__{member}" for member in ("bank", "space", "word"))
        return tuple(int(getattr(self._dut, name).value) for name in names)


class BenchLink:
    """The design's host side, for code that blocks."""

    def __init__(self, dut: Any, pause: str) -> None:
        rng = rng_of(pause)
        self._dut = dut
        self._source = Source(dut.clk, AmaranthPort(dut, "host_tx"), PAUSES[pause](rng))
        self._core = Source(dut.clk, AmaranthPort(dut, "core_rx"), PAUSES["none"](rng))
        self._wire = Sink(dut.clk, AmaranthPort(dut, "core_tx"), PAUSES["none"](rng))
        self._sink = Sink(dut.clk, AmaranthPort(dut, "host_rx"), PAUSES[pause](rng))
        self._looked = 0
        self._came: deque[bytes] = deque()
        self.frames = 0

    def now(self) -> float:
        return clock_count() * PERIOD

    def send(self, frame: bytes) -> None:
        self.frames += 1
        self._send(frame)

    @resume
    async def _send(self, frame: bytes) -> None:
        self._source.send(beats(frame, 1))
        await self._source.drained()

    @resume
    async def receive(self, until: float) -> bytes | None:
        taken = self._sink.taken
        while self.now() < until:
            for n in range(self._looked, len(taken)):
                if taken[n] >> LAST & 1:
                    (frame,) = frames(taken[self._looked : n + 1], 1)
                    self._looked = n + 1
                    assert is_control(frame)
                    return frame
            await ClockCycles(self._dut.clk, 4)
        return None


@cocotb.test()
@cocotb.parametrize(pause=list(PAUSES) if is_long() else ["none", "bursts"])
async def a_table_is_loaded_and_read_back(dut: Any, pause: str) -> None:
    memories = Memories(dut)
    link = BenchLink(dut, pause)
    await start(dut)
    image = TableImage(GEOMETRY)
    rng = np.random.default_rng(1)
    for tcam in (image.path, image.host, image.header, image.word):
        tcam.mismatch[:] = rng.random(tcam.mismatch.shape) < 0.5
    numbers = rng_of("sessions", pause)

    def work() -> None:
        client = InbandClient(bytes(5) + b"\2", "bench", lambda: numbers.getrandbits(32))
        control = InbandRegisters(InbandBus(link, client))
        told("opened", 0, 0)
        clocks, count = clock_count(), link.frames
        control.load(image)
        told("loaded", clocks, count)
        clocks, count = clock_count(), link.frames
        control.verify()
        told("read back", clocks, count)
        control.listen(80)
        assert set(control.counters().values()) == {0}

    def told(what: str, clocks: int, count: int) -> None:
        dut._log.info(f"{what}: {link.frames - count} frames, {clock_count() - clocks} clocks")

    await bridge(work)()
    written = [
        memories.words[1, space.number, n]
        for space, words in image.words()
        for n in range(len(words))
    ]
    assert written == [word for _, words in image.words() for word in words.tolist()]
