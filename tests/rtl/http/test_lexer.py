"""The lexer against the grammar: frames of heads, broken heads and noise, back to back."""

import random

import pytest
from heads import BROKEN, GOOD, corpus
from plain import Found, find
from streambench import Received, collect, drive, simulate

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import RULES, Mark
from hybridmesh.contract.verdict import Method, Reason
from hybridmesh.reference.lexer import Span, lex
from hybridmesh.rtl.http.lexer import Lexer

LATENCY = {1: 7, 2: 8, 4: 9, 8: 10, 16: 11, 32: 12, 64: 13}


def _beats(payload: bytes, width: int, rng: random.Random, *, bare: bool) -> list[dict]:
    """A frame of *payload* behind headers and before padding, both made of what misleads most.

    A *bare* one has neither.
    """
    start = 0 if bare else rng.randrange(3 * width + 5)
    headers = (b"\n" * start + b"GET / HTTP/1.1\r\nhost: ")[-start:] if start else b""
    frame = headers + payload + (b"" if bare else b"\r\n\r\nGET / "[: rng.randrange(10)])
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
    payloads: list[bytes], width: int, *, idle: float = 0, seed: int = 0, bare: bool = False
) -> list[Found]:
    """What the lexer says of each of *payloads*; its beats must be those that it was given."""
    rng = random.Random(seed)
    dut = Lexer(Geometry(width=width))
    beats = [beat for payload in payloads for beat in _beats(payload, width, rng, bare=bare)]
    received = Received()
    simulate(
        dut,
        drive(dut.i, beats, idle=idle, seed=seed),
        collect(dut.o, received, lambda: len(received) == len(beats)),
    )

    frames: list[Found] = []
    for sent, beat in zip(beats, received, strict=True):
        info = sent.pop("info")
        assert {name: beat[name] for name in sent} == sent
        assert {name: beat.info[name] for name in info} == info
        if beat.first:
            frames.append(Found())
        frames[-1].reasons |= {reason for reason in Reason if beat.rules[reason]}
        for lane in range(width):
            code = sum((lanes >> lane & 1) << bit for bit, lanes in enumerate(beat.methods))
            frames[-1].methods += [Method(code)] if code else []
            frames[-1].tokens += beat.token >> lane & 1
            for mark in Mark:
                if beat.marks[mark] >> lane & 1:
                    frames[-1].marks[mark].append((beat.offset + lane) % (1 << 16))
    return frames


@pytest.mark.parametrize(
    ("width", "idle", "mutations"),
    [(1, 0.3, 0), (2, 0, 0), (2, 0.3, 0), (8, 0, 60), (8, 0.4, 60), (64, 0.2, 30)],
)
def test_the_lexer_says_of_every_byte_what_the_grammar_says(
    width: int, idle: float, mutations: int
) -> None:
    payloads = corpus(random.Random(mutations), mutations)
    frames = _lexed(payloads, width, idle=idle, seed=width)
    for payload, found in zip(payloads, frames, strict=True):
        assert found == find(payload), payload


@pytest.mark.parametrize("width", [1, 8])
def test_nothing_of_a_frame_reaches_into_the_next(width: int) -> None:
    heads = [b"a", b"\n", *BROKEN.values()]
    payloads = [head + b"\n" * (-len(head) % width) for head in (*heads[:20], *GOOD[:4])]
    for payload, found in zip(payloads, _lexed(payloads, width, bare=True), strict=True):
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
    starts = zip(found.marks[Mark.LINE_START], found.marks[Mark.LINE_END], strict=False)
    assert tuple(Span(*pair) for pair in starts) == golden.lines


def test_the_heads_show_every_rule_every_mark_and_every_method() -> None:
    shown = [find(head) for head in (*GOOD, *BROKEN.values())]
    assert {reason for found in shown for reason in found.reasons} == {r.reason for r in RULES}
    assert {mark for found in shown for mark, at in found.marks.items() if at} == set(Mark)
    assert {m for found in shown for m in found.methods} == set(Method) - {Method.OTHER}


@pytest.mark.parametrize("width", LATENCY)
def test_the_latency_is_fixed_by_the_width(width: int) -> None:
    dut = Lexer(Geometry(width=width))
    assert dut.latency == LATENCY[width]
    beat = {"data": ord("\n"), "mask": 1, "first": 1, "last": 1}
    came: list[int] = []

    async def testbench(ctx) -> None:
        ctx.set(dut.i.payload, beat)
        ctx.set(dut.i.valid, 1)
        for clock in range(1, 20):
            await ctx.tick()
            ctx.set(dut.i.valid, 0)
            if ctx.get(dut.o.valid):
                assert ctx.get(dut.o.p.rules[Reason.LINE_ENDING]) == 1
                came.append(clock)

    simulate(dut, testbench)
    assert came == [dut.latency]
