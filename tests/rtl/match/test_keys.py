"""The key matcher: field lines and query parameters against counting, crowded ones by distance."""

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from keybench import clocked, holey, matches, scatter, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.keys import KeyMatcher

ENGINES = {1: 1, 8: 2}  # four at 64: too slow here, a bench has them
LATENCY = {1: 1 + 1 + 4 + 1, 8: 1 + 2 + 4 + 1}
WIDTHS = tuple(ENGINES)
PREDICATES = 16
SHORTEST = 5
"""Bytes of a line without CRLF; shorter ones are never decided."""


def random_image(width: int, seed: int, odds: tuple[float, ...] = (0.02, 0.1, 0.3)) -> TableImage:
    geometry = Geometry(width=width, header_bytes=16, predicates=PREDICATES)
    return scatter(TableImage(geometry), seed, odds)


@dataclass(frozen=True)
class Head:
    """The keys of a head: query parameters, then field lines, the last of which may not end."""

    params: tuple[bytes, ...] = ()
    lines: tuple[bytes, ...] = ()
    before: int = 1
    bank: int = 0
    cut: bool = False
    after: bytes = b"\r\n"

    def spans(self) -> list[tuple[bytes, int, int, bool]]:
        """Each key with its offsets, from the frame's start, of first byte and terminator."""
        spans, at = [], self.before + 2
        for param in self.params:
            spans.append((param, at, at + len(param), True))
            at += len(param) + 1
        at += 3
        for line in self.lines:
            spans.append((line, at, at + len(line), False))
            at += len(line) + 2
        return spans

    def beats(self, width: int) -> list[dict[str, int]]:
        query = b"&".join(self.params) + b" " if self.params else b""
        lines = b"".join(line + b"\r\n" for line in self.lines)
        lines = lines[:-2] if self.cut else lines + self.after
        data = b"\xff" * self.before + b"/?" + query + b"-\r\n" + lines
        spans = self.spans()
        ended = spans[:-1] if self.cut else spans
        lanes = {
            "start": {start for _, start, _, _ in spans},
            "end": {end for _, _, end, _ in ended},
            "mask": {n for _, start, end, _ in spans for n in range(start, end + 1)},
            "query": set(range(self.before + 2, self.before + 2 + len(query))),
        }
        return [
            {
                "data": int.from_bytes(data[base : base + width], "little"),
                "offset": (base - self.before) % 2**16,
                "bank": self.bank,
                "first": base == 0,
                **{
                    name: sum(1 << n - base for n in places if base <= n < base + width)
                    for name, places in lanes.items()
                },
            }
            for base in range(0, len(data), width)
        ]

    def answer(self, image: TableImage, width: int) -> tuple[int | None, int | None, int]:
        """Predicates seen, whether one was seen again, and crowded; None where that is so."""
        spans = self.spans()
        ahead = spans[ENGINES[width] :]
        if any(b - end < width for (_, _, end, _), (_, b, _, _) in zip(spans, ahead, strict=False)):
            return None, None, 1
        counts: Counter[int] = Counter()
        for key, _, _, query in spans[:-1] if self.cut else spans:
            key = bytes(byte | 0x80 for byte in key) + b"\xbe" if query else key + b"\0"
            hits = matches(image.header, key)
            counts.update(n for n in range(PREDICATES) if hits >> n & 1)
        return sum(1 << n for n in counts), int(max(counts.values(), default=0) > 1), 0


def match(images, heads: list[Head], width: int, *, idle: float = 0):
    """Match all *heads*, expect their answers, and give these."""
    rng = random.Random(width)
    banks = {head.bank for head in heads}
    writes = [w for bank in banks for w in table_writes(images[bank], bank, "header")]
    steps = [{"table": word} for word in writes if word["data"]]
    steps += [{"table": None}] * 2
    expected = {}
    for head in heads:
        steps += [{"i": beat} for beat in holey(head.beats(width), rng, idle)]
        expected[len(steps) - 1] = head.answer(images[head.bank], width)
    late = LATENCY[width]
    dut = KeyMatcher(images[0].geometry)
    assert dut.latency == late
    probes = {"seen": dut.seen, "repeated": dut.repeated, "crowded": dut.crowded}
    seen = clocked(dut, [*steps, *[{"i": None}] * late], probes)
    for clock, (wanted, again, crowded) in expected.items():
        got = [seen[name][clock + late] for name in probes]
        assert got[2] == crowded, f"clock {clock}"
        assert crowded or got[:2] == [wanted, again], f"clock {clock}"
    return list(expected.values())


def pattern(image: TableImage, column: int, key: bytes) -> None:
    """Let *column* accept keys that begin with *key*, which may hold a terminator."""
    image.header.allow_all(column)
    for position, byte in enumerate(key):
        image.header.allow(column, position, 1 << (byte & 15), 1 << (byte >> 4))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("idle", [0, 0.3], ids=["gapless", "gaps"])
