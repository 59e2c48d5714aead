"""The streaming TCAM against byte-by-byte look-up: random tables in both banks, random keys."""

import random
from dataclasses import dataclass

import pytest
from keybench import clocked, holey, matches, scatter, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.tcam import Tcam

WIDTHS = (1, 2, 4, 8)
LATENCY = {1: 3, 2: 3, 4: 4, 8: 4}
POSITIONS = 16


def random_image(width: int, seed: int, rows: int = 32) -> TableImage:
    geometry = Geometry(width=width, rows=rows, path_bytes=POSITIONS)
    return scatter(TableImage(geometry), seed, (0, 0.005, 0.02, 0.1))


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
                words.append(word % (POSITIONS // width))
            beats.append(
                {
                    "data": data,
                    "mask": mask,
                    "word": words,
                    "begin": number == 0,
                    "end": number == count - 1,
                    "length": len(self.data),
                    "bank": self.bank,
                    "first": self.shift == 0 and number == 0,
                }
            )
        return beats


def random_keys(rng: random.Random, width: int, count: int, bank: int) -> list[Key]:
    lengths = [*range(POSITIONS + 3)] + [rng.randrange(POSITIONS + 4) for _ in range(count)]
    return [Key(rng.randbytes(n), rng.randrange(width), bank) for n in lengths[:count]]


def look_up(width: int, phases, *, idle: float = 0) -> None:
    """Drive each phase (its keys beside its table words) and expect the answer to every key.

    A phase also names the images that stand in the banks while its keys come.
    """
    rng = random.Random(width)
    steps, expected = [], {}
    for keys, writes, images in phases:
        beats = []
        for key in keys:
            given = holey(key.beats(width), rng, idle)
            beats += given
            answer = matches(images[key.bank].path, key.data + b"\0")
            expected[len(steps) + len(beats) - 1] = answer
        size = max(len(beats), len(writes))
        beats += [None] * (size - len(beats))
        writes = writes + [None] * (size - len(writes))
        steps += [{"i": i, "table": word} for i, word in zip(beats, writes, strict=True)]
        steps += [{"i": None, "table": None}] * 2
    steps += [{"i": None, "table": None}] * LATENCY[width]

    space = phases[-1][2][0].path.space
    dut = Tcam(space, width)
    assert dut.latency == LATENCY[width]
    probes = {"match": dut.match, "end": dut.end, "first": dut.first}
    seen = clocked(dut, steps, probes)
    firsts = {clock for clock, step in enumerate(steps) if step["i"] and step["i"]["first"]}
    late = dut.latency
    assert {clock - late for clock, end in enumerate(seen["end"]) if end} == set(expected)
    assert {clock - late for clock, first in enumerate(seen["first"]) if first} == firsts
    assert {clock: seen["match"][clock + late] for clock in expected} == expected
    assert len(set(expected.values())) > 5, "the table tells no keys apart"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_bank_is_loaded_while_keys_are_matched_in_the_other(width: int) -> None:
    rng = random.Random(width)
    a, b, c = (random_image(width, seed) for seed in range(3))

    def keys(bank: int, count: int) -> list[Key]:
        return random_keys(rng, width, count, bank)

    phases = [
        ([], table_writes(a, 0, "path"), (a, a)),
        (keys(0, 120), table_writes(b, 1, "path"), (a, b)),
        (keys(1, 120), table_writes(c, 0, "path"), (a, b)),
        (rng.sample([*keys(0, 40), *keys(1, 40)], 80), [], (c, b)),
    ]
    look_up(width, phases)


@pytest.mark.parametrize("width", WIDTHS)
def test_gaps_between_the_beats_of_a_key_change_nothing(width: int) -> None:
    image = random_image(width, 7)
    keys = random_keys(random.Random(8), width, 60, bank=1)
    look_up(
        width,
        [([], table_writes(image, 1, "path"), (image,) * 2), (keys, [], (image,) * 2)],
        idle=0.4,
    )


@pytest.mark.parametrize("width", [1, 8])
def test_an_entry_of_several_words_is_written_word_by_word(width: int) -> None:
    image = random_image(width, 9, rows=64)
    keys = random_keys(random.Random(10), width, 60, bank=0)
    look_up(width, [([], table_writes(image, 0, "path"), (image,) * 2), (keys, [], (image,) * 2)])


@pytest.mark.parametrize("width", [1, 8])
def test_words_of_other_spaces_change_nothing(width: int) -> None:
    image, other = random_image(width, 11), random_image(width, 12)
    writes = table_writes(image, 0, "path") + table_writes(other, 0, "word", "row_flags")
    keys = random_keys(random.Random(13), width, 30, bank=0)
    look_up(width, [([], writes, (image,) * 2), (keys, [], (image,) * 2)])


@pytest.mark.parametrize("width", WIDTHS)
def test_the_answer_stands_until_the_next_key_begins(width: int) -> None:
    image = random_image(width, 14)
    key = Key(b"/orders", 0, 0)
    outside = {"data": 0xFF, "mask": 0, "word": [0] * width, "begin": 0, "end": 0}
    steps = [{"table": word} for word in table_writes(image, 0, "path")]
    steps += [{}, *({"i": beat} for beat in key.beats(width)), *[{"i": outside}, {}] * 10]
    dut = Tcam(image.path.space, width)
    seen = clocked(dut, steps, {"match": dut.match})
    answer = matches(image.path, b"/orders\0")
    assert 0 < answer < 2**32 - 1
    assert seen["match"][len(steps) - 20 + dut.latency :] == [answer] * (20 - dut.latency)
