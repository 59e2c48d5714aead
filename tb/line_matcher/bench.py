"""The columns that the lines of a head hit, once and more than once, are counted by hand."""

from collections import Counter
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.watch import TOUCH_COLUMNS, Column
from hybridmesh.rtl.match.lines import LineMatcher
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.keys import accepting, marked_beats, scattered
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Source
from tb.lib.tables import fill

GEOMETRY = under_test().geometry
WIDTH = GEOMETRY.width
LATENCY = LineMatcher(GEOMETRY).latency
COLUMNS = range(GEOMETRY.header_columns)
HEADS = 1000 if is_long() else 40
ODDS = (0.01, 0.05, 0.15, 0.4)
SHORTEST = 5
"""Bytes of a line without CRLF; a head with a shorter one is never decided."""

LENGTHS = {
    "shortest": (SHORTEST, SHORTEST),
    "short": (SHORTEST, 9),
    "about_the_key": (14, 17),
    "long": (30, 60),
}


def counted(hits: list[int]) -> tuple[int, int, bool]:
    """Columns seen, columns seen again, and whether to touch, of lines with these *hits*."""
    counts = Counter(column for line in hits for column in COLUMNS if line >> column & 1)
    touched = False
    for line in hits:
        watch = line >> GEOMETRY.predicates
        touched |= bool(watch & (1 << TOUCH_COLUMNS) - 1) and not watch >> Column.EXCUSE & 1
    repeated = sum(1 << column for column, count in counts.items() if count > 1)
    return sum(1 << column for column in counts), repeated, touched


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), length=list(LENGTHS))
async def every_line_of_a_head_counts(dut: Any, idle: str, length: str) -> None:
    rng = rng_of(idle, length)
    source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
    dut.table__en.value = 0
    await start(dut)
    images = [scattered(GEOMETRY, seed, ODDS) for seed in range(2)]
    for bank, image in enumerate(images):
        await fill(dut, image, bank, ("header",))
    await ClockCycles(dut.clk, 2)  # the last word passes a register

    pool = [rng.randbytes(rng.randint(*LENGTHS[length])) for _ in range(12)]
    ends, expected = set(), []
    sent = 0
    for _ in range(HEADS):
        bank = rng.getrandbits(1)
        frame = b"\xff" * rng.randrange(3 * WIDTH)
        fields = []
        lines = rng.choices(pool, k=rng.randrange(8))
        for line in lines:
            fields.append((len(frame), len(frame) + len(line)))
            frame += line + b"\r\n"
        beats = marked_beats(frame + b"\r\n", fields, WIDTH, bank)
        source.send(beats)
        sent += len(beats)
        ends.add(sent)
        expected.append(counted([accepting(images[bank].header, line) for line in lines]))

    answers = []

    async def answer() -> None:
        await ClockCycles(dut.clk, LATENCY)
        answers.append((int(dut.seen.value), int(dut.repeated.value), bool(dut.touched.value)))

    edge, passed = RisingEdge(dut.clk), 0
    while passed < sent:
        await edge
        if dut.i__valid.value:
            passed += 1
            if passed in ends:
                cocotb.start_soon(answer())
    await ClockCycles(dut.clk, LATENCY + 2)
    assert answers == expected
    assert {touched for _, _, touched in expected} == {False, True}
    assert any(seen & ~repeated and repeated for seen, repeated, _ in expected)
