"""The columns that the keys of a head hit, once and more than once, are counted by hand."""

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.rtl.match.keys import KeyMatcher
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.keys import scattered
from tb.lib.pauses import PAUSES
from tb.lib.readback import ask, questions
from tb.lib.stream import AmaranthPort, Source
from tb.lib.tables import fill

from .head import Answer, Head

GEOMETRY = under_test().geometry
WIDTH, KEY = GEOMETRY.width, GEOMETRY.header_bytes
ENGINES = {1: 1, 8: 2, 64: 4}[WIDTH]
LATENCY = KeyMatcher(GEOMETRY).latency
HEADS = 1000 if is_long() else 40
ODDS = {1: (0.01, 0.05, 0.15, 0.4), 8: (0.01, 0.05, 0.15, 0.4), 64: (0.002, 0.01, 0.03, 0.1)}
SHORTEST = 5
"""Bytes of a line without CRLF; a head with a shorter one is never decided."""

LENGTHS = {
    "shortest": (SHORTEST, SHORTEST),
    "short": (SHORTEST, 9),
    "about_a_beat": (max(SHORTEST, WIDTH - 4), WIDTH + 6),
    "about_the_key": (KEY - 2, KEY + 2),
    "long": (2 * KEY, 4 * KEY),
}


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), length=list(LENGTHS), query=[False, True])
async def every_key_of_a_head_counts(dut: Any, idle: str, length: str, query: bool) -> None:
    rng = rng_of(idle, length, query)
    source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
    dut.table__en.value = 0
    dut.ask__en.value = 0
    await start(dut)
    images = [scattered(GEOMETRY, seed, ODDS[WIDTH]) for seed in range(2)]
    for bank, image in enumerate(images):
        await fill(dut, image, bank, ("header",))
    await ClockCycles(dut.clk, 3)  # the last word passes two registers

    low, high = LENGTHS[length]
    lines = [rng.randbytes(rng.randint(low, high)) for _ in range(12)]
    shortest = 0 if length.startswith("short") else low
    params = [bytes(rng.choices(range(128), k=rng.randint(shortest, high))) for _ in range(12)]
    ends, expected = set(), []
    sent = 0
    for _ in range(HEADS):
        head = Head(
            params=tuple(rng.choices(params, k=rng.randrange(6))) if query else (),
            lines=tuple(rng.choices(lines, k=rng.randrange(8))),
            before=rng.randrange(3 * WIDTH),
            bank=rng.getrandbits(1),
            cut=False,
        )
        if head.lines and rng.random() < 0.2:
            head = Head(head.params, head.lines, head.before, head.bank, cut=True)
        beats = head.beats(GEOMETRY)
        source.send(beats)
        sent += len(beats)
        ends.add(sent)
        expected.append(head.answer(images[head.bank], ENGINES))

    answers = []

    async def answer() -> None:
        await ClockCycles(dut.clk, LATENCY)
        crowded = bool(dut.crowded.value)
        seen, again = int(dut.seen.value), bool(dut.repeated.value)
        answers.append(Answer(0, False, True) if crowded else Answer(seen, again, False))

    asked, known = questions(rng, images, ("header",), 4)
    reading = cocotb.start_soon(ask(dut, rng_of("read", idle), asked))
    edge, passed = RisingEdge(dut.clk), 0
    while passed < sent:
        await edge
        if dut.i__valid.value:
            passed += 1
            if passed in ends:
                cocotb.start_soon(answer())
    await ClockCycles(dut.clk, LATENCY + 2)
    assert answers == expected
    assert len(set(expected)) > 4
    assert {answer.repeated for answer in expected} == {False, True}
    while not reading.done():
        await edge
    assert reading.result() == known
