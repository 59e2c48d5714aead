"""The heads that the referee is shown: reproducible, and of every kind."""

import random
from collections import Counter

from hybridmesh.contract.verdict import Reason
from tb.referee.heads import make
from tb.referee.heads.lines import ENDINGS
from tb.referee.heads.spoiled import PLACES, byte_anywhere, place_of
from tb.referee.llhttp import RefusedError, read
from tb.referee.subjects import SUBJECTS


def test_a_head_is_the_same_whatever_came_before_it():
    ahead = [make(3, number) for number in range(300)]
    assert [make(3, number) for number in reversed(range(300))] == ahead[::-1]
    assert len({case.payload for case in ahead}) > 290
    assert not {case.payload for case in ahead} & {make(4, n).payload for n in range(300)}


def test_heads_by_the_grammar_are_heads_to_llhttp():
    cases = [case for case in (make(1, n) for n in range(600)) if case.kind == "by_grammar"]
    assert len(cases) > 100
    for case in cases:
        assert read(case.payload).head_length <= len(case.payload), case


def test_among_those_that_are_not_llhttp_refuses_and_accepts_some():
    outcomes = Counter()
    for case in (make(1, n) for n in range(600)):
        try:
            read(case.payload)
        except RefusedError:
            outcomes[case.kind, "refused"] += 1
        else:
            outcomes[case.kind, "accepted"] += 1
    for kind in ("byte_anywhere", "spliced", "odd_targets", "framings", "repeated", "oversize"):
        assert outcomes[kind, "refused"] > 0, kind
        assert outcomes[kind, "accepted"] > 0, kind


def test_the_shortest_run_brings_every_byte_into_every_class_of_position():
    heads = min(entry.heads for entry in SUBJECTS.values())
    turns = sum(make(1, number).kind == "byte_anywhere" for number in range(1000)) * heads // 1000
    assert {place_of(turn) for turn in range(turns)} == {
        (place, byte) for place in PLACES for byte in range(256)
    }


def test_the_byte_whose_turn_it_is_is_there():
    for turn in range(0, len(PLACES) * 256, 97):
        assert place_of(turn)[1] in byte_anywhere(random.Random(turn), turn)


def test_the_classes_of_positions_are_all_that_a_head_has():
    lines = ("host", "content-length", "transfer-encoding", "connection", "field")
    parts = ("name", "colon", "space", "value", "space behind", "line end")
    rest = ("method", "first space", "path", "query", "second space", "version")
    assert set(PLACES) == {f"{line} {part}" for line in lines for part in parts} | {
        *rest,
        "request line end",
        "empty line",
        "tail",
    }


def test_cuts_lie_within_the_payload_and_fall_everywhere():
    where = Counter()
    for case in (make(1, n) for n in range(500)):
        assert list(case.cuts) == sorted(set(case.cuts))
        assert all(0 < cut < len(case.payload) for cut in case.cuts)
        assert case.cuts or len(case.payload) < 2
        where.update(case.payload[cut - 1 : cut + 1] for cut in case.cuts)
    assert min(where[b"\r\n"], where[b"\n\r"]) > 10
    assert len(where) > 300


def test_sizes_are_on_both_sides_of_what_the_nic_puts_together():
    sizes = [len(make(1, n).payload) for n in range(20_000) if n % 100 > 90]
    assert min(sizes) < 20
    assert any(8100 < size < 8192 for size in sizes)
    assert any(8192 <= size < 8300 for size in sizes)


def test_endings_are_none_that_a_line_should_have():
    assert b"\r\n" not in ENDINGS
    assert len(set(ENDINGS)) == len(ENDINGS)


def test_every_reason_that_the_bytes_of_a_head_can_be_is_looked_for():
    assert SUBJECTS["model"].reasons == set(Reason) - {
        Reason.NONE,
        Reason.TABLE_OFF,
        Reason.UNKNOWN_START,
    }
