"""The lexer against the grammar: frames of heads, broken heads and noise, back to back."""

import random
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import repeat

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.lib import data
from heads import BROKEN, GOOD, corpus, crowded
from streambench import Received, collect, drive, simulate

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import RULES, Mark
from hybridmesh.contract.verdict import Method, Reason
from hybridmesh.reference.lexer import Span, lex
from hybridmesh.rtl.http.lexer import Lexer
from hybridmesh.rtl.layout import FrameInfo, lexed_beat
from tb.lib.plain import Found, find

LATENCY = {1: 7, 2: 8, 4: 9, 8: 10, 16: 11, 32: 12, 64: 13}


def _beats(payload: bytes, width: int, rng: random.Random, start: int | None) -> list[dict]:
    """A frame of *payload* behind headers and before padding, both made of what misleads most.

    There are *start* bytes of headers, and no padding if none; None: any number of either.
    """
    padding = b"" if start == 0 else b"\r\n\r\nGET / "[: rng.randrange(10)]
    start = rng.randrange(3 * width + 5) if start is None else start
    headers = (b"\n" * start + b"GET / HTTP/1.1\r\nhost: ")[-start:] if start else b""
    frame = headers + payload + padding
    frame += rng.randbytes(-len(frame) % width)
    return [
        {
            "data": int.from_bytes(frame[at : at + width], "little"),
            "mask": sum(1 << n for n in range(width) if 0 <= at + n - start < len(payload)),
            "offset": (at - start) % (1 << 16),
            "bank": rng.getrandbits(1),
            "first": int(at == 0),
            "last": int(at + width >= len(frame)),
            "info": {"seq": rng.getrandbits(32), "epoch": rng.getrandbits(16)},
        }
        for at in range(0, len(frame), width)
    ]


def _lexed(
    payloads: list[bytes],
    width: int,
    *,
    starts: Iterable[int | None] = repeat(None),
    idle: float = 0,
) -> list[Found]:
    """What the lexer says of each of *payloads*; its beats must be those that it was given.

    Without *idle* they must come in successive clocks, the first one after the latency.
    """
    rng = random.Random(width)
    dut = Lexer(Geometry(width=width))
    framed = zip(payloads, starts, strict=False)
    beats = [beat for payload, start in framed for beat in _beats(payload, width, rng, start)]
    received = Received()
    simulate(
        dut,
        drive(dut.i, beats, idle=idle, seed=width),
        collect(dut.o, received, lambda: len(received) == len(beats)),
    )
    if not idle:
        assert dut.latency == LATENCY[width]
        assert received.clocks == [n + LATENCY[width] for n in range(len(beats))]

    frames: list[Found] = []
    for sent, taken in zip(beats, received, strict=True):
        sent["info"] = FrameInfo.const(sent["info"]).as_bits()
        beat = _numbers(taken, width)
        assert {name: beat[name] for name in sent} == sent
        if beat["first"]:
            frames.append(Found())
        _add(frames[-1], beat, width)
    return frames


def _numbers(beat: data.Const, width: int) -> dict[str, int]:
    """The members of *beat*; much faster than asking it."""
    bits = beat.as_bits()
    return {name: bits >> at & (1 << size) - 1 for name, at, size in _members(width)}


@cache
def _members(width: int) -> list[tuple[str, int, int]]:
    """Name, first bit and size of each member of a beat."""
    members = lexed_beat(Geometry(width=width))
    return [(name, member.offset, member.width) for name, member in members]


def _add(found: Found, beat: dict[str, int], width: int) -> None:
    """Add to *found* what *beat* says."""

    def lanes(name: str, entry: int) -> list[int]:
        """The lanes set in an entry of the array *name*."""
        return [n for n in range(width) if beat[name] >> entry * width + n & 1]

    found.reasons |= {reason for reason in Reason if lanes("rules", reason)}
    found.tokens += len(lanes("token", 0))
    for mark in Mark:
        found.marks[mark] += ((beat["offset"] + n) % 2**16 for n in lanes("marks", mark))
    codes: defaultdict[int, int] = defaultdict(int)
    for bit in range(4):
        for lane in lanes("methods", bit):
            codes[lane] |= 1 << bit
    found.methods += map(Method, codes.values())


