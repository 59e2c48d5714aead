"""The referee against verdicts that are wrong in every way: each must be seen."""

import pytest

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import Flag, Method, Reason, State, Verdict
from hybridmesh.reference.classifier import classify
from tb.referee.judge import complaints, framing_complaints, start_complaints
from tb.referee.llhttp import RefusedError, ends_after, is_message_end, read
from tb.referee.table import table

IMAGE = table(Geometry())
UPLOAD = b"POST /a/b?c HTTP/1.1\r\nHost: shop.test:80\r\nContent-Length: 3\r\n\r\n"
CHUNKED = b"PUT /p HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n"
PLAIN = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: x\r\n\r\n"


def verdict_of(data: bytes) -> Verdict:
    return classify(data, IMAGE, epoch=1)


RIGHT = [
    UPLOAD,
    UPLOAD + b"abc",
    CHUNKED,
    PLAIN,
    PLAIN + PLAIN,
    PLAIN[:-2] + b"Connection: close\r\n\r\n",
    PLAIN[:-2] + UPGRADE,
    UPLOAD[:-2] + UPGRADE,
    CHUNKED[:-2] + UPGRADE,
    PLAIN.replace(b"1.1", b"1.0"),
    UPLOAD.replace(b"3", b"999999999"),
    UPLOAD.replace(b"3", b"0"),
    PLAIN.replace(b" a", b" " + b"a" * 254),
    PLAIN.replace(b" a", b" " + b"a" * 255),
    PLAIN.replace(b" a", b" " + b"a" * 300 + b":80"),
]


@pytest.mark.parametrize("data", RIGHT)
def test_a_right_verdict_is_agreed_with(data):
    assert verdict_of(data).usable
    assert complaints(verdict_of(data), data) == []


KEPT = PLAIN[:-2] + b"Connection: keep-alive\r\n\r\n"
LONG_HOST = PLAIN.replace(b" a", b" " + b"a" * 300)
WRONG = [
    (UPLOAD, {"method": Method.PUT}, "method:"),
    (UPLOAD, {"method": Method.OTHER}, "method:"),
    (UPLOAD, {"head_length": len(UPLOAD) - 1}, "head length:"),
    (UPLOAD, {"head_length": len(UPLOAD) + 1}, "head length:"),
    (UPLOAD, {"path_offset": 6}, "path offset:"),
    (UPLOAD, {"path_length": 3}, "path:"),
    (UPLOAD, {"path_length": 5}, "path:"),
    (UPLOAD, {"path_length": 6}, "path:"),
    (PLAIN, {"path_length": 0}, "path:"),
    (UPLOAD, {"host_offset": 29}, "host:"),
    (UPLOAD, {"host_length": 8}, "host:"),
    (UPLOAD, {"host_length": 12}, "host:"),
    (PLAIN, {"host_length": 255}, "host:"),
    (LONG_HOST, {"host_length": 254}, "host:"),
    (UPLOAD, {"body_length": 2}, "the body "),
    (UPLOAD, {"body_length": 4}, "the body "),
    (UPLOAD, {"body_length": 0}, "the body "),
    (UPLOAD, {"flags": Flag.DECIDED}, "the body "),
    (UPLOAD, {"flags": Flag.DECIDED | Flag.BODY_CHUNKED}, "the body "),
    (CHUNKED, {"flags": Flag.PROVISIONAL}, "the body "),
    (CHUNKED, {"flags": Flag.PROVISIONAL | Flag.BODY_LENGTH, "body_length": 5}, "the body "),
    (PLAIN, {"flags": Flag.DECIDED | Flag.BODY_LENGTH, "body_length": 1}, "the body "),
    (PLAIN, {"flags": Flag.DECIDED | Flag.BODY_CHUNKED}, "the body "),
    (UPLOAD[:-2] + UPGRADE, {"flags": Flag.DECIDED | Flag.TOUCH}, "the body "),
    (PLAIN, {"flags": Flag.DECIDED | Flag.MORE_DATA}, "more data:"),
    (PLAIN + b"a", {"flags": Flag.DECIDED}, "more data:"),
    (PLAIN.replace(b"1.1", b"1.0"), {"flags": Flag.DECIDED}, "nothing to interpret"),
    (KEPT.replace(b"1.1", b"1.0"), {"flags": Flag.DECIDED}, "nothing to interpret"),
    (PLAIN[:-2] + UPGRADE, {"flags": Flag.DECIDED}, "nothing to interpret"),
    (PLAIN[:-2] + b"Connection: close\r\n\r\n", {"flags": Flag.DECIDED}, "nothing to interpret"),
    (PLAIN[:-2] + b"Connection: host\r\n\r\n", {"flags": Flag.DECIDED}, "decided, "),
    (PLAIN, {"flags": Flag.MALFORMED, "reason": Reason.FIELD_NAME}, "malformed "),
    (UPLOAD, {"flags": Flag.MALFORMED, "reason": Reason.FRAMING}, "malformed "),
]


