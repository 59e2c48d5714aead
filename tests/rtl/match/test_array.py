"""Memories side by side: loaded, searched and read back, all at once."""

import random
from dataclasses import dataclass
from functools import reduce
from operator import or_

import pytest
from keybench import Asker, clocked, refusals, scatter, table_words, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.array import TcamArray

ODDS = (0.02, 0.1, 0.4)
FILLED = 2000
"""Entries that are not zero, by lane."""


@dataclass(frozen=True)
class Case:
    """An array, and its latency: address registered, memory read, levels of OR."""

    geometry: Geometry
    space: str
    lanes: int
    latency: int
    terms: int = 1
    register: bool = True
    positions: range | None = None

    def create(self) -> TcamArray:
        return TcamArray(
            getattr(self.geometry, self.space),
            self.lanes,
            positions=self.positions,
            terms=self.terms,
            register=self.register,
        )

    def places(self) -> range:
        return self.positions or range(getattr(self.geometry, self.space).positions)


CASES = {
    "a-byte-a-clock": Case(Geometry(width=1, rows=32, path_bytes=16), "path", 1, 1 + 2 + 1),
    "two-words-an-entry": Case(Geometry(rows=64, path_bytes=16), "path", 8, 1 + 1 + 2),
    "four-words-an-entry": Case(Geometry(rows=128, path_bytes=32), "path", 4, 1 + 2 + 2),
    "half-a-word-an-entry": Case(
        Geometry(predicates=16, header_bytes=16), "header", 8, 1 + 1 + 1, terms=4
    ),
    "a-beat-of-64": Case(Geometry(width=64, predicates=16), "header", 64, 1 + 1 + 3, terms=4),
    "a-word": Case(
        Geometry(rows=32, predicates=16), "word", 3, 0 + 1 + 1, 2, False, positions=range(1, 4)
    ),
    "a-byte": Case(Geometry(rows=32), "word", 1, 0 + 1 + 0, 2, False, positions=range(1)),
}


