"""Where the gateway tells the NIC that a head begins: behind what the NIC could not follow."""

import pytest
from playbook import (
    Playbook,
    cluster,
    connect,
    connected,
    decided,
    from_client,
    from_pod,
    mesh,
    route,
)

from hybridmesh.contract.verdict import Flag, Reason, Verdict

SHORT = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SIZED = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", b"hello"
CHUNKED = (
    b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"5;x=y\r\nhello\r\n3\r\nGET\r\n0\r\nT: 1\r\n\r\n",
)
CLOSING = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def refused(reason: int, flag: Flag = Flag.UNDECIDED) -> Verdict:
    return Verdict(flags=int(flag), epoch=1, reason=reason)


def play(verdicts: dict[int, Verdict], *pieces: bytes, answers: int = 0) -> list[int]:
    """Where the NIC of these *verdicts* is told that heads begin, while *pieces* come in, and then
    so many answers to them."""
    chart = Playbook(mesh([route()], [cluster()]), verdicts=verdicts)
    for piece in pieces:
        chart >> from_client(piece)
    if answers:
        chart << connect(1) >> connected()
    for _ in range(answers):
        chart >> from_pod(ANSWER)
    return chart.stream.told


@pytest.mark.parametrize("said", ["decided", "touched", "undecided", "none"])
def test_behind_a_body_in_chunks_it_is_told_once_however_that_was_cut(said: str) -> None:
    data = b"".join(CHUNKED)
    verdict = {
        "decided": decided(CHUNKED[0]),
        "touched": decided(CHUNKED[0], touch=True),
        "undecided": refused(Reason.PATH_ENCODED),
        "none": None,
    }[said]
    verdicts = {0: verdict} if verdict else {}
    assert play(verdicts, data) == [len(data)]
    for cut in range(len(CHUNKED[0]), len(data)):
        assert play(verdicts, data[:cut]) == []
        assert play(verdicts, data[:cut], data[cut:]) == [len(data)]


@pytest.mark.parametrize(
    "verdict",
    [
        decided(SIZED[0]),
        decided(SIZED[0], touch=True),
        decided(SIZED[0], epoch=7),
        *(refused(reason) for reason in Reason if reason.framed),
    ],
    ids=lambda verdict: f"{verdict.state.word} {verdict.reason} {verdict.epoch}",
)
def test_what_the_nic_follows_it_is_never_told(verdict: Verdict) -> None:
    data = b"".join(SIZED)
    verdicts = {0: verdict, len(data): decided(SHORT)}
    assert play(verdicts, data, answers=1) == []
    assert play(verdicts, SIZED[0], SIZED[1], SHORT, answers=2) == []
    assert play(verdicts, data + SHORT, answers=2) == []


@pytest.mark.parametrize(
    "verdict",
    [None, refused(99), *(refused(r, r.state.value) for r in Reason if not r.framed)],
    ids=lambda verdict: str(verdict and verdict.reason),
)
def test_behind_a_head_that_the_nic_did_not_follow_it_is_told(verdict: Verdict | None) -> None:
    verdicts = {0: verdict} if verdict else {}
    for head, body in ((SHORT, b""), SIZED):
        assert play(verdicts, head + body) == [len(head + body)]
        if body:
            assert play(verdicts, head) == []
            assert play(verdicts, head, body[:2], body[2:]) == [len(head + body)]


def test_it_is_told_as_soon_as_the_request_ends_and_not_again_with_the_answer() -> None:
    assert play({}, SHORT) == [len(SHORT)]
    assert play({}, SHORT, answers=1) == [len(SHORT)]


def test_of_a_head_that_has_begun_to_come_it_is_not_told() -> None:
    first, second = b"".join(CHUNKED), SHORT
    for begun in range(1, len(second)):
        told = play({}, first + second[:begun], second[begun:], answers=1)
        assert told == [len(first + second)], "where the one after it begins"
        head, body = CHUNKED
        assert play({}, head, body + second[:begun], second[begun:], answers=1) == told
    known = {0: decided(CHUNKED[0]), len(first): decided(second)}
    assert play(known, first + second, answers=2) == []


def test_of_many_requests_at_once_it_is_told_where_the_last_ends() -> None:
    data = (b"".join(CHUNKED) + SHORT) * 3
    assert play({0: decided(CHUNKED[0])}, data, answers=6) == [len(data)]


def test_empty_lines_before_a_head_move_it() -> None:
    verdicts = {0: decided(SHORT), len(SHORT) + 2: decided(SHORT)}
    assert play(verdicts, SHORT, b"\r\n" + SHORT, answers=2) == []
    assert play(verdicts, SHORT + b"\r\n", answers=1) == [len(SHORT) + 2]


def test_where_no_head_will_come_nothing_is_told() -> None:
    assert play({}, CLOSING, answers=1) == []
    assert play({}, SHORT[:-2] + b"bad\r\n\r\n") == []
