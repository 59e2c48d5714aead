"""Every verdict is that of the golden classifier, a constant time after the frame's last beat."""

from collections import Counter
from typing import Any, NamedTuple

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import NO_ROW, SHIM, Flag, Reason
from hybridmesh.reference.classifier import classify
from hybridmesh.rtl.flow.guard import Place
from hybridmesh.rtl.layout import FrameInfo, frame_verdict, payload_beat
from tb.lib.begin import clock_count, is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import pack, unpack
from tb.lib.pauses import PAUSES
from tb.lib.readback import ask, questions
from tb.lib.stream import AmaranthPort, Source
from tb.lib.tables import fill
from tb.lib.valid import Watch, joined_beats, payload_beats

from . import INTACT_AT, engine
from .heads import MIXES
from .tables import random_table

GEOMETRY = under_test().geometry
GIVEN, SAID = payload_beat(GEOMETRY), frame_verdict()
LATENCY = engine(GEOMETRY).latency
HEADS = 400 if is_long() else 6 + GEOMETRY.width
HEADERS = 54
"""Bytes before the payload at least: Ethernet, IPv4 and TCP."""

FEWEST = {"plain": (3, 5), "smallest": (2, 2), "crowded": (3, 4), "queries": (3, 4), "any": (8, 4)}
"""Reasons and rows, at the fewest, of many heads of a mix."""


class Frame(NamedTuple):
    """What went in: the head's bytes so far, and whether this frame and all of them are intact."""

    payload: bytes
    image: TableImage | None
    info: dict[str, int]
    intact: bool
    whole: bool


class Bench:
    """An engine, what went in, and what must come out.

    ``said`` counts the reasons that were given, ``rows`` the rows.
    """

    def __init__(self, dut: Any, idle: str, *case: str) -> None:
        self.dut = dut
        self.rng = rng_of(idle, *case)
        self.wire = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](self.rng))
        self.banks: list[TableImage | None] = [None, None]
        self._frames: list[Frame] = []
        self.said: Counter[Reason] = Counter()
        self.rows: Counter[int] = Counter()
        dut.now.value = 0
        dut.intact.value = 0
        dut.place.value = pack(Place, head=1, body=0)
        dut.table__en.value = 0
        dut.ask__en.value = 0

    async def start(self) -> None:
        await start(self.dut)
        cocotb.start_soon(self._tell_the_time())
        cocotb.start_soon(self._tell_what_is_intact())
        self._given, self._said = Watch(self.dut, "i"), Watch(self.dut, "o")

    async def load(self, bank: int, *, query: bool | None = None) -> None:
        """Load a random table; where *query* is not given, it may or may not ask for one."""
        asks = self.rng.random() < 0.7 if query is None else query
        image = random_table(GEOMETRY, self.rng, query=asks)
        await fill(self.dut, image, bank)
        await ClockCycles(self.dut.clk, 3)  # the last word passes two registers
        self.banks[bank] = image

    def send(self, payload: bytes, bank: int, *, intact: bool = True, **special: int) -> None:
        """Send *payload* in a frame whose info is that of a candidate but for what is *special*."""
        rng = self.rng
        info = self._info() | special
        before = HEADERS + rng.choice((0, 0, 4, 20, rng.randrange(80)))
        self._frames.append(Frame(payload, self.banks[bank], info, intact, intact))
        self.wire.send(payload_beats(GEOMETRY, rng, payload, before=before, info=info, bank=bank))

    def send_joined(self, payload: bytes, bank: int) -> None:
        """Send *payload* in one frame, as a joiner gives it."""
        info = self._info()
        self._frames.append(Frame(payload, self.banks[bank], info, True, True))
        self.wire.send(joined_beats(GEOMETRY, payload, 0, info=info, bank=bank))

    def send_silent(self) -> None:
        """Send a frame without a payload, however short it is, as a joiner gives it."""
        info = self._info() | {"candidate": 0}
        self._frames.append(Frame(b"", None, info, True, True))
        self.wire.send([pack(GIVEN, last=1, info=pack(FrameInfo, **info))])

    def send_cut(self, payload: bytes, bank: int) -> None:
        """Send *payload* in several frames, all but the last of which leave its head unended."""
        rng = self.rng
        info, whole, known = self._info(), True, 0
        end = payload.find(b"\n\r\n") + 3
        inside = range(1, end if end > 2 else len(payload))
        cuts = sorted(rng.sample(inside, min(len(inside), rng.choice((1, 1, 2, 5)))))
        for cut in (*cuts, len(payload)):
            intact = rng.random() < 0.95
            whole &= intact
            info |= {"arrival": rng.getrandbits(16)}
            self._frames.append(Frame(payload[:cut], self.banks[bank], dict(info), intact, whole))
            self.wire.send(joined_beats(GEOMETRY, payload[:cut], known, info=info, bank=bank))
            known = cut

    def _info(self) -> dict[str, int]:
        rng = self.rng
        info = {"candidate": 1, "drop": 0, "enable": 1, "epoch": rng.getrandbits(16)}
        info |= {"listener": rng.getrandbits(4), "seq": rng.getrandbits(32)}
        return info | {"arrival": rng.getrandbits(16)}

    async def check(self) -> None:
        """Wait until every frame has its verdict, and compare them all."""
        await self.wire.drained()
        await ClockCycles(self.dut.clk, LATENCY + 2)
        last = GIVEN["last"].offset
        beats = zip(self._given.clocks, self._given.payloads, strict=True)
        asked = [clock for clock, beat in beats if beat >> last & 1]
        assert self._said.clocks == [clock + LATENCY for clock in asked]
        said = zip(self._said.clocks, self._said.payloads, strict=True)
        for frame, (clock, taken) in zip(self._frames, said, strict=True):
            payload, image, info, _, whole = frame
            verdict = unpack(SAID, taken)
            expected = None
            if info["candidate"] and not info["drop"] and whole:
                expected = classify(
                    payload,
                    image,
                    epoch=info["epoch"],
                    enable=bool(info["enable"]),
                    listener=info["listener"],
                    seq=info["seq"],
                    latency=clock - info["arrival"] & 0xFFFF,
                )
            assert verdict["drop"] == info["drop"]
            assert verdict["insert"] == (expected is not None), payload
            if expected is not None:
                shim = verdict["shim"].to_bytes(SHIM.size, "little")
                assert SHIM.unpack(shim) == expected, payload
                self.said[Reason(expected.reason)] += 1
                if expected.flags & (Flag.DECIDED | Flag.PROVISIONAL):
                    self.rows[expected.row] += 1

    async def _tell_the_time(self) -> None:
        edge = RisingEdge(self.dut.clk)
        while True:
            await edge
            self.dut.now.value = clock_count() + 1 & 0xFFFF

    async def _tell_what_is_intact(self) -> None:
        """Right in the one clock in which it counts, anything in others."""
        assert INTACT_AT == 1
        dut, edge, last = self.dut, RisingEdge(self.dut.clk), GIVEN["last"].offset
        frame, noise = 0, rng_of("noise")
        while True:
            await edge
            if dut.i__valid.value and int(dut.i__payload.value) >> last & 1:
                dut.intact.value = self._frames[frame].intact
                frame += 1
            else:
                dut.intact.value = noise.getrandbits(1)


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), mix=list(MIXES))
async def every_verdict_is_that_of_the_model(dut: Any, idle: str, mix: str) -> None:
    bench = Bench(dut, idle, mix)
    await bench.start()
    for bank in (0, 1):
        await bench.load(bank, query=None if mix != "queries" else bank == 1)
    for _ in range(HEADS):
        bench.send(MIXES[mix](bench.rng), bank=bench.rng.getrandbits(1))
    await bench.check()
    dut._log.info(f"reasons {dict(bench.said)}, rows {dict(bench.rows)}")
    if is_long():
        reasons, rows = FEWEST[mix]
        assert len(bench.said) >= reasons, "the heads do not all fail in one way"
        assert len(bench.rows) >= rows, "nor do they all hit one row"
        assert NO_ROW in bench.rows


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), mix=list(MIXES))
async def a_head_that_is_cut_gets_the_verdict_of_the_whole(dut: Any, idle: str, mix: str) -> None:
    bench = Bench(dut, idle, mix, "cut")
    await bench.start()
    await bench.load(0, query=mix == "queries")
    for _ in range(HEADS):
        bench.send_cut(MIXES[mix](bench.rng), bank=0)
        if bench.rng.random() < 0.2:
            bench.send(MIXES[mix](bench.rng), bank=0)
    await bench.check()


