"""Each of the smaller parts says what a plain model says, so many clocks later."""

from collections import defaultdict
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.decimal import Decimal
from hybridmesh.rtl.match.hosts import HostMatcher
from hybridmesh.rtl.match.rows import RowMatcher
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.keys import accepting, scattered
from tb.lib.pauses import PAUSES
from tb.lib.readback import ask, questions
from tb.lib.tables import fill

from .play import Step, field_steps, play

DESIGN = under_test()
GEOMETRY = DESIGN.geometry
WIDTH = GEOMETRY.width
COUNT = 2000 if is_long() else 60
ODDS = {"hosts": (0.002, 0.01, 0.03, 0.2), "rows": (0.05, 0.1, 0.3)}
NEAREST = 63
"""Least offset in a frame of a host's first byte."""

APART = 5 if WIDTH <= 8 else 1
"""Clocks between two calls, at the fewest: heads are that long."""


def only(part: str) -> bool:
    """Whether to skip what is not for the design under test."""
    return not DESIGN.name.startswith(part)


async def loaded(dut: Any, part: str, *names: str) -> list[TableImage]:
    """Start, and fill the spaces *names* of both banks."""
    dut.table__en.value = 0
    for port in dir(dut):
        if port.startswith("ask_") and port.endswith("__en"):
            getattr(dut, port).value = 0
    await start(dut)
    images = [scattered(GEOMETRY, seed, ODDS[part]) for seed in range(2)]
    for bank, image in enumerate(images):
        await fill(dut, image, bank, names)
    await ClockCycles(dut.clk, 3)
    return images


def class_of(image: TableImage, host: bytes) -> int:
    hits = accepting(image.host, host[::-1])
    lowest = (hits & -hits).bit_length() - 1
    return int(image.host_class[lowest]) if hits else 0


@cocotb.test(skip=only("hosts"))
@cocotb.parametrize(idle=list(PAUSES), after=[0, 40])
async def a_host_gets_the_class_of_the_lowest_pattern(dut: Any, idle: str, after: int) -> None:
    """At once after its end, and when its frame has ended, however near the next host is."""
    rng, pause = rng_of(idle, after), PAUSES[idle](rng_of(idle))
    for name in ("valid", "class_wanted"):
        getattr(dut, name).value = 0
    images = await loaded(dut, "hosts", "host", "host_class")
    late = HostMatcher(GEOMETRY).latency
    steps: list[Step] = []
    wanted: dict[int, tuple[int, ...]] = {}
    banks: dict[int, int] = {}
    for _ in range(COUNT):
        length = rng.choice((0, 1, 2, 40, 62, 63, 64, 65, rng.randrange(80)))
        begin = NEAREST + rng.choice((0, 0, 0, rng.randrange(20)))
        frame = rng.randbytes(begin + length + 1 + rng.randrange(after + 1))
        bank = rng.getrandbits(1)
        beats, ends = field_steps(rng, frame, (begin, begin + length), WIDTH, pause)
        answer = class_of(images[bank], frame[begin : begin + length])
        for clock in (len(steps) + ends + late, len(steps) + len(beats) - 1 + late):
            wanted[clock], banks[clock] = (answer,), bank
        steps += [{"bank": bank} | beat for beat in beats]
    steps += [{"valid": 0}] * (late + 1)
    for clock in range(len(steps)):
        asked = {"class_wanted": clock + 1 in wanted, "class_bank": banks.get(clock + 1, 0)}
        steps[clock] = steps[clock] | asked
    reading = []
    for port, name in (("ask_patterns", "host"), ("ask_classes", "host_class")):
        asked, known = questions(rng, images, (name,), 8)
        reading.append((cocotb.start_soon(ask(dut, rng_of(port), asked, port)), known))
    assert await play(dut, steps, wanted, ("host_class",)) == wanted
    assert len(set(wanted.values())) > 2
    for task, known in reading:
        assert await task == known


@cocotb.test(skip=only("rows"))
@cocotb.parametrize(idle=list(PAUSES))
async def the_lowest_row_that_all_conditions_allow_wins(dut: Any, idle: str) -> None:
    rng, pause = rng_of(idle), PAUSES[idle](rng_of(idle))
    for name in ("valid", "call_valid"):
        getattr(dut, name).value = 0
    images = await loaded(dut, "rows", "word", "row_flags")
    part = RowMatcher(GEOMETRY)
    rows, at = GEOMETRY.rows, 0
    given: defaultdict[int, Step] = defaultdict(dict)
    wanted: dict[int, tuple[int, ...]] = {}
    for number in range(COUNT):
        call, seen, host = rng.getrandbits(8), rng.getrandbits(16), rng.getrandbits(8)
        path = rng.getrandbits(rows) if number % 3 else 1 << rng.randrange(rows)
        bank = rng.getrandbits(1)
        given[at] |= {"call_valid": 1, "call": call, "predicates": seen, "call_bank": bank}
        given[at + part.lead] |= {"valid": 1, "host_class": host, "path": path, "bank": bank}
        word = bytes([host, call]) + seen.to_bytes(2, "little")
        hits = accepting(images[bank].word, word, None) & path
        row = (hits & -hits).bit_length() - 1
        flags = int(images[bank].row_flags[row]) if hits else 0
        wanted[at + part.lead + part.latency] = (int(hits != 0), max(row, 0), flags)
        at += APART
        while next(pause):
            at += 1
    bits = {"call": 8, "predicates": 16, "call_bank": 1, "host_class": 8, "path": rows, "bank": 1}
    steps = [
        {"valid": 0, "call_valid": 0}
        | {name: rng.getrandbits(count) for name, count in bits.items()}
        | given[clock]
        for clock in range(max(wanted) + 1)
    ]
    asked, known = questions(rng, images, ("row_flags",), 8)
    reading = cocotb.start_soon(ask(dut, rng_of("read"), asked, "ask_flags"))
    assert await play(dut, steps, wanted, ("found", "row", "flags")) == wanted
    assert {found for found, _, _ in wanted.values()} == {0, 1}
    assert len(set(wanted.values())) > 8
    dut.valid.value = 0
    assert await reading == known


@cocotb.test(skip=only("decimal"))
@cocotb.parametrize(idle=list(PAUSES), spare=[0, 90])
async def digits_are_their_number(dut: Any, idle: str, spare: int) -> None:
    rng, pause = rng_of(idle, spare), PAUSES[idle](rng_of(idle))
    dut.valid.value = 0
    await start(dut)
    late = Decimal(WIDTH).latency
    steps: list[Step] = []
    wanted: dict[int, tuple[int, ...]] = {}
    for _ in range(COUNT):
        digits = "".join(rng.choices("0123456789", k=rng.randint(1, 9)))
        before = rng.randbytes(rng.randrange(spare + 1)) + b": "
        frame = before + digits.encode() + b"\r" + rng.randbytes(rng.randrange(spare + 1))
        end = len(before) + len(digits)
        beats, ends = field_steps(rng, frame, (len(before), end), WIDTH, pause)
        wanted[len(steps) + ends + late] = (int(digits),)
        steps += [{name: beat[name] for name in ("valid", "data", "end")} for beat in beats]
    steps += [{"valid": 0}] * (late + 1)
    assert await play(dut, steps, wanted, ("value",)) == wanted
