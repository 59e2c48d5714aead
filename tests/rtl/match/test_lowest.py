"""The entry of the lowest bit against the table's words, while words are read back."""

import random

import pytest
from keybench import Asker, clocked, scatter, table_words, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.lowest import LowestEntry

CASES = {  # space, its size; latency: lowest of each group 1, read 1, ORed of many groups 1
    ("host_class", "hosts", 16): 2,
    ("host_class", "hosts", 128): 2,
    ("row_flags", "rows", 32): 2,
    ("row_flags", "rows", 256): 3,
    ("row_flags", "rows", 1024): 3,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_the_lowest_bit_s_entry_is_found_while_others_are_read_back(case) -> None:
    name, size, entries = case
    rng = random.Random(entries)
    geometry = Geometry(**{size: entries})
    images = [scatter(TableImage(geometry), seed, (0.3, 0.5)) for seed in (1, 2)]
    space = getattr(geometry, name)
    words = [table_words(image, name) for image in images]
    steps = [{"table": w} for bank in (0, 1) for w in table_writes(images[bank], bank, name)]
    steps += [{"table": None}] * 2
    begin = len(steps)
    bits = 0
    for _ in range(300):
        due, bank, asked_for = rng.random() < 0.7, rng.getrandbits(1), bits
        bits = rng.choice((0, 1, 1 + 2 * rng.getrandbits(entries))) << rng.randrange(entries)
        bits &= (1 << entries) - 1
        steps.append({"i": bits, "valid": due, "bank": bank, "of": asked_for})
    dut = LowestEntry(space)
    assert dut.latency == CASES[case]
    asked = [
        {"bank": bank, "space": space.number, "word": n}
        for bank in (0, 1)
        for n in rng.sample(range(space.words), 12)
    ]
    asker = Asker(dut.ask, asked)

    async def ask(ctx) -> None:
        await ctx.tick().repeat(begin)
        await asker.run(ctx)

    probes = {"o": dut.o, "found": dut.found, "number": dut.number, "done": dut.ask.done}
    driven = [{k: v for k, v in step.items() if k != "of"} for step in steps]
    seen = clocked(dut, [*driven, *[{"valid": 0}] * 20], probes, ask)
    found = 0
    for clock, step in enumerate(steps):
        if not step.get("valid"):
            continue
        at, of = clock + dut.latency - dut.lead, step["of"]
        lowest = (of & -of).bit_length() - 1
        entry = words[step["bank"]][lowest] if of else 0
        assert seen["o"][at] == entry, "an answer is not taken for an entry"
        assert (seen["found"][at], seen["number"][at]) == (of != 0, lowest if of else 0)
        found += of != 0
    assert found > 100
    assert asker.answers == [words[q["bank"]][q["word"]] for q in asked]
    assert sum(seen["done"]) == len(asked)
