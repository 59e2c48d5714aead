"""The joiner: segments in, and the beats that their heads would have come in uncut."""

import itertools
import random
from dataclasses import dataclass, field

import pytest
from keybench import clocked

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.flow.joiner import Joiner

SEQ = 0xFFFFFFF0
ALICE = {"ipv4": 1, "addresses": 7 << 200, "port": 40000, "listener": 2}
HEADERS = 54
TABLE = {"enable": 1, "epoch": 9}


@dataclass(frozen=True)
class Frame:
    """A frame: its payload behind *before* bytes of headers, and what is known of it."""

    payload: bytes
    seq: int = SEQ
    connection: dict = field(default_factory=lambda: ALICE)
    bank: int = 1
    candidate: int = 1
    before: int = HEADERS
    behind: int = 0
    info: dict = field(default_factory=dict)

    def beats(self, width: int) -> list[dict]:
        frame = bytes(self.before) + self.payload + b"\n" * self.behind
        end = self.before + len(self.payload)
        known = TABLE | {"candidate": self.candidate, "seq": self.seq % 2**32} | self.info
        return [
            {
                "data": int.from_bytes(frame[k : k + width].ljust(width, b"\r"), "little"),
                "mask": sum(1 << n for n in range(width) if self.before <= k + n < end),
                "offset": (k - self.before) % 2**16,
                "bank": self.bank,
                "first": k == 0,
                "last": k + width >= len(frame),
                "info": known | ({} if k + width >= len(frame) else {"candidate": 1}),
            }
            for k in range(0, len(frame), width)
        ]


@dataclass(frozen=True)
class Beat:
    """A beat of the joiner; ``seq`` and ``joined`` of the last one."""

    data: bytes
    offset: int
    first: bool
    last: bool = False
    seq: int = 0
    joined: bool = False


def joined(width: int, frames: list[Frame], idle: float = 0) -> list[list[Beat]]:
    """The beats of each frame; the last one comes ``latency`` clocks after that of the frame."""
    dut = Joiner(Geometry(width=width))
    rng = random.Random(width)
    steps, ends = [], []
    for frame in frames:
        for beat in frame.beats(width):
            while rng.random() < idle:
                steps.append({"i": None})
            steps.append({"i": beat, "connection": frame.connection})
        ends.append(len(steps) - 1)
    steps += [{"i": None}] * (dut.latency + 1)
    seen = clocked(dut, steps, {"valid": dut.o.valid, "beat": dut.o.payload})
    given, clocks = [[]], []
    for clock, (valid, beat) in enumerate(zip(seen["valid"], seen["beat"], strict=True)):
        if not valid:
            continue
        count = beat.mask.bit_count()
        assert beat.mask == (1 << count) - 1
        assert beat.last == (count < width)
        data = beat.data.to_bytes(width, "little")[:count]
        known = (beat.info.seq, bool(beat.info.joined)) if beat.last else (0, False)
        given[-1].append(Beat(data, beat.offset, bool(beat.first), bool(beat.last), *known))
        if beat.last:
            clocks.append(clock)
            given.append([])
    assert clocks == [end + dut.latency for end in ends]
    assert not given.pop()
    return given


