"""What HeadFacts gathers, against a plain walk over the same marks, frame after frame."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from keybench import clocked, holey

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import Mark
from hybridmesh.contract.verdict import Method, Reason
from hybridmesh.rtl.http.facts import HeadFacts

WIDTHS = (1, 8, 64)
LATENCY = 3


@dataclass(frozen=True)
class Head:
    """A frame: bytes before the payload, the payload's length, and what the lexer says.

    ``marks``, ``rules`` and ``method`` give payload offsets.
    """

    length: int
    before: int = 11
    after: int = 0
    marks: tuple[tuple[Mark, int], ...] = ()
    rules: tuple[tuple[Reason, int], ...] = ()
    method: tuple[Method, int] = (Method.OTHER, 0)
    token: bool = True
    info: dict[str, int] = field(default_factory=dict)
    bank: int = 0

    def beats(self, width: int) -> list[dict[str, object]]:
        size = self.before + self.length + self.after
        beats = []
        for base in range(0, size, width):
            offsets = range(base - self.before, base - self.before + width)
            inside = [0 <= offset < self.length for offset in offsets]

            def lanes(places: Iterable[int], offsets: range = offsets) -> int:
                """The lanes of this beat among *places*."""
                return sum({1 << at - offsets[0] for at in places if at in offsets})

            last = base + width >= size
            beats.append(
                {
                    "data": 0,
                    "mask": sum(flag << lane for lane, flag in enumerate(inside)),
                    "offset": offsets[0] % 2**16,
                    "bank": self.bank,
                    "first": base == 0,
                    "last": last,
                    "info": self.info if last else {"seq": 0xBAD, "candidate": 1, "epoch": 0xBAD},
                    "marks": [lanes(self.where(mark)) for mark in Mark],
                    "rules": [
                        lanes(at for r, at in self.rules if r is reason) for reason in Reason
                    ],
                    "methods": [
                        lanes([self.method[1]] if self.method[0] >> bit & 1 else [])
                        for bit in range(4)
                    ],
                    "token": lanes([0] if self.token else []),
                }
            )
        return beats

    def where(self, mark: Mark) -> list[int]:
        return [offset for found, offset in self.marks if found is mark]


def expected(head: Head) -> dict[str, int]:
    """The facts of *head*; offsets and lengths only where their marks came."""
    ends = head.where(Mark.HEAD_END)
    hosts, lines = head.where(Mark.HOST_START), head.where(Mark.LINE_START)
    lengths, codings = head.where(Mark.LENGTH_START), head.where(Mark.CODING_START)
    chunked, http_1_0 = bool(head.where(Mark.CHUNKED)), bool(head.where(Mark.HTTP_1_0))
    reasons = {reason for reason, _ in head.rules}
    if len(lengths + codings) > 1 or bool(codings) != chunked or (codings and http_1_0):
        reasons.add(Reason.FRAMING)
    if len(hosts) > 1:
        reasons.add(Reason.HOST_REPEATED)
    if len(lines) > 100:
        reasons.add(Reason.FIELD_COUNT)
    if not ends:
        reasons.add(Reason.INCOMPLETE)
    if ends and not hosts:
        reasons.add(Reason.HOST_MISSING)
    if ends and head.method[0] is Method.OTHER:
        reasons.add(Reason.METHOD)
    facts = {
        **{f"info.{name}": value for name, value in head.info.items()},
        "bank": head.bank,
        "token": int(head.token),
        "reasons": sum(1 << reason for reason in reasons),
        "method": int(head.method[0]),
        "has_length": int(bool(lengths)),
        "chunked": int(chunked),
        "touch": int(
            bool(head.where(Mark.TOUCHING))
            or any(at not in head.where(Mark.KEEP_ALIVE) for at in head.where(Mark.CONNECTION_END))
        ),
        "http_1_0": int(http_1_0),
    }
    if ends:
        facts["head_length"] = ends[0] + 1
        facts["more"] = int(head.length > ends[0] + 1)
    if path := head.where(Mark.PATH_START):
        facts["path_offset"] = path[0]
        facts["path_length"] = head.where(Mark.PATH_END)[0] - path[0]
    if len(hosts) == 1:
        facts["host_offset"] = hosts[0]
        facts["host_length"] = min(head.where(Mark.HOST_END)[0] - hosts[0], 255)
    return facts


def gather(heads: list[Head], width: int, *, idle: float = 0) -> None:
    """Show *heads* to HeadFacts and expect the facts of each three clocks after its last beat."""
    rng = random.Random(width)
    steps, answers = [], {}
    for head in heads:
        steps += [{"i": beat} for beat in holey(head.beats(width), rng, idle)]
        answers[len(steps) - 1 + LATENCY] = expected(head)
    steps += [{}] * LATENCY
    dut = HeadFacts(Geometry(width=width, max_frame=512))
    assert dut.latency == LATENCY
    seen = clocked(dut, steps, {"valid": dut.o.valid, "o": dut.o.payload})
    assert {clock for clock, valid in enumerate(seen["valid"]) if valid} == set(answers)
    for clock, facts in answers.items():
        out = seen["o"][clock]
        found = {
            name: getattr(out.info, name[5:]) if name.startswith("info.") else getattr(out, name)
            for name in facts
        }
        assert found == facts


def whole(rng: random.Random, **changes: object) -> Head:
    """A head that is whole: GET, a path, some lines, one of them the host's, perhaps a body."""
    path = rng.randrange(3, 9)
    at = path_end = path + rng.randrange(1, 40)
    marks = [(Mark.PATH_START, path), (Mark.PATH_END, path_end)]
    lines = rng.randrange(1, 5)
    host, length = rng.randrange(lines), rng.randrange(2 * lines)
    at += rng.randrange(10, 14)
    if rng.random() < 0.3:
        marks.append((Mark.HTTP_1_0, at))
    for line in range(lines):
        marks.append((Mark.LINE_START, at + 1))
        if line == host:
            start = at + 7
            at = start + rng.choice((1, 2, 20, 254, 255, 256, 300))
            marks += [(Mark.HOST_START, start), (Mark.HOST_END, at)]
        elif line == length:
            marks.append((Mark.LENGTH_START, at + 17))
            at += 20
        else:
            at += rng.randrange(5, 30)
        marks.append((Mark.LINE_END, at))
        at += 1
    end = at + 2
    marks.append((Mark.HEAD_END, end))
    values = {
        "length": end + 1 + rng.choice((0, 0, 1, 2, 9)),
        "before": 3 + rng.randrange(9),
        "after": rng.choice((0, 0, 1, 9)),
        "marks": tuple(marks),
        "method": (Method(rng.randrange(1, 10)), path - 1),
        "info": {
            "candidate": rng.getrandbits(1),
            "drop": rng.getrandbits(1),
            "enable": rng.getrandbits(1),
            "epoch": rng.getrandbits(16),
            "seq": rng.getrandbits(32),
            "arrival": rng.getrandbits(16),
        },
        "bank": rng.getrandbits(1),
    }
    return Head(**(values | changes))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("idle", [0, 0.3], ids=["gapless", "gaps"])
