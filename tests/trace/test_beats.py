"""A trace tells what the RTL did: checked against the golden models, and against what was sent."""

import pytest

from hybridmesh.contract.grammar import Mark
from hybridmesh.contract.verdict import Method, Reason, State
from hybridmesh.explain import head_frames
from hybridmesh.nic.frames import split
from hybridmesh.reference.lexer import Span, lex
from hybridmesh.rtl.nic import NicCore
from hybridmesh.trace.kinds import kind_of

from .conftest import GEOMETRY, HEAD

POST = (
    b"POST /api/checkout HTTP/1.1\r\nHost: shop.example.com\r\n"
    b"Content-Length: 5\r\nConnection: close\r\n\r\nhello"
)
LONG = b"GET /api/cart HTTP/1.1\r\nx-long: %s\r\nHost: shop.example.com\r\n\r\n" % (b"a" * 1500)


def lexed(trace):
    return [byte for beat in trace.lexed for byte in beat.lanes if byte is not None]


def places(bytes_, mark: Mark) -> list[int]:
    return [place for place, byte in enumerate(bytes_) if mark in byte.marks]


def spans(bytes_, start: Mark, end: Mark) -> tuple[Span, ...]:
    return tuple(map(Span, places(bytes_, start), places(bytes_, end)))


@pytest.mark.parametrize("head", [HEAD, POST], ids=["get", "post"])
def test_bytes_and_marks_are_those_of_the_golden_lexer(trace_of, head):
    bytes_ = lexed(trace_of(head))
    golden = lex(head)
    assert bytes(byte.value for byte in bytes_) == head
    assert spans(bytes_, Mark.PATH_START, Mark.PATH_END) == (golden.path,)
    assert spans(bytes_, Mark.HOST_START, Mark.HOST_END) == (golden.host,)
    assert spans(bytes_, Mark.PARAM_START, Mark.PARAM_END) == golden.params
    assert spans(bytes_, Mark.LINE_START, Mark.LINE_END) == golden.lines
    assert places(bytes_, Mark.HEAD_END) == [golden.head_length - 1]


def test_every_byte_is_of_the_kind_that_it_is_in_the_head(trace_of):
    assert (
        "".join(kind_of(byte).letter for byte in lexed(trace_of(POST)))
        == (
            "MMMMM" + "PPPPPPPPPPPPPP" + "VVVVVVVVVV"  # POST /api/checkout HTTP/1.1
            "NNNNNW" + "HHHHHHHHHHHHHHHHHH"  # Host: shop.example.com
            "NNNNNNNNNNNNNNNWFFF"  # Content-Length: 5
            "NNNNNNNNNNNWFFFFFFF"  # Connection: close
            "EEBBBBB"  # hello
        )
    )


def test_the_latency_is_that_of_the_core(trace):
    (judgement,) = trace.judgements
    assert judgement.clock - trace.wire[-1].clock == NicCore(GEOMETRY).latency
    assert judgement.verdict.latency == judgement.clock - trace.wire[0].clock


def test_the_trace_begins_with_the_first_beat_and_ends_with_the_last(trace):
    assert trace.wire[0].clock == 0
    assert trace.host[-1].last
    assert trace.host[-1].clock == trace.clocks - 1


def test_the_frame_goes_in_as_it_was_sent_and_out_with_the_verdict_in_front(trace):
    _, frame = head_frames(HEAD)
    assert b"".join(beat.data for beat in trace.wire) == frame
    verdict, bare = split(b"".join(beat.data for beat in trace.host))
    assert (verdict, bare) == (trace.judgements[0].verdict, frame)


def test_the_verdict_is_that_of_the_head(trace):
    verdict = trace.judgements[0].verdict
    assert (verdict.state, verdict.row, verdict.epoch) == (State.DECIDED, 4, 1)
    assert (verdict.method, verdict.head_length) == (Method.GET, len(HEAD))


def test_rows_go_as_the_bytes_of_the_path_come(trace):
    """Rows 4 and 5 are for /api/reviews/, row 10 for every path."""
    assert [key.rows for key in trace.path] == [set(range(11)), {4, 5, 10}, {4, 5, 10}]
    assert [key.end for key in trace.path] == [False, False, True]


def test_a_byte_of_the_path_is_looked_up_in_the_lane_of_its_number(trace):
    taken = [{lane: v for lane, v in enumerate(key.lanes) if v is not None} for key in trace.path]
    assert taken == [
        dict(enumerate(b"/api")),
        dict(zip([4, 5, 6, 7, 0, 1, 2, 3], b"/reviews", strict=True)),
        dict(zip([4, 5, 6], b"/7\0", strict=True)),
    ]


def test_the_lowest_row_that_all_conditions_leave_wins(trace):
    (lookup,) = trace.lookups
    assert lookup.by_path == {4, 5, 10}
    assert lookup.left == lookup.by_path & lookup.by_call & lookup.by_host
    assert lookup.left == {4, 5, 10}
    assert lookup.row == 4


def test_without_the_field_its_row_is_ruled_out(trace_of):
    (lookup,) = trace_of(HEAD.replace(b"x-user-group: beta\r\n", b"")).lookups
    assert 4 not in lookup.by_call
    assert lookup.row == 5


@pytest.mark.parametrize(
    ("line", "met"),
    [(b"x-user-group: beta", [{0, 1}]), (b"x-user-group: none", [{1}]), (b"x-other: beta", [])],
)
def test_predicates_are_met_once_and_by_this_head_alone(trace_of, line, met):
    """Predicate 0 is the field with its value, predicate 1 the field with any."""
    trace_of(HEAD)
    trace = trace_of(HEAD.replace(b"x-user-group: beta", line))
    assert [predicates for _, predicates in trace.predicates] == met


def test_a_rule_stands_at_the_byte_that_breaks_it(trace_of):
    trace = trace_of(HEAD.replace(b"/7", b"/%37"))
    ruled = [(byte.value, byte.rules) for byte in lexed(trace) if byte.rules]
    assert ruled == [(ord("%"), {Reason.PATH_ENCODED})]
    assert trace.judgements[0].verdict.reason == Reason.PATH_ENCODED
    assert trace.lookups == ()


def test_a_head_in_two_frames_is_judged_twice(trace_of):
    trace = trace_of(LONG)
    assert [j.verdict.state for j in trace.judgements] == [State.UNDECIDED, State.DECIDED]
    assert trace.judgements[0].verdict.reason == Reason.INCOMPLETE
    assert [beat.last for beat in trace.wire].count(True) == 2


def test_a_frame_without_a_head_gets_no_verdict(trace_of):
    (judgement,) = trace_of(b"\r\n" + HEAD).judgements
    assert judgement.verdict is None