def beats(data: bytes, width: int, known: int = 0, seq: int = SEQ) -> list[Beat]:
    """Those of a head's *data*, of which *known* bytes came in earlier frames."""
    starts = range(known // width * width, len(data) - width + 1, width)
    full = [Beat(data[at : at + width], at, at == 0) for at in starts]
    at = len(data) // width * width
    return [*full, Beat(data[at:], at, at == 0, True, seq % 2**32, known > 0)]


HEAD = b"GET /api/products HTTP/1.1\r\nHost: shop.example.com\r\nAccept: */*\r\nX: 0123456789"
END = b"\r\n\r\n"


@pytest.mark.parametrize("width", [1, 2, 8, 32])
@pytest.mark.parametrize("idle", [0, 0.3])
def test_a_head_comes_in_the_same_beats_however_it_was_cut(width: int, idle: float) -> None:
    rng = random.Random(width)
    for _ in range(1 if width == 1 else 5):
        data = (HEAD * 3)[: rng.randrange(20, 220)]
        cuts = sorted(rng.sample(range(1, len(data)), rng.choice((0, 1, 2, 6))))
        frames, expected = [], []
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            before = HEADERS + 4 * rng.randrange(12)
            payload = data[start:end]
            frames.append(Frame(payload, SEQ + start, before=before, behind=rng.choice((0, 3, 9))))
            expected.append(beats(data[:end], width, start))
        assert joined(width, frames, idle) == expected


def test_at_width_64_a_head_is_cut_anywhere_but_near_the_end_of_a_beat() -> None:
    data = HEAD * 4
    for cut in (1, 53, 54, 64, 118):
        frames = [Frame(data[:cut]), Frame(data[cut:], SEQ + cut)]
        known = cut if cut % 64 < 54 else 0
        second = beats(data, 64, cut) if known else beats(data[cut:], 64, 0, SEQ + cut)
        assert joined(64, frames) == [beats(data[:cut], 64), second], cut


@pytest.mark.parametrize("width", [8, 64])
def test_smallest_frames_without_a_gap_have_their_beats_too(width: int) -> None:
    frames = [Frame(b"G" * (1 + n % 9), SEQ + 100 * n, before=54) for n in range(20)]
    expected = [beats(f.payload, width, 0, f.seq) for f in frames]
    assert joined(width, frames) == expected


OTHERS = {
    "a gap": Frame(b"12345", SEQ + 41),
    "an overlap": Frame(b"12345", SEQ + 39),
    "sent again": Frame(b"12345", SEQ),
    "another port": Frame(b"12345", SEQ + 40, ALICE | {"port": 40001}),
    "another address": Frame(b"12345", SEQ + 40, ALICE | {"addresses": (7 << 200) + 1}),
    "another listener": Frame(b"12345", SEQ + 40, ALICE | {"listener": 3}),
    "another version": Frame(b"12345", SEQ + 40, ALICE | {"ipv4": 0}),
    "another table": Frame(b"12345", SEQ + 40, info={"epoch": 10}),
    "another bank": Frame(b"12345", SEQ + 40, bank=0),
    "switched off": Frame(b"12345", SEQ + 40, info={"enable": 0}),
}


@pytest.mark.parametrize("width", [2, 8])
def test_what_is_not_the_next_segment_begins_anew(width: int) -> None:
    first = Frame(HEAD[:40])
    for name, other in OTHERS.items():
        got = joined(width, [first, other])[1]
        assert got == beats(b"12345", width, 0, other.seq), name
    assert joined(width, [first, Frame(b"12345", SEQ + 40)])[1][-1].joined


@pytest.mark.parametrize("width", [1, 8, 64])
def test_other_frames_between_two_segments_do_no_harm_unless_they_have_a_payload(
    width: int,
) -> None:
    first, second = Frame(HEAD[:40]), Frame(HEAD[40:], SEQ + 40)
    silent = Frame(b"", SEQ + 77, ALICE | {"port": 5}, candidate=0, behind=6)
    opening = Frame(b"", 5, ALICE | {"port": 6}, candidate=0, info={"opens": 1})
    got = joined(width, [first, silent, opening, second])
    assert got[1:3] == [
        [Beat(b"", got[1][0].offset, False, True, (SEQ + 77) % 2**32)],
        [Beat(b"", got[2][0].offset, False, True, 5)],
    ]
    assert got[3] == beats(HEAD, width, 40)
    for between in (Frame(b"x", 9), Frame(b"x", 9, candidate=0)):
        assert joined(width, [first, between, second])[2] == beats(HEAD[40:], width, 0, SEQ + 40)


@pytest.mark.parametrize("width", [1, 8, 64])
def test_a_head_that_is_no_candidate_is_not_gone_on_with(width: int) -> None:
    frames = [Frame(HEAD[:40], candidate=0), Frame(HEAD[40:], SEQ + 40)]
    assert joined(width, frames)[1] == beats(HEAD[40:], width, 0, SEQ + 40)


@pytest.mark.parametrize("width", [1, 8])
def test_nothing_goes_on_behind_an_empty_line(width: int) -> None:
    for cut in (5, 6, 7, 16):
        for inside in range(1, 5):  # bytes of the line end and the empty line in the first segment
            data = HEAD[:cut] + END
            end = cut + inside
            segments = [Frame(data[:end]), Frame(data[end:] + b"more", SEQ + end)]
            marks = [frame[-1].joined for frame in joined(width, segments)]
            assert marks == [False, inside < 4], (cut, inside)
    third = Frame(b"body", SEQ + len(data) + 4)
    segments = [Frame(data[:-2]), Frame(b"\r\nmore", SEQ + len(data) - 2), third]
    assert [frame[-1].joined for frame in joined(width, segments)] == [False, True, False]


@pytest.mark.parametrize("width", [8, 64])
def test_line_ends_of_other_heads_or_headers_do_not_count(width: int) -> None:
    before = [Frame(HEAD[:20] + b"\r\n\r", 77), Frame(b"\nabc", SEQ)]
    assert joined(width, before)[1] == beats(b"\nabc", width)
    begun = [Frame(b"GE\n\r", 9), Frame(b"PA\nbc", SEQ), Frame(b"def", SEQ + 5)]
    assert joined(width, begun)[2] == beats(b"PA\nbcdef", width, 5)
    odd = [Frame(b"PA\n\rb\r\n\n\r\r\nc", SEQ), Frame(b"d", SEQ + 12)]
    assert joined(width, odd)[1][-1].joined


def test_a_head_of_8192_bytes_is_not_gone_on_with() -> None:
    big = [Frame(b"PA" * 512, SEQ + 1024 * n) for n in range(10)]
    marks = [frame[-1].joined for frame in joined(64, big)]
    assert marks == [False, *[True] * 7, False, True]


BEGINNINGS = b"GE HE PO PU DE CO OP TR PA".split()


@pytest.mark.parametrize("width", [1, 8, 64])
def test_what_does_not_begin_like_a_head_is_not_gone_on_with(width: int) -> None:
    pairs = [bytes(pair) for pair in itertools.product(b"ACDEGHOPRTUXg", b"AEOPRUe")]
    segments = []
    for number, pair in enumerate(pairs):
        seq = 1000 * number
        segments += [Frame(pair + b" DEF GHI", seq), Frame(b"jkl", seq + 10)]
    marks = [frame[-1].joined for frame in joined(width, segments)]
    assert [pair for pair, mark in zip(pairs, marks[1::2], strict=True) if mark] == sorted(
        BEGINNINGS, key=pairs.index
    )


@pytest.mark.parametrize("width", [1, 8, 64])
def test_the_first_letters_of_a_head_may_come_one_by_one(width: int) -> None:
    # what goes on with nothing begins anew, and may begin a head then
    for letters, marks in (
        (b"POST", [0, 1, 1, 1]),
        (b"GEx", [0, 1, 1]),
        (b"GXT", [0, 1, 0]),
        (b"EGET", [0, 0, 1, 1]),
        (b"GGEE", [0, 1, 0, 0]),
        (b"OEx", [0, 1, 0]),
    ):
        segments = [Frame(bytes([letter]), SEQ + n) for n, letter in enumerate(letters)]
        assert [frame[-1].joined for frame in joined(width, segments)] == marks, letters


@pytest.mark.parametrize("lane", range(8))
def test_the_first_letters_of_a_head_may_stand_in_any_lane(lane: int) -> None:
    for beginning, goes_on in ((b"GET", True), (b"GOT", False), (b"EET", False)):
        segments = [Frame(beginning, before=HEADERS + lane), Frame(HEAD, SEQ + 3)]
        assert joined(8, segments)[1][-1].joined == goes_on
