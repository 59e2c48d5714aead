"""The row matcher: class, call, predicates and path against byte-by-byte look-up."""

import random

import pytest
from keybench import Asker, clocked, matches, scatter, table_words, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.rows import RowMatcher

CASES = [  # width, rows, predicates; latency: read 2, OR 1, lowest 2; clocks between calls
    (1, 32, 16, 2 + 1 + 2, 5),
    (8, 64, 32, 2 + 1 + 2, 5),
    (8, 32, 64, 2 + 1 + 2, 5),
    (64, 32, 16, 2 + 1 + 2, 1),
    (64, 32, 64, 2 + 1 + 2, 1),
]
NAMES = ("word", "row_flags")


def answer(image: TableImage, word: bytes, path: int, rows: int) -> tuple[int, int, int]:
    hits = matches(image.word, word) & path
    row = next((n for n in range(rows) if hits >> n & 1), None)
    return (0, 0, 0) if row is None else (1, row, int(image.row_flags[row]))


def created(width: int, rows: int, predicates: int) -> tuple[RowMatcher, list[TableImage], list]:
    """A matcher, its two tables and the steps that load them."""
    geometry = Geometry(width=width, rows=rows, predicates=predicates)
    odds = (0.05, 0.1, 0.3)
    images = [scatter(TableImage(geometry), seed, odds) for seed in (1, 2)]
    steps = [{"table": w} for bank in (0, 1) for w in table_writes(images[bank], bank, *NAMES)]
    return RowMatcher(geometry), images, [*steps, {"table": None}, {"table": None}]


@pytest.mark.parametrize(("width", "rows", "predicates", "latency", "apart"), CASES)
def test_the_lowest_row_that_all_conditions_allow_wins(
    width: int, rows: int, predicates: int, latency: int, apart: int
) -> None:
    rng = random.Random(rows)
    dut, images, loading = created(width, rows, predicates)
    assert dut.latency == latency
    steps = [{"call_valid": 0, "valid": 0, **step} for step in loading]
    begin, expected, at = len(steps), {}, len(steps) + dut.lead
    steps += [{} for _ in range(60 * (apart + 1) + dut.lead + latency)]
    for number in range(60):
        call, seen, host = rng.getrandbits(8), rng.getrandbits(predicates), rng.getrandbits(8)
        path = rng.getrandbits(rows) if number % 4 else 1 << rng.randrange(rows)
        bank = rng.getrandbits(1)
        word = bytes([host, call]) + seen.to_bytes(predicates // 8, "little")
        expected[at] = answer(images[bank], word, path, rows)
        asked = {"call_valid": 1, "call": call, "predicates": seen, "call_bank": bank}
        steps[at - dut.lead].update(asked)
        steps[at].update({"valid": 1, "host_class": host, "path": path, "bank": bank})
        at += apart + (rng.random() < 0.3)
    for step in steps[begin:]:  # what is shown in other clocks must not matter
        if "call_valid" not in step:
            noise = {"call": rng.getrandbits(8), "predicates": rng.getrandbits(predicates)}
            step.update({"call_valid": 0, "call_bank": rng.getrandbits(1), **noise})
        if "valid" not in step:
            step.update({"valid": 0, "host_class": 0, "path": 0, "bank": rng.getrandbits(1)})

    probes = {"found": dut.found, "row": dut.row, "flags": dut.flags}
    seen = clocked(dut, steps, probes)
    for clock, (found, row, flags) in expected.items():
        got = [seen[name][clock + latency] for name in probes]
        assert (got[0], got[2]) == (found, flags), f"clock {clock}"
        assert got[1] == row or not found, f"clock {clock}"
    assert {found for found, _, _ in expected.values()} == {0, 1}
    assert len({row for _, row, _ in expected.values()}) > 3


@pytest.mark.parametrize(("width", "predicates"), [(8, 32), (64, 16)])
def test_every_part_answers_for_its_own_positions(width: int, predicates: int) -> None:
    rng = random.Random(3)
    dut, images, loading = created(width, 32, predicates)
    space = images[0].geometry.word
    words = [table_words(image, "word") for image in images]
    flags = table_words(images[0], "row_flags")
    places = {
        dut.ask_classes: range(32),
        dut.ask_calls: range(32, space.words),
        dut.ask_flags: range(32),
    }
    askers, testbenches = [], []
    for ask, numbers in places.items():
        number = images[0].geometry.row_flags.number if ask is dut.ask_flags else space.number
        asked = [
            {"bank": 0 if ask is dut.ask_flags else rng.getrandbits(1), "space": number, "word": n}
            for n in [numbers[0], numbers[-1], *rng.sample(numbers, 6)]
        ]
        asker = Asker(ask, asked)
        askers.append((asker, asked))

        async def testbench(ctx, asker: Asker = asker) -> None:
            await ctx.tick().repeat(len(loading))
            await asker.run(ctx)

        testbenches.append(testbench)
    steps = [{"call_valid": 0, "valid": 0, **step} for step in loading]
    for clock in range(200):
        steps.append({"call_valid": clock % 6 == 0, "valid": clock % 6 == 0, "call": clock % 7})
    clocked(dut, steps, {"found": dut.found}, *testbenches)
    for asker, asked in askers[:2]:
        assert asker.answers == [words[question["bank"]][question["word"]] for question in asked]
    assert askers[2][0].answers == [flags[question["word"]] for question in askers[2][1]]
