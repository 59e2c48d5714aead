"""The streaming TCAM against byte-by-byte look-up: random tables in both banks, random keys."""

import random
from dataclasses import dataclass

import pytest
from keybench import Asker, clocked, holey, matches, scatter, table_words, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.tcam import Tcam

# Address 1, memory 2 or, where it has few entries, 1, levels of OR to four, match 1.
LATENCY = {1: 1 + 2 + 0 + 1, 8: 1 + 1 + 1 + 1}  # 64 is slow here: a bench has it
POSITIONS = 16
WIDTHS = tuple(LATENCY)


def random_image(width: int, seed: int, predicates: int = 16) -> TableImage:
    sizes = {"header_bytes": POSITIONS, "host_bytes": POSITIONS, "hosts": 16}
    geometry = Geometry(width=width, predicates=predicates, **sizes)
    return scatter(TableImage(geometry), seed, (0, 0.001, 0.005, 0.02, 0.1))


@dataclass(frozen=True)
class Key:
    data: bytes
    shift: int  # lane that its first byte stood in
    bank: int

    def beats(self, width: int) -> list[dict[str, object]]:
        """Its beats, with terminator and rotated, and what misleads in the lanes not looked up."""
        symbols = self.data + b"\0"
        count = (self.shift + len(symbols) - 1) // width + 1
        beats = []
        for number in range(count):
            data, mask, words = 0, 0, []
            for lane in range(width):
                word = number - (lane + self.shift >= width)
                position = word * width + lane
                inside = 0 <= position < min(len(symbols), POSITIONS)
                data |= (symbols[position] if inside else 0x5A) << 8 * lane
                mask |= inside << lane
                words.append(word % max(POSITIONS // width, 2))
            beats.append(
                {
                    "data": data,
                    "mask": mask,
                    "used": mask != 0,
                    "word": words,
                    "begin": number == 0,
                    "end": number == count - 1,
                    "bank": self.bank,
                    "first": self.shift == 0 and number == 0,
                }
            )
        return beats


def random_keys(rng: random.Random, width: int, count: int, bank: int) -> list[Key]:
    lengths = [*range(POSITIONS + 3)]
    lengths += [rng.randrange(POSITIONS + 4) for _ in range(count)]
    return [Key(rng.randbytes(n), rng.randrange(width), bank) for n in lengths[:count]]


def look_up(width: int, phases, *others, idle: float = 0) -> Tcam:
    """Drive each phase (its keys beside its table words) and expect the answer to every key.

    A phase also names the images that stand in the banks while its keys come.  *others* make a
    testbench of the TCAM.
    """
    rng = random.Random(width)
    steps, expected = [], {}
    for keys, writes, images in phases:
        beats = []
        for key in keys:
            beats += holey(key.beats(width), rng, idle)
            answer = matches(images[key.bank].header, key.data + b"\0")
            expected[len(steps) + len(beats) - 1] = answer
        size = max(len(beats), len(writes))
        beats += [None] * (size - len(beats))
        writes = writes + [None] * (size - len(writes))
        steps += [{"i": i, "table": word} for i, word in zip(beats, writes, strict=True)]
        steps += [{"i": None, "table": None}] * 2
    late = LATENCY[width]
    steps += [{"i": None, "table": None}] * late

    dut = Tcam(phases[-1][2][0].header.space, width)
    assert dut.latency == late
    probes = {"match": dut.match, "end": dut.end, "first": dut.first, "done": dut.ask.done}
    seen = clocked(dut, steps, probes, *(other(dut) for other in others))
    firsts = {clock for clock, step in enumerate(steps) if step["i"] and step["i"]["first"]}
    assert {clock - late for clock, end in enumerate(seen["end"]) if end} == set(expected)
    assert {clock - late for clock, first in enumerate(seen["first"]) if first} == firsts
    assert {clock: seen["match"][clock + late] for clock in expected} == expected
    assert len(set(expected.values())) > 4, "the table tells no keys apart"
    return dut


@pytest.mark.parametrize("width", WIDTHS)
def test_a_bank_is_loaded_while_keys_are_matched_in_the_other(width: int) -> None:
    rng = random.Random(width)
    a, b, c = (random_image(width, seed) for seed in range(3))

    def keys(bank: int, count: int) -> list[Key]:
        return random_keys(rng, width, count, bank)

    phases = [
        ([], table_writes(a, 0, "header"), (a, a)),
        (keys(0, 80), table_writes(b, 1, "header"), (a, b)),
        (keys(1, 80), table_writes(c, 0, "header"), (a, b)),
        (rng.sample([*keys(0, 30), *keys(1, 30)], 60), [], (c, b)),
    ]
    look_up(width, phases)


@pytest.mark.parametrize("width", WIDTHS)
def test_keys_that_come_in_pieces_match_as_a_whole(width: int) -> None:
    image = random_image(width, 7)
    filled = [w for w in table_writes(image, 1, "header") if w["data"]]
    keys = random_keys(random.Random(8), width, 40, bank=1)
    look_up(width, [([], filled, (image,) * 2), (keys, [], (image,) * 2)], idle=0.4)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_entry_of_several_words_is_written_and_read_back_word_by_word(width: int) -> None:
    image = random_image(width, 9, predicates=64)
    writes, words = table_writes(image, 0, "header"), table_words(image, "header")
    keys = random_keys(random.Random(10), width, 60, bank=0)
    number = image.geometry.header.number
    asked = [n for n, word in enumerate(words) if word][:12]
    askers = []

    def asking(dut: Tcam):
        asker = Asker(dut.ask, [{"bank": 0, "space": number, "word": n} for n in asked])
        askers.append(asker)

        async def testbench(ctx) -> None:
            await ctx.tick().repeat(len(writes) + 3)
            await asker.run(ctx)

        return testbench

    look_up(width, [([], writes, (image,) * 2), (keys, [], (image,) * 2)], asking, idle=0.4)
    assert askers[0].answers == [words[n] for n in asked]


def test_words_of_other_spaces_change_nothing() -> None:
    image, other = random_image(8, 11), random_image(8, 12)
    writes = table_writes(image, 0, "header") + table_writes(other, 0, "host", "row_flags")
    keys = random_keys(random.Random(13), 8, 30, bank=0)
    look_up(8, [([], writes, (image,) * 2), (keys, [], (image,) * 2)])


@pytest.mark.parametrize("width", WIDTHS)
def test_the_answer_stands_until_the_next_key_begins(width: int) -> None:
    """Whatever beats without a lane of a key pass, and words are read back meanwhile."""
    image = random_image(width, 14)
    key = Key(b"/orders", 0, 0)
    outside = {"data": 0xFF, "mask": 0, "used": 0, "word": [0] * width, "begin": 0, "end": 0}
    steps = [{"table": word} for word in table_writes(image, 0, "header")]
    steps += [{}, *({"i": beat} for beat in key.beats(width)), *[{"i": outside}, {}] * 30]
    dut = Tcam(image.header.space, width)
    answer = matches(image.header, b"/orders\0")
    assert 0 < answer < 2**16 - 1
    words = table_words(image, "header")
    refusing = next(n for n, word in enumerate(words) if word & answer)
    question = {"bank": 0, "space": image.geometry.header.number, "word": refusing}
    asker = Asker(dut.ask, [question] * 9)

    async def ask(ctx) -> None:
        await ctx.tick().repeat(len(steps) - 60)
        await asker.run(ctx)

    seen = clocked(dut, steps, {"match": dut.match}, ask)
    assert seen["match"][len(steps) - 60 + dut.latency :] == [answer] * (60 - dut.latency)
    assert asker.answers[:4] == [words[refusing]] * 4