def test_lines_and_parameters_back_to_back_hit_as_often_as_they_should(
    width: int, idle: float
) -> None:
    rng = random.Random(width)
    images = [random_image(width, seed) for seed in (1, 2)]
    lines = [rng.randbytes(n) for n in [SHORTEST] * 3 + [6, 7, 8, 9, 14, 15, 16, 17, 30, 50]]
    params = [bytes(rng.choices(range(128), k=n)) for n in (0, 1, 7, 8, 9, 15, 16, 17, 30, 31)]
    short = params[:3]
    heads = [
        Head(
            params=tuple(rng.choices(rng.choice((params, short)), k=rng.choice((0, 0, 1, 6)))),
            lines=tuple(rng.choices(lines, k=rng.randrange(7))),
            before=rng.randrange(3 * width),
            bank=rng.getrandbits(1),
            after=b"\r\nGET"[: rng.randrange(6)],
        )
        for _ in range(24)
    ]
    answers = match(images, heads, width, idle=idle)
    assert {again for _, again, _ in answers} >= {0, 1}
    assert {crowded for _, _, crowded in answers} == ({0} if width == 1 else {0, 1})
    assert len({seen for seen, _, _ in answers}) > 4


@pytest.mark.parametrize("width", WIDTHS)
def test_the_shortest_lines_start_in_every_lane(width: int) -> None:
    """Seven bytes a line: at eight bytes per beat two of them start in one beat."""
    rng = random.Random(width)
    images = [random_image(width, 3)] * 2
    heads = [
        Head(lines=tuple(rng.randbytes(SHORTEST) for _ in range(7)), before=before)
        for before in range(width)
    ]
    assert not any(crowded for _, _, crowded in match(images, heads, width))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_line_that_comes_twice_is_repeated_though_both_end_in_one_beat(width: int) -> None:
    image = TableImage(Geometry(width=width, header_bytes=16, predicates=PREDICATES))
    pattern(image, 0, b"a: bc\0")
    heads = [Head(lines=(b"a: bc",) * 2, before=before) for before in range(8)]
    assert match([image] * 2, heads, width) == [(1, 1, 0)] * 8


@pytest.mark.parametrize(("length", "crowded"), [(5, 1), (6, 0)])
def test_parameters_are_crowded_by_their_distance_in_every_lane(length: int, crowded: int) -> None:
    """At eight bytes a beat every second one is an engine's: its neighbour and two ampersands lie
    between them."""
    images = [random_image(8, 4)] * 2
    heads = [Head((b"x" * length,) * 5, before=before) for before in range(8)]
    assert {answer[2] for answer in match(images, heads, 8)} == {crowded}


@pytest.mark.parametrize("width", WIDTHS)
def test_a_line_cut_off_by_the_next_frame_is_forgotten(width: int) -> None:
    rng = random.Random(width)
    images = [random_image(width, 5)] * 2
    heads = []
    for before in range(width):
        lines = tuple(rng.randbytes(rng.randrange(SHORTEST, 20)) for _ in range(rng.randint(1, 3)))
        heads += [Head(lines=lines, before=before, cut=True), Head(lines=lines, before=width)]
        heads += [Head(), Head(lines=lines[:1])]
    match(images, heads, width)


def marked(text: bytes) -> bytes:
    return bytes(byte | 0x80 for byte in text)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_parameter_is_never_a_line_nor_a_line_a_parameter(width: int) -> None:
    image = TableImage(Geometry(width=width, header_bytes=16, predicates=PREDICATES))
    for column, key in enumerate(
        (
            *(b"a: b\0", marked(b"a: b") + b"\xbe", marked(b"a: "), b"a: "),
            *(b"\xbe", marked(b"a") + b"\xbe", marked(b"a=") + b"\xbe", b"\0"),
        )
    ):
        pattern(image, column, key)
    lines, params = 0b1001, 0b0110
    wanted = [
        (Head(lines=(b"a: b  ",)), 0b1000),
        (Head(params=(b"a: b",)), params),
        (Head(lines=(b"a: b",)), lines),
        (Head(params=(b"a: b",), lines=(b"a: b",)), lines | params),
        (Head(params=(b"",)), 1 << 4),
        (Head(params=(b"a",)), 1 << 5),
        (Head(params=(b"a=",)), 1 << 6),
        (Head(params=(b"ab",)), 0),
        (Head(params=(b"a=b",)), 0),
    ]
    answers = match([image] * 2, [head for head, _ in wanted], width)
    assert answers == [(seen, 0, 0) for _, seen in wanted]


def test_ampersands_at_both_ends_are_parameters_of_no_bytes() -> None:
    image = TableImage(Geometry(width=1, header_bytes=16, predicates=PREDICATES))
    pattern(image, 0, b"\xbe")
    pattern(image, 1, marked(b"a") + b"\xbe")
    heads = [Head(params=(b"", b"a")), Head(params=(b"a", b"")), Head(params=(b"", b"", b"a", b""))]
    assert match([image] * 2, heads, 1) == [(3, 0, 0), (3, 0, 0), (3, 1, 0)]