def test_whole_heads_give_their_offsets_and_lengths(width: int, idle: float) -> None:
    rng = random.Random(width)
    gather([whole(rng) for _ in range(4 if width == 1 else 12)], width, idle=idle)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_reason_is_of_its_own_frame_alone(width: int) -> None:
    rng = random.Random(width)
    bad = Head(60, rules=tuple((reason, rng.randrange(60)) for reason in list(Reason)[1:]))
    good = whole(rng, token=False)
    gather([bad, good, Head(30, token=False, rules=((Reason.HOST, 29),)), good], width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_frame_of_one_beat_is_whole(width: int) -> None:
    rng = random.Random(width)
    gather(
        [whole(rng), Head(0, before=width, token=False), Head(width, before=0), whole(rng)], width
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("apart", [7, 8, 20])
def test_two_hosts_are_one_too_many_whatever_lies_between(width: int, apart: int) -> None:
    rng = random.Random(width)
    heads = []
    for lane in range(min(width, 8)):
        one = whole(rng)
        start = one.where(Mark.HOST_START)[0]
        again = ((Mark.HOST_START, start + apart), (Mark.HOST_END, start + apart + 3))
        heads += [
            whole(rng, before=3 + lane, marks=one.marks + again, length=one.length + 30),
            one,
        ]
    gather(heads, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_two_hosts_in_one_beat_are_one_too_many(width: int) -> None:
    hosts = tuple((Mark.HOST_START, at) for at in (width, 2 * width - 1))
    end = 2 * width + 40
    ends = ((Mark.HOST_END, end - 9), (Mark.HEAD_END, end))
    gather([Head(end + 1, before=8 * width, marks=hosts * (width > 1) + ends)], width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_hundred_field_lines_are_counted_and_one_more_is_too_many(width: int) -> None:
    def lines(count: int, apart: int) -> Head:
        marks = [(Mark.LINE_START, 5 + apart * n) for n in range(count)]
        end = 6 + apart * count
        return Head(end + 1, marks=(*marks, (Mark.HEAD_END, end)), method=(Method.GET, 3))

    apart = 3  # closer than any two lines of a head that is decided
    counts = (99, 100, 101, 102, 100, 150, 3)
    gather([lines(count, apart) for count in counts], width)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_head_lacks_is_a_reason(width: int) -> None:
    rng = random.Random(width)
    one = whole(rng)
    no_host = tuple(m for m in one.marks if m[0] not in (Mark.HOST_START, Mark.HOST_END))
    no_end = tuple(m for m in one.marks if m[0] is not Mark.HEAD_END)
    gather(
        [
            one,
            whole(rng, marks=no_host, length=one.length),
            whole(rng, marks=no_end, length=one.length),
            whole(rng, method=(Method.OTHER, 0)),
            Head(20),
            one,
        ],
        width,
    )


FRAMINGS = {
    "length": (Mark.LENGTH_START,),
    "length-twice": (Mark.LENGTH_START, Mark.LENGTH_START),
    "chunked": (Mark.CODING_START, Mark.CHUNKED),
    "other-coding": (Mark.CODING_START,),
    "coding-twice": (Mark.CODING_START, Mark.CODING_START, Mark.CHUNKED),
    "both": (Mark.LENGTH_START, Mark.CODING_START, Mark.CHUNKED),
    "chunked-1.0": (Mark.HTTP_1_0, Mark.CODING_START, Mark.CHUNKED),
    "length-1.0": (Mark.HTTP_1_0, Mark.LENGTH_START),
    "touching": (Mark.TOUCHING,),
}


@pytest.mark.parametrize("width", WIDTHS)
def test_body_framing_and_touch_are_of_the_whole_head_and_no_other(width: int) -> None:
    rng = random.Random(width)
    heads = []
    for marks in FRAMINGS.values():
        for apart in (1, 9):  # in one beat of eight bytes, in two; in one of 64
            start = rng.randrange(20, 40)
            end = start + apart * len(marks)
            places = [(mark, start + apart * n) for n, mark in enumerate(marks)]
            host = [(Mark.HOST_START, end + 5), (Mark.HOST_END, end + 6)]
            marked = (*places, *host, (Mark.HEAD_END, end + 12))
            heads.append(
                Head(end + 13, before=3 + rng.randrange(9), marks=marked, method=(Method.GET, 3))
            )
    rng.shuffle(heads)
    gather(heads, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_connection_line_touches_unless_it_says_keep_alive(width: int) -> None:
    ends = (Mark.CONNECTION_END, Mark.KEEP_ALIVE)
    heads = [
        Head(90, marks=((Mark.CONNECTION_END, 20),)),
        Head(90, marks=tuple((mark, 20) for mark in ends)),
        Head(90, marks=(*((mark, 20) for mark in ends), (Mark.CONNECTION_END, 27))),
        Head(90, marks=((Mark.CONNECTION_END, 27), *((mark, 60) for mark in ends))),
        Head(90),
    ]
    gather(heads, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_byte_beyond_the_head_is_more_wherever_the_head_ends(width: int) -> None:
    heads = [
        Head(30 + more, before=3 + lane, after=3, marks=((Mark.HEAD_END, 29),))
        for lane in range(width)
        for more in (0, 1)
    ]
    gather(heads, width)