@pytest.mark.parametrize(("data", "fields", "what"), WRONG)
def test_a_wrong_verdict_is_seen(data, fields, what):
    wrong = verdict_of(data)._replace(**fields)
    assert any(text.startswith(what) for text in complaints(wrong, data))


def test_a_host_found_elsewhere_is_seen():
    data = b"GET /ab HTTP/1.1\r\nHost: ab\r\n\r\n"
    assert complaints(verdict_of(data)._replace(host_offset=5), data) == [
        "host offset: 5, says the NIC; no Host field is there"
    ]


@pytest.mark.parametrize("port", [b"", b"x", b"8x", b":80", b" 80"])
def test_a_host_with_a_port_that_is_none_is_seen(port):
    data = PLAIN.replace(b": a", b": a:" + port)
    wrong = verdict_of(PLAIN)._replace(head_length=len(data))
    assert any(text.startswith("host: b'a'") for text in complaints(wrong, data))


REFUSED = [
    PLAIN.replace(b"GET", b"BREW"),
    PLAIN.replace(b"host:", b"host :"),
    PLAIN.replace(b"\r\n", b"\n"),
    PLAIN.replace(b"1.1", b"1.2"),
    PLAIN[:-2],
    PLAIN[:-1],
    UPLOAD[:-2] + b"Content-Length: 3\r\n\r\n",
    UPLOAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n",
]


@pytest.mark.parametrize("data", REFUSED)
@pytest.mark.parametrize("flags", [Flag.DECIDED, Flag.PROVISIONAL])
def test_a_head_that_llhttp_refuses_must_not_be_decided(data, flags):
    wrong = verdict_of(PLAIN)._replace(flags=flags)
    assert complaints(wrong, data)[0].startswith("llhttp refuses it")


def test_a_second_host_is_seen_though_llhttp_accepts_it():
    data = PLAIN[:-2] + b"HOST: a\r\n\r\n"
    wrong = verdict_of(PLAIN)._replace(head_length=len(data))
    found = complaints(wrong, data)
    assert any(text.startswith("number of hosts") for text in found)
    assert any("more than one Host field" in text for text in found)


def test_a_head_without_host_is_seen():
    data = b"GET / HTTP/1.1\r\n\r\n"
    wrong = verdict_of(PLAIN)._replace(head_length=len(data))
    assert any(text.startswith("number of hosts") for text in complaints(wrong, data))


UNDECIDED = Verdict(flags=State.UNDECIDED.value, reason=Reason.METHOD)


@pytest.mark.parametrize("data", [PLAIN, UPLOAD, PLAIN[:9]])
def test_that_llhttp_accepts_more_is_fine(data):
    assert complaints(UNDECIDED, data) == []
    assert complaints(None, data) == []


def malformed(reason):
    return Verdict(flags=State.MALFORMED.value, reason=reason)


def test_malformed_is_what_the_parser_refuses_though_llhttp_may_accept():
    data = PLAIN[:-2] + b"Host: b\r\n\r\n"
    assert read(data).hosts == (b"a", b"b")
    assert complaints(malformed(Reason.HOST_REPEATED), data) == []


def test_a_malformed_part_is_judged_with_what_comes_behind_it():
    part, behind = PLAIN[:-4], PLAIN[-4:]
    assert complaints(malformed(Reason.FIELD_NAME), part) == []
    assert complaints(malformed(Reason.FIELD_NAME), part, behind) != []


