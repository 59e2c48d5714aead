"""The model of the flow table, and how far it is from a head to the next, worked out by hand."""

import pytest

from hybridmesh.contract.flow import Place
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import Reason
from hybridmesh.reference.flows import Flows, Succession, message_length
from hybridmesh.reference.lexer import lex

HEAD, BODY, UNKNOWN = Place.HEAD, Place.BODY, Place.UNKNOWN

SMALL = Geometry(flows=16)
"""Eight sets of two: a hash is eleven octal digits, and its set the exclusive or of them."""


def opened(*values: int) -> Flows:
    """A small table in which connections of these hashes have been opened, the next head of each
    at 101."""
    flows = Flows(SMALL)
    for value in values:
        flows.opened(value, 100)
    return flows


def test_a_connection_is_at_its_head_before_it_or_nowhere():
    flows = opened(0o7)
    assert flows.came(0o7, 101, 50) is HEAD
    assert flows.came(0o7, 101, 50) is BODY
    assert flows.came(0o7, 150, 50) is BODY
    assert flows.came(0o7, 152, 50) is UNKNOWN
    assert flows.came(0o7, 151, None) is HEAD
    assert flows.came(0o7, 151, 9) is HEAD
    assert flows.came(0o7, 160, None) is HEAD
    assert flows.came(0o6, 160, 1) is UNKNOWN


def test_sequence_numbers_are_counted_modulo_2_to_the_32():
    flows = Flows(SMALL)
    flows.opened(0, 2**32 - 1)
    assert flows.came(0, 0, 1) is HEAD
    flows.opened(0, 2**32 - 6)
    assert flows.came(0, 2**32 - 5, 7) is HEAD
    assert [flows.came(0, seq, 1) for seq in (2**32 - 5, 0, 1, 2)] == [BODY, BODY, BODY, HEAD]


@pytest.mark.parametrize(
    ("seq", "place", "after"),
    [
        (101 - 2**30, BODY, HEAD),
        (100 - 2**30, UNKNOWN, UNKNOWN),
        (101 + 2**31, UNKNOWN, UNKNOWN),
        (101 + 2**30, UNKNOWN, UNKNOWN),
        (100 + 2**30, UNKNOWN, HEAD),
    ],
)
def test_a_connection_whose_numbers_could_come_round_is_forgotten(seq, place, after):
    flows = opened(0)
    assert flows.came(0, seq % 2**32, 1) is place
    assert flows.came(0, 101, 1) is after


SET_5 = (0o5, 0o14, 0o500, 0o23000000005)
"""Hashes whose octal digits give 5."""


def test_the_third_of_a_set_takes_the_place_of_the_one_seen_longest_ago():
    flows = opened(*SET_5[:3])
    assert [flows.came(value, 101, 1) for value in SET_5[:3]] == [UNKNOWN, HEAD, HEAD]
    flows = opened(SET_5[0], SET_5[1], 0o4)
    assert flows.came(SET_5[0], 100, None) is BODY
    flows.opened(SET_5[2], 100)
    assert [flows.came(value, 101, 1) for value in SET_5[:3]] == [HEAD, UNKNOWN, HEAD]
    assert flows.came(0o4, 101, 1) is HEAD


def test_a_connection_that_opens_again_keeps_its_place():
    flows = opened(SET_5[0], SET_5[1], SET_5[0])
    assert [flows.came(value, 101, 1) for value in SET_5[:2]] == [HEAD, HEAD]
    flows = opened(SET_5[0], SET_5[1], SET_5[0], SET_5[2])
    assert [flows.came(value, 101, 1) for value in SET_5[:3]] == [HEAD, UNKNOWN, HEAD]


def test_one_that_was_forgotten_makes_room():
    flows = opened(*SET_5[:2])
    assert flows.came(SET_5[1], 101 + 2**31, 1) is UNKNOWN
    flows.opened(SET_5[2], 100)
    assert [flows.came(value, 101, 1) for value in SET_5[:3]] == [HEAD, UNKNOWN, HEAD]


