"""The line matcher: lines back to back against counting, over frames whole and cut short."""

import random
from collections import Counter

import pytest
from keybench import Frame, clocked, holey, marked_beats, matches, scatter, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.watch import WATCHES
from hybridmesh.rtl.match.lines import LineMatcher

WIDTHS = (1, 2, 4, 8)
LATENCY = {1: 6, 2: 6, 4: 7, 8: 7}
PREDICATES = 16
SHORTEST = 5
"""Bytes of a line without CRLF; shorter ones are never decided."""
TOUCH = 0x0FFF << PREDICATES
EXCUSE = 1 << 12 + PREDICATES


def geometry(width: int, header_bytes: int = 16) -> Geometry:
    return Geometry(width=width, rows=32, header_bytes=header_bytes, predicates=PREDICATES)


def head(lines: list[bytes], before: int, after: bytes, bank: int = 0) -> Frame:
    """A frame with *lines*, each with CRLF; a last line that ends in no CR does not end."""
    data, fields = b"\xff" * before, []
    for line in lines:
        ends = not line.endswith(b"-cut")
        start = len(data)
        data += line + b"\r\n" if ends else line
        fields.append((start, start + len(line) if ends else None))
    return Frame(data + after, tuple(fields), bank)


def match(images, frames: list[tuple[list[bytes], Frame]], width: int, *, idle: float = 0):
    """Match all *frames* and expect, of each: columns seen, columns repeated, touched."""
    rng = random.Random(width)
    steps = [{"table": w} for bank in (0, 1) for w in table_writes(images[bank], bank, "header")]
    expected = {}
    for lines, frame in frames:
        steps += [{"i": beat} for beat in holey(marked_beats(frame, width), rng, idle)]
        counts: Counter[int] = Counter()
        touched = False
        for line in lines:
            if line.endswith(b"-cut"):
                continue
            hits = matches(images[frame.bank].header, line + b"\0")
            counts.update(n for n in range(32) if hits >> n & 1)
            touched |= bool(hits & TOUCH) and not hits & EXCUSE
        expected[len(steps) - 1] = (
            sum(1 << n for n in counts),
            sum(1 << n for n, count in counts.items() if count > 1),
            int(touched),
        )
    late = LATENCY[width]
    dut = LineMatcher(images[0].geometry)
    assert dut.latency == late
    probes = {"seen": dut.seen, "repeated": dut.repeated, "touched": dut.touched}
    seen = clocked(dut, [*steps, *[{}] * late], probes)
    assert {
        clock: tuple(seen[name][clock + late] for name in probes) for clock in expected
    } == expected
    return list(expected.values())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("idle", [0, 0.3], ids=["gapless", "gaps"])
def test_lines_back_to_back_hit_as_often_as_they_should(width: int, idle: float) -> None:
    rng = random.Random(width)
    images = [
        scatter(TableImage(geometry(width)), seed, (0.01, 0.05, 0.15, 0.4)) for seed in (1, 2)
    ]
    pool = [rng.randbytes(n) for n in [SHORTEST] * 6 + [6, 7, 8, 9, 14, 15, 16, 17, 30, 50]]
    frames = []
    for _ in range(25):
        lines = rng.choices(pool, k=rng.randrange(8))
        frame = head(
            lines, rng.randrange(3 * width), b"\r\n"[: rng.randrange(3)], rng.getrandbits(1)
        )
        frames.append((lines, frame if frame.data else head(lines, 1, b"")))
    answers = match(images, frames, width, idle=idle)
    assert {touched for _, _, touched in answers} == {0, 1}
    assert any(seen and not repeated for seen, repeated, _ in answers)
    assert any(repeated and repeated != seen for seen, repeated, _ in answers)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_shortest_lines_start_in_every_lane(width: int) -> None:
    """Seven bytes a line: at eight bytes per beat two of them start in one beat."""
    rng = random.Random(width)
    images = [scatter(TableImage(geometry(width)), 3, (0.02, 0.1, 0.3))] * 2
    frames = []
    for before in range(width):
        lines = [rng.randbytes(SHORTEST) for _ in range(9)]
        frames.append((lines, head(lines, before, b"\r\n")))
    match(images, frames, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_line_cut_off_by_the_next_frame_is_forgotten(width: int) -> None:
    rng = random.Random(width)
    images = [scatter(TableImage(geometry(width)), 4, (0.02, 0.1))] * 2
    frames = []
    for before in range(width):
        whole = [rng.randbytes(rng.randrange(SHORTEST, 20)) for _ in range(rng.randrange(4))]
        cut = [*whole, b"x-cut"]
        frames += [(cut, head(cut, before, b"")), (whole, head(whole, width, b"\r\n"))]
        frames += [([], head([], 2 * width, b"")), (whole[:1], head(whole[:1], width, b"\r\n"))]
    match(images, frames, width)


TOUCHED = {
    "a-plain-line": ([b"accept: */*"], False),
    "close": ([b"connection: close"], True),
    "keep-alive": ([b"connection: keep-alive"], False),
    "keep-alive-and-close": ([b"connection: keep-alive", b"Connection: close"], True),
    "close-and-keep-alive": ([b"connection: close", b"connection: keep-alive"], True),
    "keep-alive-and-more": ([b"connection: keep-alive, te"], True),
    "keep-alive-and-te": ([b"connection: keep-alive", b"te: gzip"], True),
    "twice-keep-alive": ([b"connection: keep-alive"] * 2, False),
    "te-alone": ([b"TE: gzip"], True),
    "not-te": ([b"tea: green"], False),
}


def watching(image: TableImage) -> TableImage:
    """*image* with the watch columns as the compiler fills them."""
    for watch in WATCHES:
        column = PREDICATES + watch.column
        pattern = watch.pattern + b"\0" * watch.exact
        image.header.allow_all(column)
        for position, byte in enumerate(pattern):
            either = {byte, bytes([byte]).swapcase()[0]}
            low = sum({1 << (b & 15) for b in either})
            high = sum({1 << (b >> 4) for b in either})
            image.header.allow(column, position, low, high)
    return image


@pytest.mark.parametrize("width", WIDTHS)
def test_an_excuse_takes_back_the_touch_of_its_own_line_alone(width: int) -> None:
    images = [watching(TableImage(geometry(width, header_bytes=32)))] * 2
    frames = [(lines, head(lines, 3, b"\r\n")) for lines, _ in TOUCHED.values()]
    answers = match(images, frames, width)
    touched = dict(zip(TOUCHED, (bool(touched) for _, _, touched in answers), strict=True))
    assert touched == {name: wanted for name, (_, wanted) in TOUCHED.items()}
