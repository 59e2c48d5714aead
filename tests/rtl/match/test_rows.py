"""The row matcher: class, method, predicates and path against byte-by-byte look-up."""

import random

import pytest
from keybench import clocked, matches, scatter, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.rows import RowMatcher

CASES = [  # rows, predicates; clocks: read 1, OR, encoder, flags 1
    (32, 16, 1 + 2 + 2 + 1),
    (64, 32, 1 + 2 + 2 + 1),
    (32, 64, 1 + 3 + 2 + 1),
]


def answer(image: TableImage, word: bytes, path: int, rows: int) -> tuple[int, int, int]:
    hits = matches(image.word, word) & path
    row = next((n for n in range(rows) if hits >> n & 1), None)
    return (0, 0, 0) if row is None else (1, row, int(image.row_flags[row]))


@pytest.mark.parametrize(("rows", "predicates", "latency"), CASES)
def test_the_lowest_row_that_all_conditions_allow_wins(
    rows: int, predicates: int, latency: int
) -> None:
    rng = random.Random(rows)
    geometry = Geometry(rows=rows, predicates=predicates)
    odds = (0.1, 0.2, 0.5)
    images = [scatter(TableImage(geometry), seed, odds) for seed in (1, 2)]
    names = ("word", "row_flags")
    steps = [{"table": w} for bank in (0, 1) for w in table_writes(images[bank], bank, *names)]
    expected = {}
    for number in range(100):
        word = rng.randbytes(2 + predicates // 8)
        path = (
            rng.getrandbits(rows) & rng.getrandbits(rows) if number % 4 else rng.getrandbits(rows)
        )
        bank = rng.getrandbits(1)
        if rng.random() < 0.3:
            steps.append({"valid": 0, "word": 0, "path": 0, "bank": bank ^ 1})
        expected[len(steps)] = answer(images[bank], word, path, rows)
        inputs = {"word": int.from_bytes(word, "little"), "path": path, "bank": bank}
        steps.append({"valid": 1, **inputs})
    steps += [{"valid": 0}] * latency

    dut = RowMatcher(geometry)
    assert dut.latency == latency
    probes = {"found": dut.found, "row": dut.row, "flags": dut.flags}
    seen = clocked(dut, steps, probes)
    for clock, (found, row, flags) in expected.items():
        got = [seen[name][clock + latency] for name in probes]
        assert (got[0], got[2]) == (found, flags), f"clock {clock}"
        assert got[1] == row or not found, f"clock {clock}"
    assert {found for found, _, _ in expected.values()} == {0, 1}
    assert len({row for _, row, _ in expected.values()}) > 3
