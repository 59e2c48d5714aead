"""The guard says of every segment what the golden table says, a constant time after it."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.flow import WINDOW, Place
from hybridmesh.reference.flows import Flows
from hybridmesh.rtl.flow.guard import FlowGuard, Message
from hybridmesh.rtl.flow.guard import Place as PlaceLayout
from tb.lib.begin import clock_count, is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import pack, unpack
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Source
from tb.lib.valid import Watch

GEOMETRY = under_test().geometry
LATENCY = FlowGuard(GEOMETRY).latency
APART = -(-60 // GEOMETRY.width)
"""Clocks from a frame of 60 bytes to the next, which are the shortest that there are."""

MESSAGES = 20_000 if is_long() else 600
CONNECTIONS = 20
"""More than the small tables have room for."""

AWAY = (-1, -2, -50, -500, -5000, 1, 100, -WINDOW, -WINDOW - 1, WINDOW - 1, WINDOW)
"""Bytes from where the next head begins."""


def messages(rng: random.Random) -> Iterator[tuple[int, Place | None]]:
    """What the guard is told of frames, and where their payloads begin; None: there is none."""
    model = Flows(GEOMETRY)
    # Half of them share a set with another one, of the small tables at least: flipped are bits of
    # two digits of three bits.
    flows = [rng.getrandbits(32) for _ in range(CONNECTIONS // 2)]
    flows += [flow ^ 0b1001 << rng.randrange(29) for flow in flows]
    heads = {flow: rng.getrandbits(32) for flow in flows}
    flow = flows[0]
    for _ in range(MESSAGES):
        if rng.random() < 0.5:
            flow = rng.choice(flows)
        seq = heads[flow]
        if rng.random() < 0.3:
            seq += rng.choice(AWAY)
        opens = rng.random() < 0.3
        payload = not opens and rng.random() < 0.9
        framed, head, body = rng.random() < 0.8, rng.randrange(27, 9000), 0
        if rng.random() < 0.5:
            body = rng.choice((rng.randrange(3000), 999_999_999))
        place = None
        if opens:
            model.opened(flow, seq % 2**32)
            heads[flow] = seq + 1
        elif payload:
            place = model.came(flow, seq % 2**32, head + body if framed else None)
            if framed and place is Place.HEAD:
                heads[flow] = seq + head + body
        told = {"opens": opens, "payload": payload, "flow": flow, "seq": seq % 2**32}
        yield pack(Message, **told, framed=framed, head_length=head, body_length=body), place


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def the_place_is_that_of_the_model(dut: Any, idle: str) -> None:
    rng = rng_of(idle)
    source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
    await start(dut)
    told = Watch(dut, "i")
    said: dict[int, dict[str, int]] = {}

    async def listen() -> None:
        while True:
            await RisingEdge(dut.clk)
            said[clock_count()] = unpack(PlaceLayout, int(dut.o.value))

    cocotb.start_soon(listen())
    places = []
    for message, place in messages(rng):
        source.send([message, *[None] * (APART - 1)])
        places.append(place)
    await source.drained()
    await ClockCycles(dut.clk, LATENCY + 1)

    for number, (clock, place) in enumerate(zip(told.clocks, places, strict=True)):
        if place is not None:
            expected = {"head": place is Place.HEAD, "body": place is Place.BODY}
            assert said[clock + LATENCY] == expected, f"message {number}: {place}"
    counted = Counter(places)
    assert min(counted[place] for place in Place) > MESSAGES // 30, counted