@cocotb.test()
async def frames_without_a_payload_close_behind_a_head_change_nothing(dut: Any) -> None:
    bench = Bench(dut, "none", "silent")
    await bench.start()
    await bench.load(0)
    for _ in range(4 * HEADS):
        payload = MIXES["plain"](bench.rng)
        bench.send_joined(payload + b"x" * (-len(payload) % GEOMETRY.width), bank=0)
        for _ in range(bench.rng.randrange(4)):
            bench.send_silent()
    await bench.check()


@cocotb.test()
async def frames_that_are_not_to_be_judged_get_no_verdict(dut: Any) -> None:
    bench = Bench(dut, "none")
    await bench.start()
    await bench.load(0)
    for _ in range(4):
        for special in ({}, {"candidate": 0}, {"drop": 1}, {"enable": 0}, {"intact": False}):
            bench.send(MIXES["plain"](bench.rng), bank=0, **special)
    await bench.check()
    assert Reason.TABLE_OFF in bench.said


@cocotb.test()
@cocotb.parametrize(idle=["none", "coin"])
async def a_bank_is_loaded_while_frames_are_judged_in_the_other(dut: Any, idle: str) -> None:
    bench = Bench(dut, idle)
    await bench.start()
    await bench.load(0)
    for bank in (1, 0):
        loading = cocotb.start_soon(bench.load(bank))
        while not loading.done():
            for _ in range(4):
                bench.send(MIXES["any"](bench.rng), bank=1 - bank)
            await bench.wire.drained()
        await bench.check()
    for _ in range(HEADS):
        bench.send(MIXES["any"](bench.rng), bank=bench.rng.getrandbits(1))
    await bench.check()


@cocotb.test()
@cocotb.parametrize(idle=["none", "bursts"])
async def words_of_every_memory_are_read_back_while_frames_are_judged(dut: Any, idle: str) -> None:
    bench = Bench(dut, idle)
    await bench.start()
    rng = bench.rng
    for bank in (0, 1):
        await bench.load(bank)
    images = [image for image in bench.banks if image is not None]
    names = [space.name for space in GEOMETRY.spaces]
    asked, known = questions(rng, images, names, 4)
    reading = cocotb.start_soon(ask(dut, rng_of("read", idle), asked))
    while not reading.done():
        for _ in range(4):
            bench.send(MIXES["any"](rng), bank=rng.getrandbits(1))
        await bench.wire.drained()
    assert reading.result() == known
    assert len(set(known)) > 10
    await bench.check()