def test_unknown_connections_take_no_place():
    flows = opened(*SET_5[:2])
    assert flows.came(SET_5[2], 101, 1) is UNKNOWN
    assert [flows.came(value, 101, 1) for value in SET_5[:3]] == [HEAD, HEAD, UNKNOWN]


def parts(*segments: tuple, width: int = 8) -> list[tuple[int, bytes, bool]]:
    """What is known of the head behind each segment: where it begins, its bytes, whether they are
    intact.  A segment is its sequence number and bytes, then what is not as usual; None stands for
    another payload."""
    succession, heads = Succession(Geometry(width=width)), []
    for segment in segments:
        if segment is None:
            succession.broken()
            continue
        seq, data, *rest = segment
        usual = {"connection": "a", "epoch": 1, "intact": True} | dict(rest)
        head = succession.came(
            usual["connection"], usual["epoch"], seq, data, intact=usual["intact"]
        )
        heads.append((head.seq, head.data, head.intact))
    return heads


def test_a_segment_goes_on_with_the_head_before_it():
    assert parts((7, b"GE"), (9, b"T /"), (12, b" HTTP"), (17, b"/1.1\r\n\r\nb"), (27, b"ody")) == [
        (7, b"GE", True),
        (7, b"GET /", True),
        (7, b"GET / HTTP", True),
        (7, b"GET / HTTP/1.1\r\n\r\nb", True),
        (27, b"ody", True),
    ]


def test_sequence_numbers_of_segments_begin_again_at_0():
    assert parts((2**32 - 2, b"GET"), (1, b" /"))[1] == (2**32 - 2, b"GET /", True)
    assert parts((2**32 - 3, b"GET"), (0, b" /"))[1] == (2**32 - 3, b"GET /", True)


@pytest.mark.parametrize(
    "segment",
    [
        (9, b" /"),
        (11, b" /"),
        (7, b" /"),
        (10, b" /", ("connection", "b")),
        (10, b" /", ("epoch", 2)),
    ],
)
def test_any_other_segment_begins_anew(segment):
    assert parts((7, b"GET"), segment)[1] == (segment[0], b" /", True)


def test_another_payload_between_two_segments_parts_them():
    assert parts((7, b"GET"), None, (10, b" /"))[1] == (10, b" /", True)


def test_a_head_is_as_intact_as_each_of_its_segments():
    spoiled = ("intact", False)
    segments = (7, b"GET"), (10, b" /", spoiled), (12, b" H"), (14, b"TTP\r\n\r\n"), (21, b"GET")
    assert [intact for *_, intact in parts(*segments)] == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("data", "goes_on"),
    [
        (b"P", True),
        (b"OP", True),
        (b"POX / HTTP", True),
        (b"A", False),
        (b"GO", False),
        (b"OE", False),
        (b"TE", False),
        (b"p", False),
        (b"GeT /", False),
        (b"get /", False),
        (b"\nGET /", False),
        (b"{G", False),
        (b"GET /\n\r\n", False),
        (b"GET /\r\n\r", True),
        (b"GET /\n\n\r\r\n", True),
    ],
)
def test_a_head_is_gone_on_with_if_it_begins_like_one_and_has_no_empty_line(data, goes_on):
    assert (len(parts((0, data), (len(data), b"E"))[1][1]) > 1) == goes_on


def test_at_width_64_a_beat_that_lacks_few_bytes_is_not_filled_up():
    for size, goes_on in ((53, True), (54, False), (63, False), (64, True)):
        first = b"GET".ljust(size, b"x")
        assert (parts((0, first), (size, b"y"), width=64)[1][0] == 0) == goes_on


