"""The lexer says of every payload what its golden model says, a constant time after each beat, and
so do the facts that are gathered from it, a constant time after the last."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from hybridmesh.contract.grammar import MAX_FIELDS, TCHAR, Mark
from hybridmesh.contract.verdict import Method, Reason
from hybridmesh.reference.lexer import Lexed, Span, lex
from hybridmesh.rtl.http.facts import Facts
from hybridmesh.rtl.layout import lexed_beat, payload_beat
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import unpack
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Source
from tb.lib.traffic import any_payload
from tb.lib.valid import Watch, payload_beats

from . import HeadLexer
from .crowd import crowded

GEOMETRY = under_test().geometry
WIDTH = GEOMETRY.width
GIVEN, SAID = payload_beat(GEOMETRY), lexed_beat(GEOMETRY)
DUT = HeadLexer(GEOMETRY)
HEADS = 1000 if is_long() else 12 + 4 * min(WIDTH, 16)


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def every_payload_is_lexed_as_by_the_model(dut: Any, idle: str) -> None:
    rng = rng_of(idle)
    source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
    await start(dut)
    given, said, gathered = (Watch(dut, name) for name in ("i", "o", "facts"))
    payloads = [crowded(rng) if rng.random() < 0.4 else any_payload(rng) for _ in range(HEADS)]
    infos = [
        {"seq": rng.getrandbits(32), "epoch": rng.getrandbits(16), "listener": rng.getrandbits(4)}
        for _ in payloads
    ]
    ends = set()
    for payload, info in zip(payloads, infos, strict=True):
        before = rng.randrange(3 * WIDTH + 5)
        beats = payload_beats(GEOMETRY, rng, payload, before=before, info=info)
        source.send(beats)
        ends.add(len(beats) + max(ends, default=0))
    await source.drained()
    await ClockCycles(dut.clk, DUT.facts_latency + 2)

    assert said.clocks == [clock + DUT.latency for clock in given.clocks]
    lasts = [clock for n, clock in enumerate(given.clocks, 1) if n in ends]
    assert gathered.clocks == [clock + DUT.facts_latency for clock in lasts]
    if idle == "none":
        assert given.clocks[-1] - given.clocks[0] == len(given.clocks) - 1
    frames: list[list[dict[str, Any]]] = []
    for sent, taken in zip(given.payloads, said.payloads, strict=True):
        beat = unpack(SAID, taken)
        assert {name: beat[name] for name, _ in GIVEN} == unpack(GIVEN, sent)
        if beat["first"]:
            frames.append([])
        frames[-1].append(beat)
    facts = [unpack(Facts, taken) for taken in gathered.payloads]
    for payload, info, frame, fact in zip(payloads, infos, frames, facts, strict=True):
        lexed = lex(payload)
        assert found(frame) == lexed, payload
        assert sum(beat["token"].bit_count() for beat in frame) == (payload[0] in TCHAR), payload
        assert fact["info"] == frame[-1]["info"]
        assert {name: fact["info"][name] for name in info} == info
        expected = facts_of(payload, lexed)
        assert {name: fact[name] for name in expected} == expected, payload


def facts_of(payload: bytes, lexed: Lexed) -> dict[str, int]:
    """What the facts must be; those that only a head without a reason has, of such a head."""
    facts = {
        "token": payload[0] in TCHAR,
        "reasons": sum(1 << reason for reason in lexed.reasons),
        "head_length": lexed.head_length,
        "chunked": lexed.chunked,
        "touch": lexed.touch,
        "http_1_0": lexed.http_1_0,
        "more": lexed.head_length < len(payload),
    }
    if not lexed.head_length:
        del facts["head_length"], facts["more"]
    if lexed.reasons or not lexed.path or not lexed.host:
        return facts
    return facts | {
        "method": lexed.method,
        "path_offset": lexed.path.start,
        "path_length": lexed.path.end - lexed.path.start,
        "host_offset": lexed.host.start,
        "host_length": min(lexed.host.end - lexed.host.start, 255),
        "has_length": lexed.length is not None,
    }


def found(frame: Iterable[dict[str, Any]]) -> Lexed:
    """What the beats of a frame say, in the terms of the model, which counts a little more."""
    marks: defaultdict[Mark, list[int]] = defaultdict(list)
    reasons: set[Reason] = set()
    methods: defaultdict[int, int] = defaultdict(int)
    for beat in frame:
        for mark, lanes in beat["marks"].items():
            marks[Mark(mark)] += (beat["offset"] + lane & 0xFFFF for lane in bits(lanes))
        reasons |= {Reason(reason) for reason, lanes in beat["rules"].items() if lanes}
        for bit, lanes in beat["methods"].items():
            for lane in bits(lanes):
                methods[beat["offset"] + lane] |= 1 << bit

    ends, hosts = marks[Mark.HEAD_END], marks[Mark.HOST_START]
    codings, chunked = marks[Mark.CODING_START], marks[Mark.CHUNKED]
    assert len(methods) <= 1
    assert len(ends) <= 1
    counted = {
        Reason.METHOD: bool(ends) and not methods,
        Reason.HOST_MISSING: bool(ends) and not hosts,
        Reason.HOST_REPEATED: len(hosts) > 1,
        Reason.FRAMING: len(codings + marks[Mark.LENGTH_START]) > 1
        or bool(codings) != bool(chunked)
        or bool(codings and marks[Mark.HTTP_1_0]),
        Reason.FIELD_COUNT: len(marks[Mark.LINE_START]) > MAX_FIELDS,
        Reason.INCOMPLETE: not ends,
    }
    reasons |= {reason for reason, holds in counted.items() if holds}
    closing = set(marks[Mark.CONNECTION_END]) - set(marks[Mark.KEEP_ALIVE])

    def spans(first: Mark, after: Mark) -> tuple[Span, ...]:
        return tuple(Span(*pair) for pair in zip(marks[first], marks[after], strict=False))

    return Lexed(
        reasons=frozenset(reasons),
        head_length=ends[0] + 1 if ends else 0,
        method=Method(*methods.values()) if methods else Method.OTHER,
        path=next(iter(spans(Mark.PATH_START, Mark.PATH_END)), None),
        host=next(iter(spans(Mark.HOST_START, Mark.HOST_END)), None),
        length=next(iter(spans(Mark.LENGTH_START, Mark.LENGTH_END)), None),
        params=spans(Mark.PARAM_START, Mark.PARAM_END),
        lines=spans(Mark.LINE_START, Mark.LINE_END),
        param_starts=tuple(marks[Mark.PARAM_START]),
        line_starts=tuple(marks[Mark.LINE_START]),
        chunked=bool(chunked),
        touch=bool(marks[Mark.TOUCHING]) or bool(closing),
        http_1_0=bool(marks[Mark.HTTP_1_0]),
    )


def bits(lanes: int) -> list[int]:
    """The lanes set in *lanes*."""
    return [lane for lane in range(lanes.bit_length()) if lanes >> lane & 1]
