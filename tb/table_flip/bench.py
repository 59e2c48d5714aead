"""Tables change under full traffic: every verdict is that of one table, and of the right one.

The tables are rotations of each other, so that a request has another row in each of them, and a
verdict that mixed two tables would be neither's.
"""

import random
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.compiler import compile_table
from hybridmesh.config.model import (
    FieldMatch,
    Forward,
    Location,
    MatchKind,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)
from hybridmesh.contract.geometry import Space
from hybridmesh.contract.registers import register
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM, State
from hybridmesh.nic.frames import Connection, split
from tb.lib.axil import AxiLite
from tb.lib.begin import clock_count, is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packet import beats, frames
from tb.lib.stream import AxiPort, Sink, Source
from tb.lib.traffic import PORT

GEOMETRY = under_test().geometry
WIDTH = GEOMETRY.width
HOSTS = ("shop.example.com", "api.example.org")
ROUTES = 7
"""Routes of each host."""

GAPS: dict[str, list[None]] = {"none": [], "shim": [None] * -(-SHIM.size // WIDTH)}
"""Clocks between two frames: none, or as many as the host's side needs for the shim."""

CLOCKS = 150_000 if is_long() else 10_000
"""Clocks of traffic, about."""

LOADS = 20 if is_long() else 2
QUIET = 600
"""Clocks without a beat to the host after which the NIC is empty."""

WIRE = Connection(("192.0.2.7", 40000), ("198.51.100.1", PORT))


@dataclass(frozen=True)
class Request:
    """A request for the route number *route* of the host number *host*."""

    host: int
    route: int

    def head(self, rng: random.Random) -> bytes:
        """Its head, of a length that is left to chance."""
        query = rng.choice(("", "?" + "q" * rng.randrange(20)))
        rest = "Accept: */*\r\n" * rng.randrange(2)
        return (
            f"GET /route-{self.route}{query} HTTP/1.1\r\nHost: {HOSTS[self.host]}\r\n"
            f"{rest}X-Route: {self.host}-{self.route}\r\n\r\n"
        ).encode()

    def row(self, turn: int) -> int:
        """Its row in the table that is rotated by *turn*."""
        return ROUTES * ((self.host + turn) % 2) + (self.route - turn) % ROUTES


Traffic = list[tuple[Request | None, bytes]]
"""Frames, and the request in each; the first, which opens the connection, has none."""


def image(turn: int) -> TableImage:
    """The table that is rotated by *turn*: hosts, and routes within each host."""
    hosts = []
    for place in range(2):
        host = (place - turn) % 2
        routes = []
        for row in range(ROUTES):
            route = (row + turn) % ROUTES
            kind = (MatchKind.EXACT, MatchKind.PREFIX)[route % 2]
            field = StringMatch(MatchKind.EXACT, f"{host}-{route}")
            match = RouteMatch(
                path=StringMatch(kind, f"/route-{route}"),
                method=StringMatch(MatchKind.EXACT, "GET"),
                headers=(FieldMatch("x-route", field),),
            )
            name, cluster = f"{host}/{route}", WeightedCluster("c")
            routes.append(Route(name, match, Forward((cluster,)), Location("table", row + 1)))
        hosts.append(VirtualHost(f"host{host}", HOSTS[host], tuple(routes)))
    return compile_table(RouteTable(PORT, tuple(hosts)), GEOMETRY).image


IMAGES = [image(turn) for turn in range(ROUTES)]
WORDS = [{space: words.tolist() for space, words in table.words()} for table in IMAGES]


class Bench:
    """A NIC with two tables in it, and what it must say under each epoch."""

    def __init__(self, dut: Any, *seed: object) -> None:
        self.dut = dut
        self.rng = rng_of(*seed)
        self.bus = AxiLite(dut, "s_axil_", repeat(False))
        self.wire = Source(dut.clk, AxiPort(dut, "s_axis_rx"), repeat(False))
        self.host = Sink(dut.clk, AxiPort(dut, "m_axis_rx"), repeat(False))
        self.asked = self.answered = 0  # epochs of the last commit that began, and that ended
        self.turns = {0: -1}  # rotation of the table of each epoch
        self.spare = -1
        self.epochs: list[range] = []  # that a frame can have, in the order in which they began

    async def start(self) -> None:
        await start(self.dut)
        cocotb.start_soon(self._watch())
        for turn in (0, 1):
            await self.load(turn)
            await self.flip()
        await self.bus.put("control", 1)
        await self.bus.put("listen_port_0", PORT)

    async def load(self, turn: int) -> None:
        """Write the table that is rotated by *turn* to the spare bank."""
        pending = register("status").field("pending")
        while pending.get(await self.bus.get("status")):
            pass
        await self.bus.put("table_begin", 0)
        checksum = 0
        for space, words in IMAGES[turn].words():
            await self.bus.put("table_address", space.base)
            await self.bus.put("table_data", *words)
            checksum = zlib.crc32(space.base.to_bytes(4, "little"), checksum)
            checksum = zlib.crc32(words.tobytes(), checksum)
        assert await self.bus.get("spare_checksum") == checksum
        self.spare = turn

    async def check(self, spare: bool, space: Space, start: int, stop: int) -> None:
        """Read words of one of the banks back."""
        reading = register("status").field("reading")
        turn = self.spare if spare else self.turns[self.answered]
        await self.bus.put("read_address", spare << 31 | space.base | start)
        for word in range(start, stop):
            while reading.get(await self.bus.get("status")):
                pass
            expected = WORDS[turn][space][word]
            assert await self.bus.get("read_data") == expected, f"{space.name}, word {word}"
        while reading.get(await self.bus.get("status")):
            pass

    async def flip(self) -> None:
        """Swap the banks."""
        self.asked += 1
        self.turns[self.asked], self.spare = self.spare, self.turns[self.answered]
        await self.bus.put("table_commit", self.asked)
        self.answered = self.asked

    async def _watch(self) -> None:
        edge, first = RisingEdge(self.dut.clk), True
        while True:
            await edge
            if self.dut.s_axis_rx_tvalid.value and self.dut.s_axis_rx_tready.value:
                if first:
                    self.epochs.append(range(self.answered, self.asked + 1))
                first = bool(self.dut.s_axis_rx_tlast.value)

    async def run(self, sent: Traffic, gap: str, meanwhile: Callable[[], Awaitable[None]]) -> int:
        """Send frames, do *meanwhile* again and again until they are through, check what came of
        them; gives the clocks that they took."""
        self.host.taken.clear()
        self.epochs.clear()
        began = clock_count()
        for _, frame in sent:
            self.wire.send(chain(beats(frame, WIDTH), GAPS[gap]))
        through = cocotb.start_soon(self.wire.drained())
        while not through.done():
            await meanwhile()
        clocks = clock_count() - began
        before = -1
        while before != len(self.host.taken):
            before = len(self.host.taken)
            await ClockCycles(self.dut.clk, QUIET)
        self._check(sent)
        return clocks

    def _check(self, sent: Traffic) -> None:
        got = frames(self.host.taken, WIDTH)
        assert len(got) == len(sent) == len(self.epochs)
        last = 0
        for number, (came, (request, frame)) in enumerate(zip(got, sent, strict=True)):
            verdict, original = split(came)
            assert original == frame, f"frame {number} is not what was sent"
            if request is None:
                continue
            assert verdict is not None, f"frame {number} has no verdict"
            rows = {turn: request.row(turn) for turn in {*self.turns.values()} - {-1}}
            said = f"frame {number}, {request}, rows {rows}: {verdict}"
            assert verdict.state is State.DECIDED, said
            assert verdict.row == rows[self.turns[verdict.epoch]], said
            assert verdict.epoch in self.epochs[number], f"{self.epochs[number]}: {said}"
            assert verdict.epoch >= last, f"an epoch goes back: {said}"
            last = verdict.epoch


def traffic(rng: random.Random, gap: str, clocks: int) -> Traffic:
    """A connection with requests that fill so many *clocks*."""
    seq = rng.getrandbits(32)
    sent: Traffic = [(None, WIRE.opening(seq))]
    while clocks > 0:
        request = Request(rng.randrange(2), rng.randrange(ROUTES))
        head = request.head(rng)
        frame = WIRE.frame(seq, head)
        sent.append((request, frame))
        seq += len(head)
        clocks -= len(beats(frame, WIDTH)) + len(GAPS[gap])
    return sent


@cocotb.test()
@cocotb.parametrize(gap=list(GAPS))
async def every_verdict_is_of_the_table_in_use_when_its_frame_began(dut: Any, gap: str) -> None:
    bench = Bench(dut, "flips", gap)
    await bench.start()
    sent = traffic(bench.rng, gap, CLOCKS)

    async def wait() -> None:
        await ClockCycles(dut.clk, 1)

    async def flip() -> None:
        if pause := bench.rng.choice((0, 0, 1, 2, 5, 20)):
            await ClockCycles(dut.clk, pause)
        await bench.flip()

    quiet = await bench.run(sent, gap, wait)
    stalls, flips = bench.wire.stalls, bench.asked
    clocks = await bench.run(sent, gap, flip)
    flips = bench.asked - flips
    dut._log.info("%d flips in %d clocks, %d frames", flips, clocks, len(sent))
    assert flips > CLOCKS // 20
    # A flip costs the wire no clock.
    assert bench.wire.stalls == 2 * stalls
    assert abs(clocks - quiet) < 50
    assert stalls == 0 or gap == "none"


@cocotb.test()
async def tables_are_loaded_while_frames_are_matched(dut: Any) -> None:
    bench = Bench(dut, "loads")
    await bench.start()
    words = sum(space.words for space in GEOMETRY.spaces)
    sent = traffic(bench.rng, "shim", LOADS * (words + 500))
    turns = iter(range(2, ROUTES * 100))

    async def load_and_flip() -> None:
        await bench.load(next(turns) % ROUTES)
        for _ in range(bench.rng.choice((1, 3))):
            await bench.flip()

    await bench.run(sent, "shim", load_and_flip)
    assert next(turns) - 2 >= LOADS
    assert bench.wire.stalls == 0


@cocotb.test()
@cocotb.parametrize(gap=list(GAPS))
async def tables_are_read_back_while_frames_are_matched(dut: Any, gap: str) -> None:
    bench = Bench(dut, "reading", gap)
    await bench.start()
    sent = traffic(bench.rng, gap, CLOCKS)
    rng = bench.rng
    runs = 0

    async def check() -> None:
        nonlocal runs
        space = GEOMETRY.spaces[runs % len(GEOMETRY.spaces)]
        start = rng.randrange(space.words)
        await bench.check(rng.random() < 0.5, space, start, min(start + 8, space.words))
        if rng.random() < 0.3:
            await bench.flip()
        runs += 1

    await bench.run(sent, gap, check)
    assert runs > CLOCKS // 500
    assert bench.wire.stalls == 0 or gap == "none"