def made(start: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join((start, *lines, b"", b""))


START, HOST = b"PUT / HTTP/1.1", b"Host: a"

LENGTHS = [
    (made(START, HOST), 27),
    (made(START, HOST) + b"more", 27),
    (made(START, HOST, b"Content-Length: 0"), 46),
    (made(START, HOST, b"content-length: 7"), 46 + 7),
    (made(START, HOST, b"Content-Length: 000000007"), 54 + 7),
    (made(START, HOST, b"Content-Length: 999999999"), 54 + 999_999_999),
    (made(START, HOST, b"Content-Length: 1000000000"), None),
    (made(START, HOST, b"Transfer-Encoding: chunked"), None),
    (made(START, HOST, b"Content-Length: 7", b"Transfer-Encoding: chunked"), None),
    (made(START, HOST, b"Content-Length: 7", b"content-length: 7"), None),
    (made(START, HOST, b"X-Content-Length: 7"), 48),
    (made(START, HOST)[:-1], None),
]


@pytest.mark.parametrize(("payload", "length"), LENGTHS)
def test_a_message_is_as_long_as_its_head_and_what_that_announces(payload, length):
    assert message_length(payload, lex(payload)) == length


BY_REASON: list[tuple[Reason, bool, str]] = [
    (Reason.NONE, True, "the head is read, and its framing with it"),
    (Reason.TABLE_OFF, True, "heads are read without a table too"),
    (Reason.UNKNOWN_START, False, "there is no head to be read"),
    (Reason.METHOD_BYTE, False, "a proxy refuses the head and closes the connection"),
    (Reason.METHOD, True, "no method changes the framing of a request (RFC 9112, 6.3)"),
    (Reason.LINE_ENDING, False, "a line ends for one reader and goes on for another"),
    (Reason.TARGET_FORM, False, "behind CONNECT there is no HTTP"),
    (Reason.TARGET_BYTE, True, "the target has no part in the framing"),
    (Reason.PATH_ENCODED, True, "the target has no part in the framing"),
    (Reason.PATH_SEGMENTS, True, "the target has no part in the framing"),
    (Reason.VERSION, False, "another version has another framing"),
    (Reason.OBS_FOLD, False, "unfolded, the line before may be a length or a coding"),
    (Reason.FIELD_NAME, False, "'Content-Length : 5' is a length to some"),
    (Reason.FIELD_VALUE, False, "a NUL may end the line, or the head, to some"),
    (Reason.OBS_TEXT, True, "bytes above 0x7f end no line, and are in no length or coding"),
    (Reason.ODD_SPACE, False, "'Content-Length:5' is a length, and the NIC does not see it"),
    (Reason.CROWDED, True, "the framing is read beside the fields that are looked up"),
    (Reason.HOST, True, "the host has no part in the framing"),
    (Reason.HOST_REPEATED, False, "a proxy refuses the head and closes the connection"),
    (Reason.HOST_MISSING, True, "the host has no part in the framing"),
    (Reason.LENGTH, False, "the length is not known"),
    (Reason.FRAMING, False, "there are two framings, or one that the NIC does not know"),
    (Reason.REPEATED, True, "it is about fields that routes ask for"),
    (Reason.FIELD_COUNT, False, "a proxy refuses the head and closes the connection"),
    (Reason.INCOMPLETE, False, "the lines to come may hold a length or a coding"),
]


@pytest.mark.parametrize(("reason", "framed", "why"), BY_REASON)
def test_framing_is_known_in_spite_of(reason, framed, why):
    assert reason.framed is framed, why


def test_every_reason_has_been_thought_of():
    assert [reason for reason, _, _ in BY_REASON] == list(Reason)


HIDDEN = [
    b"Content-Length:5",
    b"Content-Length: 5 ",
    b"Content-Length:  5",
    b"Content-Length:\t5",
    b"Content-Length : 5",
    b"Content-Length: \x805",
    b"Content-Length: +5",
    b"Content-Length: 5, 5",
    b"X: a\r\n Content-Length: 5",
    b"X: a\nContent-Length: 5",
    b"X: a\rContent-Length: 5",
    b"X: a\0\r\nX: b",
    b"Transfer-Encoding:chunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked\x80",
    b"Transfer-Encoding: chunked\r\n ,gzip",
    b"Transfer-Encoding\t: chunked",
]


@pytest.mark.parametrize("line", HIDDEN)
def test_no_length_or_coding_is_overlooked(line):
    payload = made(START, HOST, line)
    assert message_length(payload, lex(payload)) is None
