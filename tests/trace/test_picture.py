"""The picture of a trace: all that the trace holds can be read in it, whatever the width."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from hybridmesh.contract.grammar import Line, Role
from hybridmesh.contract.verdict import Flag, Reason, Verdict
from hybridmesh.nic.frames import Connection
from hybridmesh.trace import Trace, draw
from hybridmesh.trace.beats import Judgement, LexedBeat, LexedByte, StreamBeat

from .conftest import HEAD

ROWS = [f"route-{row}" for row in range(11)]
SHOWN = bytes.maketrans(b" \r\n", b"\1\2\3")
SIGNS = str.maketrans("\1\2\3", "·←↓")


def elements(svg: str, group: str, kind: str) -> list[tuple[int, ElementTree.Element]]:
    """Elements of CSS class *kind* in groups of class *group*, with their clocks."""
    found = []
    for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        if group in node.get("class").split():
            inside = [child for child in node if child.get("class") == kind]
            found += [(int(node.get("data-clock")), child) for child in inside]
    return found


def text(svg: str, group: str, kind: str) -> str:
    return "".join(node.text for _, node in elements(svg, group, kind))


def texts(svg: str) -> list[str]:
    return [node.text for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("text")]


def shown(data: bytes) -> str:
    return data.translate(SHOWN).decode().translate(SIGNS)


def made_up(width: int, verdict: Verdict | None = None) -> Trace:
    """A trace that no NIC recorded: one frame, all of it method, judged in clock 300."""
    frame = Connection(("192.0.2.1", 1), ("192.0.2.2", 80)).frame(0, HEAD)
    chunks = [frame[at : at + width] for at in range(0, len(frame), width)]
    wire = [StreamBeat(n, data, n == len(chunks) - 1) for n, data in enumerate(chunks)]
    host = [StreamBeat(310 + beat.clock, beat.data, beat.last) for beat in wire]
    lexed = []
    for number, at in enumerate(range(0, len(HEAD), width)):
        data = [LexedByte(v, Role.METHOD, Line.OTHER, frozenset(), frozenset()) for v in HEAD]
        lanes = data[at : at + width]
        lexed.append(LexedBeat(20 + number, (*lanes, *[None] * (width - len(lanes)))))
    judgements = (Judgement(300, verdict),)
    return Trace(width, 600, tuple(wire), tuple(lexed), (), (), (), judgements, tuple(host))


def test_the_bytes_and_kinds_behind_the_lexer_are_drawn(trace):
    svg = draw(trace, ROWS)
    assert text(svg, "lexed", "byte") == shown(HEAD)
    assert text(svg, "lexed", "letter") == (
        "MMMM" + "P" * 15 + "Q" * 7 + "V" * 10  # GET /api/reviews/7?page=2 HTTP/1.1
        + "NNNNNW" + "H" * 18  # Host: shop.example.com
        + "N" * 13 + "W" * 7  # x-user-group: beta
        + "EE"
    )  # fmt: skip


def test_each_beat_is_drawn_below_the_one_before(trace):
    svg = draw(trace, ROWS)
    ys = [(clock, float(node.get("y"))) for clock, node in elements(svg, "lexed", "byte")]
    assert [clock for clock, _ in ys] == [beat.clock for beat in trace.lexed]
    assert all(before < after for (_, before), (_, after) in pairwise(ys))


def test_payload_is_drawn_in_characters_and_headers_in_hex(trace):
    svg = draw(trace, ROWS)
    frame = b"".join(beat.data for beat in trace.wire)
    assert text(svg, "wire", "byte") == text(svg, "host", "byte") == shown(HEAD)
    assert text(svg, "wire", "hex") == frame[: -len(HEAD)].hex()
    assert len(elements(svg, "wire", "header")) == len(elements(svg, "host", "header")) == 54
    assert len(elements(svg, "host", "shim")) == 40


def test_latencies_are_told_in_clocks(trace):
    svg = draw(trace, ROWS)
    (judgement,) = trace.judgements
    told = [node.text for _, node in elements(svg, "latency", "latency")]
    assert told == [
        f"{judgement.clock - trace.wire[-1].clock} clocks from the last beat",
        f"{judgement.clock} clocks from the first beat",
    ]


def test_of_a_head_in_two_frames_the_last_one_has_its_latencies_told(trace_of):
    long = trace_of(HEAD.replace(b"beta", b"b" * 1500))
    first, last = (beat.clock for beat in long.wire if beat.last)
    told = [node.text for _, node in elements(draw(long, ROWS), "latency", "latency")]
    end = long.judgements[-1].clock
    assert told == [
        f"{end - last} clocks from the last beat",
        f"{end - first - 1} clocks from the first beat",
    ]


def test_the_verdict_is_told_with_the_name_of_its_row(trace):
    said = texts(draw(trace, ROWS))
    for line in ("decided", "4: route-4", "82 bytes", "14 bytes from byte 4"):
        assert line in said


def test_the_rows_that_are_left_are_marked_and_counted(trace):
    svg = draw(trace, ROWS)
    assert texts(svg).count("3 of 11 left") == 4  # twice on the path, by path, by all
    assert len(elements(svg, "lookup", "won")) == 1
    on = len(trace.lookups[0].by_call & set(range(11)))
    assert f"{on} of 11 left" in texts(svg)
    assert len(elements(svg, "lookup", "on")) == 3 + on + 11 + 3


def test_the_byte_that_breaks_a_rule_is_marked(trace_of):
    svg = draw(trace_of(HEAD.replace(b"/7", b"/%37")), ROWS)
    ((clock, box),) = elements(svg, "lexed", "ruled")
    glyphs = next(node for at, node in elements(svg, "lexed", "byte") if at == clock)
    xs = [float(x) for x in glyphs.get("x").split()]
    left = float(box.get("x"))
    assert [glyphs.text[n] for n, x in enumerate(xs) if left < x < left + 17] == ["%"]
    assert "rule: path-encoded" in texts(svg)
    assert Reason.PATH_ENCODED.word in texts(svg)


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16, 32, 64])
def test_columns_do_not_overlap_at_any_width(width):
    svg = draw(made_up(width), ROWS)
    columns = []
    for stage in ("wire", "lexed", "host"):
        boxes = [
            node for kind in ("cell", "header", "method") for _, node in elements(svg, stage, kind)
        ]
        lefts = [float(node.get("x")) for node in boxes]
        assert len(set(lefts)) == width
        columns.append((min(lefts), max(lefts) + float(boxes[0].get("width"))))
    assert all(end < start for (_, end), (start, _) in pairwise(columns))
    total = float(ElementTree.fromstring(svg).get("width"))
    assert columns[-1][1] < total < 4000


@pytest.mark.parametrize(("rows", "named"), [(11, True), (48, True), (49, False), (1024, False)])
def test_each_row_of_a_small_table_is_named(trace, rows, named):
    said = texts(draw(trace, [f"r{row}" for row in range(rows)]))
    assert ("r7" in said) == named
    assert f"3 of {rows} left" in said


@pytest.mark.parametrize(
    ("verdict", "lines"),
    [
        (Verdict(flags=Flag.DECIDED), ["none matches", "none"]),
        (Verdict(flags=Flag.PROVISIONAL | Flag.BODY_CHUNKED, row=3), ["3: route-3", "in chunks"]),
        (Verdict(flags=Flag.DECIDED | Flag.BODY_LENGTH, body_length=7), ["7 bytes"]),
        (Verdict(reason=Reason.INCOMPLETE), ["undecided", "incomplete"]),
        (None, ["no verdict"]),
    ],
)
def test_every_verdict_can_be_told(verdict, lines):
    said = texts(draw(made_up(8, verdict), ROWS))
    for line in lines:
        assert line in said


def test_a_title_is_cut_where_it_is_long(trace_of):
    long = trace_of(HEAD.replace(b"/7", b"/" + b"7" * 200))
    title = texts(draw(long, ROWS))[0]
    assert title.startswith("GET /api/reviews/777")
    assert title.endswith("…")
    assert len(title) == 80