@pytest.mark.parametrize(
    ("width", "idle", "heads"), [(1, 0.3, 25), (2, 0, 25), (8, 0, 140), (8, 0.4, 40), (64, 0.2, 70)]
)
def test_the_lexer_says_of_every_byte_what_the_grammar_says(
    width: int, idle: float, heads: int
) -> None:
    payloads = corpus(random.Random(heads), 60)[:heads]
    frames = _lexed(payloads, width, idle=idle)
    for payload, found in zip(payloads, frames, strict=True):
        assert found == find(payload), payload


@pytest.mark.parametrize("width", LATENCY)
def test_a_crowded_head_is_read_alike_wherever_in_a_beat_it_begins(width: int) -> None:
    rng = random.Random(width)
    pool = [crowded(rng) for _ in range(20)]
    starts = [2 * width + lane for lane in range(width)]
    payloads = [rng.choice(pool) for _ in starts]
    frames = _lexed(payloads, width, starts=starts)
    for payload, found in zip(payloads, frames, strict=True):
        assert found == find(payload), payload


@pytest.mark.parametrize("width", [1, 8])
def test_nothing_of_a_frame_reaches_into_the_next(width: int) -> None:
    heads = [b"a", b"\n", *list(BROKEN.values())[:18], *GOOD[:4]]
    payloads = [head + b"\n" * (-len(head) % width) for head in heads]
    frames = _lexed(payloads, width, starts=repeat(0))
    for payload, found in zip(payloads, frames, strict=True):
        assert found == find(payload), payload


@pytest.mark.parametrize("payload", corpus(random.Random(0), 100))
def test_the_plain_reading_of_the_grammar_is_that_of_the_golden_model(payload: bytes) -> None:
    found, golden = find(payload), lex(payload)
    counted = {Reason.HOST_REPEATED, Reason.HOST_MISSING, Reason.FRAMING}
    counted |= {Reason.FIELD_COUNT, Reason.INCOMPLETE}
    unknown = {Reason.METHOD} if golden.head_length and not found.methods else set()
    assert found.reasons | unknown == golden.reasons - counted
    assert found.methods == [golden.method] * (golden.method != Method.OTHER)
    ends = found.marks[Mark.HEAD_END]
    assert ends == ([golden.head_length - 1] if golden.head_length else [])
    marks = found.marks
    lines = zip(marks[Mark.LINE_START], marks[Mark.LINE_END], strict=False)
    params = zip(marks[Mark.PARAM_START], marks[Mark.PARAM_END], strict=False)
    assert tuple(Span(*pair) for pair in lines) == golden.lines
    assert tuple(Span(*pair) for pair in params) == golden.params
    assert tuple(marks[Mark.LINE_START]) == golden.line_starts
    assert tuple(marks[Mark.PARAM_START]) == golden.param_starts
    assert bool(marks[Mark.CHUNKED]) == golden.chunked
    closing = set(marks[Mark.CONNECTION_END]) - set(marks[Mark.KEEP_ALIVE])
    assert bool(marks[Mark.TOUCHING] or closing) == golden.touch


def test_the_heads_show_every_rule_every_mark_and_every_method() -> None:
    shown = [find(head) for head in (*GOOD, *BROKEN.values())]
    assert {reason for found in shown for reason in found.reasons} == {r.reason for r in RULES}
    assert {mark for found in shown for mark, at in found.marks.items() if at} == set(Mark)
    assert {m for found in shown for m in found.methods} == set(Method) - {Method.OTHER}


@pytest.mark.parametrize("width", [1, 2])
def test_the_lexer_has_no_signal_of_no_bits(width: int) -> None:
    """Verilog knows no vector of no bits: written as ``[-1:0]``, it has two."""
    dut = Lexer(Geometry(width=width))
    members = dut.signature.flatten(dut)
    ports = [Value.cast(value) for path, _, value in members if path[-1] != "ready"]
    text = rtlil.convert(dut, ports=ports)
    assert not re.search(r"wire width 0 ", text)