def sparse(case: Case, seed: int) -> tuple[TableImage, list[dict[str, int]]]:
    """An image with few entries that are not zero, and the words of these."""
    image = scatter(TableImage(case.geometry), seed, ODDS)
    space = getattr(case.geometry, case.space)
    entries = getattr(image, case.space).mismatch.reshape(space.entries, space.columns)
    rng = random.Random(seed)
    filled = {n for n in range(space.entries) if rng.random() * space.words < FILLED / case.lanes}
    entries[[n for n in range(space.entries) if n not in filled]] = False
    writes = table_writes(image, seed % 2, case.space)
    return image, [write for write in writes if write["word"] // space.slices in filled]


def searched(dut, steps: list[dict], *more):
    """As :func:`clocked`; where a lane is looked up, some lane is."""
    steps = [s | {"used": bool(s["mask"])} if "mask" in s else s for s in steps]
    return clocked(dut, steps, *more)


def searches(case: Case, rng: random.Random, banks: list[int], count: int) -> list[dict]:
    """Look-ups of random bytes in random lanes, none in some clocks."""
    words = len(case.places()) // case.lanes
    return [
        {
            "data": rng.getrandbits(8 * case.lanes),
            "mask": rng.getrandbits(case.lanes) if rng.random() < 0.7 else 0,
            "word": [rng.randrange(words) for _ in range(case.lanes)],
            "bank": rng.choice(banks),
        }
        for _ in range(count)
    ]


def mismatch(case: Case, images: list[TableImage], step: dict) -> int:
    tcam = getattr(images[step["bank"]], case.space)
    places = case.places()
    return refusals(
        tcam,
        (
            (places[step["word"][lane] * case.lanes + lane], step["data"] >> 8 * lane & 255)
            for lane in range(case.lanes)
            if step["mask"] >> lane & 1
        ),
    )


def questions(case: Case, rng: random.Random, images: list[TableImage], count: int):
    """Words of the array's positions, the first and the last among them, and what they are."""
    space = getattr(case.geometry, case.space)
    span = range(case.places().start * 32 * space.slices, case.places().stop * 32 * space.slices)
    words = [table_words(image, case.space) for image in images]
    filled = [n for n in span if words[0][n] or words[1][n]]
    numbers = [span[0], span[-1], *rng.sample(filled, count - 2)]
    asked, known = [], []
    for number in numbers:
        bank = rng.choice([bank for bank in (0, 1) if words[bank][number]] or [0, 1])
        asked.append({"bank": bank, "space": space.number, "word": number})
        known.append(words[bank][number])
    return asked, known


@pytest.mark.parametrize("name", CASES)
def test_all_is_looked_up_and_read_back_while_the_other_bank_is_loaded(name: str) -> None:
    case, rng = CASES[name], random.Random(name)
    images, loads = zip(*(sparse(case, bank) for bank in (0, 1)), strict=True)
    count = 16 if case.lanes <= 8 else 5
    asked, known = questions(case, rng, images, count)
    search = searches(case, rng, [0], len(loads[1])) + searches(case, rng, [0, 1], 16 * count)
    steps = [{"table": word} for word in loads[0]]
    steps += [{"table": None}] * 2
    begin = len(steps)
    steps += [
        {**step, "table": loads[1][n] if n < len(loads[1]) else None}
        for n, step in enumerate(search)
    ]
    settled = begin + len(loads[1]) + 3  # bank 1 holds all its words
    steps[begin + len(loads[1]) : settled] = [{"mask": 0, "table": None}] * 3

    dut = case.create()
    assert dut.latency == case.latency

    async def ask(ctx) -> None:
        await ctx.tick().repeat(settled)
        await asker.run(ctx)

    asker = Asker(dut.ask, asked)
    probes = {"o": reduce(or_, dut.o), "done": dut.ask.done, "data": dut.ask.data}
    seen = searched(dut, steps + [{"mask": 0}] * (case.latency + 20), probes, ask)
    wanted = {
        clock: mismatch(case, images, step) for clock, step in enumerate(steps) if step.get("mask")
    }
    assert {clock: seen["o"][clock + case.latency] for clock in wanted} == wanted
    assert len(set(wanted.values())) > 20
    assert asker.answers == known
    assert len(set(known)) > count // 2
    assert sum(seen["done"]) == len(known)
    assert all(done or not word for done, word in zip(seen["done"], seen["data"], strict=True))


@pytest.mark.parametrize("name", ["two-words-an-entry", "a-word", "a-byte"])
def test_a_word_of_another_space_or_position_is_left_to_others(name: str) -> None:
    case = CASES[name]
    space = getattr(case.geometry, case.space)
    image = scatter(TableImage(case.geometry), 3, (0.5,))
    inside = {n // (32 * space.slices) for n in range(space.words)} - set(case.places())
    elsewhere = [{"space": other, "word": 0} for other in range(8) if other != space.number]
    elsewhere += [{"space": space.number, "word": n * 32 * space.slices} for n in inside]
    steps = [{"table": word} for word in table_writes(image, 0, case.space)]
    steps += [{"ask": question} for question in elsewhere for _ in range(case.latency + 6)]
    dut = case.create()
    seen = searched(dut, steps, {"done": dut.ask.done, "data": dut.ask.data})
    assert not any(seen["done"])
    assert not any(seen["data"])


def test_a_search_on_every_clock_is_not_kept_from_its_memories() -> None:
    """A question waits for a clock without a look-up, however long that takes."""
    case, rng = CASES["two-words-an-entry"], random.Random(4)
    image = scatter(TableImage(case.geometry), 4, ODDS)
    asked, known = questions(case, rng, [image] * 2, 2)
    busy = [step | {"mask": 1 + rng.randrange(255)} for step in searches(case, rng, [0], 60)]
    steps = [{"table": word} for word in table_writes(image, 0, case.space)] + [{"table": None}] * 2
    steps += [{"ask": asked[1] | {"bank": 0}, **step} for step in busy]
    steps += [{"ask": asked[1] | {"bank": 0}, "mask": 0}] * (case.latency + 4)
    dut = case.create()
    probes = {"o": reduce(or_, dut.o), "done": dut.ask.done, "data": dut.ask.data}
    seen = searched(dut, steps, probes)
    wanted = {
        clock: mismatch(case, [image], step) for clock, step in enumerate(steps) if "data" in step
    }
    assert {clock: seen["o"][clock + case.latency] for clock in wanted} == wanted
    assert seen["done"] == [0] * (len(steps) - 1) + [1]
    assert seen["data"][-1] == known[1]


def test_the_last_word_of_an_entry_writes_it_with_the_words_before() -> None:
    """Nothing is seen of an entry of two words until its second word is there."""
    case = CASES["two-words-an-entry"]
    space = case.geometry.path
    write = {"bank": 0, "space": space.number}
    steps = [{"table": write | {"word": n, "data": 0}} for n in range(2)]
    steps += [{"table": None}, {"table": write | {"word": 0, "data": 0x1234}}]
    look = {"data": 0, "mask": 1, "word": [0] * 8, "bank": 0, "table": None}
    steps += [look] * 3 + [{"table": write | {"word": 1, "data": 0x5678}}] + [look] * 3
    dut = case.create()
    seen = searched(dut, steps + [{"mask": 0}] * case.latency, {"o": reduce(or_, dut.o)})
    before, after = seen["o"][6 + case.latency], seen["o"][len(steps) - 1 + case.latency]
    assert (before, after) == (0, 0x5678_0000_1234)