@pytest.mark.parametrize(
    ("data", "length"), [(PLAIN, len(PLAIN)), (UPLOAD, len(UPLOAD) + 3), (CHUNKED, None)]
)
def test_the_end_of_a_message_that_is_followed_is_judged(data, length):
    assert framing_complaints(data, len(data), length) == []
    assert framing_complaints(data[:-1], len(data) - 1, length) == []  # no head to llhttp
    for wrong in () if length is None else (length + 1, length - 1):
        if wrong >= len(data):
            assert len(framing_complaints(data, len(data), wrong)) == 1
    if length is not None:
        assert len(framing_complaints(data, len(data) - 1, length)) == 1
        assert len(framing_complaints(data, len(data) + 1, length)) == 1


def test_a_line_that_llhttp_leaves_out_is_no_part_of_the_head():
    data = PLAIN + b"\r\n"
    assert len(framing_complaints(data, len(data), len(data))) == 1


def test_a_decided_head_begins_where_a_message_ends():
    decided, undecided = verdict_of(PLAIN), UNDECIDED
    for before in (PLAIN, UPLOAD + b"abc", CHUNKED + b"0\r\n\r\n", PLAIN + PLAIN):
        assert start_complaints(decided, before) == []
        assert len(start_complaints(decided, before[:-1])) == 1
        assert len(start_complaints(decided, before + b"G")) == 1
        assert start_complaints(undecided, before[:-1]) == []
    assert start_complaints(decided, b"") == []


# ------------------------------------------------------------------ what llhttp is heard to say
def test_a_head_is_read_with_all_that_a_verdict_says_of_it():
    reading = read(UPLOAD + b"abc")
    assert reading.head_length == len(UPLOAD)
    assert (reading.method, reading.target) == (b"POST", b"/a/b?c")
    assert (reading.version, reading.hosts) == ("1.1", (b"shop.test:80",))
    assert (reading.keep_alive, reading.upgrade) == (True, False)


@pytest.mark.parametrize("data", [b"", b"\n", b"GET", PLAIN[:-1], b"\r\n\r\n"])
def test_what_is_no_head_is_not_read(data):
    with pytest.raises(RefusedError):
        read(data)


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (PLAIN, 0),
        (UPLOAD, 3),
        (CHUNKED, None),
        (UPLOAD.replace(b"3", b"0"), 0),
        (UPLOAD.replace(b"3", b"1"), 1),
        (UPLOAD.replace(b"3", b"5"), 5),
        (UPLOAD.replace(b"3", b"16777216"), 1 << 24),
        (UPLOAD.replace(b"3", b"16777217"), (1 << 24) + 1),
        (UPLOAD.replace(b"3", b"16777218"), (1 << 24) + 2),
        (UPLOAD.replace(b"3", b"999999999"), 999_999_999),
    ],
)
def test_a_message_ends_after_its_body_and_nowhere_else(head, length):
    lengths = [None, 0, 1, 3, 4, 5, 1 << 24, (1 << 24) + 1, (1 << 24) + 2, 999_999_999]
    assert [other for other in lengths if ends_after(head, other)] == [length]


@pytest.mark.parametrize("head", [UPLOAD, CHUNKED, PLAIN])
def test_an_upgrade_does_not_hide_the_body(head):
    length = {UPLOAD: 3, CHUNKED: None, PLAIN: 0}[head]
    for name in (b"Upgrade", b"UPGRADE"):
        upgrade = head[:-2] + UPGRADE.replace(b"Upgrade", name)
        assert read(upgrade).upgrade
        assert [other for other in (None, 0, 3) if ends_after(upgrade, other)] == [length]


def test_a_tunnel_has_no_body():
    head = b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    assert [length for length in (None, 0, 1, 3) if ends_after(head, length)] == [0]


def test_a_stream_is_a_message_end_at_the_last_byte_of_a_message():
    stream = UPLOAD + b"abc" + PLAIN + CHUNKED + b"0\r\n\r\n"
    ends = [n for n in range(1, len(stream) + 1) if is_message_end(stream[:n])]
    body = len(UPLOAD) + 3
    assert ends == [body, body + len(PLAIN), len(stream)]
