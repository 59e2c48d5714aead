"""The columns that match a field are those that accept it byte by byte, in either bank."""

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.rtl.match.field import marked_beat
from tb.lib.begin import clock_count, is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.keys import accepting, marked_beats, scattered
from tb.lib.pauses import PAUSES
from tb.lib.readback import ask, questions
from tb.lib.stream import AmaranthPort, Source
from tb.lib.tables import fill
from tb.lib.valid import Watch
from tb.tcam import FieldMatcher

GEOMETRY = under_test().geometry
WIDTH, KEY = GEOMETRY.width, GEOMETRY.path_bytes
LATENCY = FieldMatcher(GEOMETRY).latency
FIELDS = 2000 if is_long() else 60
ODDS = (0, 0.001, 0.005, 0.02, 0.1)
LENGTHS = {"short": (0, 4), "about_the_key": (KEY - 3, KEY + 2), "long": (2 * KEY, 4 * KEY)}


class Bench:
    """A matcher with a table in each bank."""

    def __init__(self, dut: Any, *case: str, idle: str) -> None:
        self.dut = dut
        self.rng = rng_of(idle, *case)
        self.source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](self.rng))
        self.images = [scattered(GEOMETRY, seed, ODDS) for seed in range(2)]
        self.answers: list[int] = []
        self._expected: list[int] = []
        dut.table__en.value = 0
        dut.ask__en.value = 0

    async def start(self) -> None:
        await start(self.dut)
        for bank, image in enumerate(self.images):
            await fill(self.dut, image, bank, ("path",))
        await ClockCycles(self.dut.clk, 3)  # the last word passes two registers
        self._clocks: list[int] = []
        self._given = Watch(self.dut, "i")
        cocotb.start_soon(self._watch())

    def send(self, length: int, bank: int) -> None:
        """Send a frame with a random field of so many bytes."""
        rng = self.rng
        before, key = rng.randrange(2 * WIDTH), rng.randbytes(length)
        frame = b"\xff" * before + key + b"\r\n" + b"\xff" * rng.randrange(2 * WIDTH)
        self.source.send(marked_beats(frame, [(before, before + length)], WIDTH, bank))
        self._expected.append(accepting(self.images[bank].path, key))

    async def check(self) -> None:
        """Wait until every field has its answer, and compare them all."""
        await self.source.drained()
        await ClockCycles(self.dut.clk, LATENCY + 2)
        end = marked_beat(WIDTH)["end"]
        beats = zip(self._given.clocks, self._given.payloads, strict=True)
        ends = [clock for clock, beat in beats if beat >> end.offset & (1 << WIDTH) - 1]
        assert self._clocks == [clock + LATENCY for clock in ends]
        assert self.answers == self._expected
        assert len(set(self._expected)) > 5, "the table tells no fields apart"

    async def _watch(self) -> None:
        dut, edge = self.dut, RisingEdge(self.dut.clk)
        while True:
            await edge
            if dut.end.value:
                self._clocks.append(clock_count())
                self.answers.append(int(dut.match.value))


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), length=list(LENGTHS))
async def a_field_matches_as_byte_by_byte(dut: Any, idle: str, length: str) -> None:
    bench = Bench(dut, length, idle=idle)
    await bench.start()
    for _ in range(FIELDS):
        bench.send(bench.rng.randint(*LENGTHS[length]), bench.rng.getrandbits(1))
    await bench.check()


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def a_bank_is_loaded_while_fields_are_matched_in_the_other(dut: Any, idle: str) -> None:
    bench = Bench(dut, idle=idle)
    await bench.start()
    for bank, seed in ((1, 2), (0, 3)):
        bench.images[bank] = scattered(GEOMETRY, seed, ODDS)
        loading = cocotb.start_soon(fill(dut, bench.images[bank], bank, ("path",)))
        while not loading.done():
            bench.send(bench.rng.randrange(18), 1 - bank)
            await bench.source.drained()
        await ClockCycles(dut.clk, LATENCY)
    for _ in range(FIELDS):
        bench.send(bench.rng.randrange(18), bench.rng.getrandbits(1))
    await bench.check()


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def words_are_read_back_while_fields_are_matched(dut: Any, idle: str) -> None:
    bench = Bench(dut, "read", idle=idle)
    await bench.start()
    asked, known = questions(bench.rng, bench.images, ("path",), 20)
    reading = cocotb.start_soon(ask(dut, rng_of(idle), asked))
    while not reading.done():
        bench.send(bench.rng.randrange(18), bench.rng.getrandbits(1))
        await bench.source.drained()
    assert reading.result() == known
    assert len(set(known)) > 5
    await bench.check()
