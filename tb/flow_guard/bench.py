"""The guard says of every segment what the golden table says, a constant time after it, and what
the host tells comes to it once, in no frame's way."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise
from typing import Any, NamedTuple

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.flow import WINDOW, Place
from hybridmesh.reference.flows import Flows
from hybridmesh.rtl.flow.guard import FlowGuard, Message
from hybridmesh.rtl.flow.guard import Place as PlaceLayout
from hybridmesh.rtl.flow.told import ToldHeads
from tb.lib.begin import clock_count, is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import pack, unpack
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Source
from tb.lib.valid import Watch

from . import LEAD

GEOMETRY = under_test().geometry
WIDTH = GEOMETRY.width
BEFORE = LEAD + ToldHeads.latency
"""Clocks from a frame's message to where the guard has it."""

LATENCY = FlowGuard(GEOMETRY).latency
APART = -(-60 // WIDTH)
"""Clocks from a frame of 60 bytes to the next, which are the shortest that there are."""

ON_A_WIRE = 84
"""Bytes of which the shortest frame takes the time, with preamble, FCS and gap."""

MESSAGES = 4_000 if is_long() else 600
CONNECTIONS = 20
"""More than the small tables have room for."""

AWAY = (-1, -2, -50, -500, -5000, 1, 100, -WINDOW, -WINDOW - 1, WINDOW - 1, WINDOW)
"""Bytes from where the next head begins."""


class Told(NamedTuple):
    """What the host tells, as soon as so many messages have come."""

    after: int
    flow: int
    seq: int


def traffic(rng: random.Random, told: float = 0) -> tuple[list[int], list[Told]]:
    """What the guard is told of frames, and what by the host, before a *told* share of these."""
    # Half of them share a set with another one, of the small tables at least: flipped are bits of
    # two digits of three bits.
    flows = [rng.getrandbits(32) for _ in range(CONNECTIONS // 2)]
    flows += [flow ^ 0b1001 << rng.randrange(29) for flow in flows]
    heads = {flow: rng.getrandbits(32) for flow in flows}
    flow = flows[0]
    messages, tells = [], []
    for number in range(MESSAGES):
        if rng.random() < 0.5:
            flow = rng.choice(flows)
        if rng.random() < told:
            heads[flow] += rng.choice((0, rng.randrange(5000), rng.getrandbits(32)))
            tells.append(Told(number - rng.randrange(4), flow, heads[flow] - 1 & 0xFFFFFFFF))
        seq = heads[flow]
        if rng.random() < 0.3:
            seq += rng.choice(AWAY)
        opens = not told and rng.random() < 0.3
        payload = not opens and rng.random() < 0.9
        framed, head, body = rng.random() < 0.8, rng.randrange(27, 9000), 0
        if rng.random() < 0.5:
            body = rng.choice((rng.randrange(3000), 999_999_999))
        if opens:
            heads[flow] = seq + 1
        elif payload and framed and seq == heads[flow]:
            heads[flow] = seq + head + body
        known = {"opens": opens, "payload": payload, "flow": flow, "seq": seq % 2**32}
        messages.append(pack(Message, **known, framed=framed, head_length=head, body_length=body))
    return messages, tells


def counts(message: int) -> bool:
    """Whether *message* tells the guard anything."""
    said = unpack(Message, message)
    return bool(said["opens"] or said["payload"])


class Bench:
    """The guard, and what is said to it and by it."""

    def __init__(self, dut: Any, idle: str, rng: random.Random) -> None:
        self.dut = dut
        self.source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
        self._rng = rng
        dut.flow_hash__w_en.value = dut.flow_syn__w_en.value = 0

    async def start(self) -> None:
        await start(self.dut)
        self._came, self._said = Watch(self.dut, "i"), Watch(self.dut, "said")
        self._places: dict[int, dict[str, int]] = {}
        cocotb.start_soon(self._listen())

    def send(self, messages: Sequence[int], distances: Iterator[int]) -> None:
        """Send *messages*, each so many clocks before the next."""
        for message in messages:
            self.source.send([message, *[None] * (next(distances) - 1)])

    async def tell(self, flow: int, seq: int) -> int:
        """Tell of a connection as a host would; returns the clocks that it took."""
        edge, dut = RisingEdge(self.dut.clk), self.dut
        assert not dut.telling.value
        assert not dut.flow_hash__w_refuse.value
        for name, word in (("flow_hash", flow), ("flow_syn", seq)):
            enable = getattr(dut, f"{name}__w_en")
            getattr(dut, f"{name}__w_data").value = word
            enable.value = 1
            await edge
            enable.value = 0
        clocks = 0
        await edge
        while dut.telling.value:
            assert dut.flow_hash__w_refuse.value
            assert dut.flow_syn__w_refuse.value
            clocks += 1
            await edge
        return clocks

    async def tell_all(self, tells: Sequence[Told]) -> None:
        for after, flow, seq in tells:
            while self.source.taken < after:
                await RisingEdge(self.dut.clk)
            await ClockCycles(self.dut.clk, self._rng.randrange(1, APART + 4))
            await self.tell(flow, seq)

    async def check(self, messages: Sequence[int], tells: Sequence[Told] = ()) -> Counter[Place]:
        """Wait until all has been said; compare it, and the places of *messages*, with the model.

        The model is told of frames and by the host in the order in which the guard is.
        """
        await self.source.drained()
        await ClockCycles(self.dut.clk, BEFORE + LATENCY + 4)
        assert self._came.payloads == messages
        came = zip(self._came.clocks, messages, strict=True)
        frames = {clock + BEFORE: message for clock, message in came if counts(message)}
        others = []
        model, counted = Flows(GEOMETRY), Counter[Place]()
        for clock, payload in zip(self._said.clocks, self._said.payloads, strict=True):
            said = unpack(Message, payload)
            if clock in frames:
                assert payload == frames.pop(clock), "a frame's message is not what it was"
            elif counts(payload):
                others.append(payload)
            if said["opens"]:
                model.opened(said["flow"], said["seq"])
            elif said["payload"]:
                length = said["head_length"] + said["body_length"] if said["framed"] else None
                place = model.came(said["flow"], said["seq"], length)
                expected = {"head": place is Place.HEAD, "body": place is Place.BODY}
                assert self._places[clock + LATENCY] == expected, f"{place} in clock {clock}"
                counted[place] += 1
        assert not frames, "a frame's message has not come"
        expected = [pack(Message, opens=1, flow=flow, seq=seq) for _, flow, seq in tells]
        assert others == expected, "what was told has not come once, in order"
        return counted

    async def _listen(self) -> None:
        while True:
            await RisingEdge(self.dut.clk)
            self._places[clock_count()] = unpack(PlaceLayout, int(self.dut.o.value))


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def the_place_is_that_of_the_model(dut: Any, idle: str) -> None:
    rng = rng_of(idle)
    bench = Bench(dut, idle, rng)
    await bench.start()
    messages, _ = traffic(rng)
    bench.send(messages, cycle((APART,)))
    counted = await bench.check(messages)
    assert min(counted[place] for place in Place) > MESSAGES // 30, counted


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def what_is_told_at_any_time_is_to_the_model_a_syn_between_frames(
    dut: Any, idle: str
) -> None:
    rng = rng_of(idle, "told")
    bench = Bench(dut, idle, rng)
    await bench.start()
    messages, tells = traffic(rng, told=0.3)
    bench.send(messages, (APART + rng.choice((0, 0, 0, 1, 2, 3, 5, 30)) for _ in messages))
    await bench.tell_all(tells)
    counted = await bench.check(messages, tells)
    assert min(counted[place] for place in Place) > MESSAGES // 30, counted


@cocotb.test()
async def between_the_shortest_frames_of_a_wire_there_is_room(dut: Any) -> None:
    rng = rng_of("wire")
    bench = Bench(dut, "none", rng)
    await bench.start()
    flow, seq = rng.getrandbits(32), rng.getrandbits(32)
    messages = [pack(Message, payload=1, flow=flow, seq=seq)] * MESSAGES
    ends = [-(-ON_A_WIRE * number // WIDTH) for number in range(MESSAGES + 1)]
    bench.send(messages, (after - before for before, after in pairwise(ends)))
    tells, waits = [], []
    while bench.source.taken < MESSAGES - 2:
        tells.append(Told(0, rng.getrandbits(32), rng.getrandbits(32)))
        await ClockCycles(dut.clk, rng.randrange(1, 30))
        waits.append(await bench.tell(*tells[-1][1:]))
    await bench.check(messages, tells)
    assert max(waits) <= 2 * ON_A_WIRE // WIDTH + 4
    dut._log.info("what is told waits for up to %d clocks", max(waits))


@cocotb.test()
async def what_is_told_waits_for_frames_without_a_gap_and_disturbs_none(dut: Any) -> None:
    rng = rng_of("gapless")
    bench = Bench(dut, "none", rng)
    await bench.start()
    messages = [message | 2 for message in traffic(rng)[0]]  # each with payload: it counts
    bench.send(messages, cycle((APART,)))
    await ClockCycles(dut.clk, LEAD + 5 * APART)
    told = Told(0, rng.getrandbits(32), rng.getrandbits(32))
    clocks = await bench.tell(told.flow, told.seq)
    assert (bench.source.taken == MESSAGES) == (WIDTH in (8, 64)), clocks
    await bench.check(messages, [told])
