"""What may differ stands in the document, and nothing else may."""

import re
from dataclasses import replace

import pytest

from .cases import cases
from .client import Request
from .differences import DIFFERENCES, DOCUMENT, complaints
from .exchange import Answer, Arrival

REQUEST = Request("GET /a HTTP/1.1", ("host: shop.test",))
ARRIVAL = Arrival("web-1", "GET /a HTTP/1.1", (("host", "shop.test"), ("x-a", "1")), "")
ANSWER = Answer(
    200, "OK", (), (("server", "istio-envoy"), ("x-b", "1"), ("x-b", "2")), "web", True, (ARRIVAL,)
)


def test_every_difference_has_its_place_in_the_document_and_no_other_is_there():
    anchors = re.findall(r'<a id="([^"]+)"></a>`([^`]+)`', DOCUMENT.read_text())
    known = {difference.anchor for difference in DIFFERENCES}
    known |= {asked.differs for case in cases() for asked in case.asked if asked.differs}
    assert all(anchor == name for anchor, name in anchors)
    assert sorted(anchor for anchor, _ in anchors) == sorted(known)


def test_the_same_answer_is_no_complaint():
    assert complaints(REQUEST, ANSWER, ANSWER) == []


def test_the_order_of_lines_of_different_names_does_not_matter():
    fields = ANSWER.fields[1:] + ANSWER.fields[:1]
    arrival = replace(ARRIVAL, fields=ARRIVAL.fields[::-1])
    assert complaints(REQUEST, ANSWER, replace(ANSWER, fields=fields, arrivals=(arrival,))) == []


WRONG = {
    "status": replace(ANSWER, status=201),
    "reason": replace(ANSWER, reason="Fine"),
    "interim": replace(ANSWER, interim=(100,)),
    "body": replace(ANSWER, body="api"),
    "whole": replace(ANSWER, whole=False),
    "field x-b": replace(ANSWER, fields=(*ANSWER.fields[:1], ("x-b", "2"), ("x-b", "1"))),
    "field server": replace(ANSWER, fields=ANSWER.fields[1:]),
    "field x-c": replace(ANSWER, fields=(*ANSWER.fields, ("x-c", "1"))),
    "pods": replace(ANSWER, arrivals=(ARRIVAL, ARRIVAL)),
    "at web-1, line": replace(ANSWER, arrivals=(replace(ARRIVAL, line="GET /b HTTP/1.1"),)),
    "at web-1, body": replace(ANSWER, arrivals=(replace(ARRIVAL, body="text"),)),
    "at web-1, field x-a": replace(ANSWER, arrivals=(replace(ARRIVAL, fields=ARRIVAL.fields[:1]),)),
}


@pytest.mark.parametrize("what", WRONG)
def test_anything_else_is_a_complaint(what):
    (found,) = complaints(REQUEST, ANSWER, WRONG[what])
    assert found.startswith(f"{what}: ")


def at_pod(*fields: tuple[str, str]) -> Answer:
    return replace(ANSWER, arrivals=(replace(ARRIVAL, fields=fields),))


CLOSED = ("connection", "close")
EMPTY = replace(ANSWER, body="", arrivals=())
RECONCILED = {
    "case-of-names": (REQUEST, at_pod(("x-a", "1")), at_pod(("X-A", "1"))),
    "keep-alive": (REQUEST, at_pod(), at_pod(("connection", "keep-alive"))),
    "repeated-lines": (
        REQUEST,
        at_pod(("accept", "a,b"), ("x-a", "1"), ("x-a", "2")),
        at_pod(("accept", "a"), ("accept", "b"), ("x-a", "1"), ("x-a", "2")),
    ),
    "grpc-timeout": (
        replace(REQUEST, lines=("content-type: application/grpc",)),
        at_pod(("grpc-timeout", "9000m")),
        at_pod(),
    ),
    "reason-phrase": (REQUEST, ANSWER, replace(ANSWER, reason="Pod")),
    "head-without-body": (
        replace(REQUEST, line="HEAD /a HTTP/1.1"),
        replace(EMPTY, fields=(("transfer-encoding", "chunked"),)),
        replace(EMPTY, fields=(("content-length", "0"),)),
    ),
    "body-of-a-400": (
        REQUEST,
        replace(EMPTY, status=400, fields=(("content-length", "0"),)),
        replace(
            EMPTY,
            status=400,
            fields=(("content-length", "11"), ("content-type", "text/plain")),
            body="Bad Request",
        ),
    ),
    "body-of-a-refused-request": (
        replace(REQUEST, body="text"),
        replace(EMPTY, fields=(CLOSED,)),
        replace(EMPTY, fields=()),
    ),
}


def test_there_is_an_example_of_every_difference():
    assert RECONCILED.keys() == {difference.anchor for difference in DIFFERENCES}


@pytest.mark.parametrize("anchor", RECONCILED)
def test_a_deliberate_difference_is_no_complaint_and_without_its_rule_it_is(anchor, monkeypatch):
    request, envoy, ours = RECONCILED[anchor]
    assert complaints(request, envoy, ours) == []
    others = tuple(one for one in DIFFERENCES if one.anchor != anchor)
    monkeypatch.setattr("conformance.differences.DIFFERENCES", others)
    assert complaints(request, envoy, ours) != []


def test_in_http_1_0_a_connection_that_is_kept_says_so():
    request = replace(REQUEST, body="text")
    kept = replace(EMPTY, fields=(("connection", "keep-alive"),))
    assert complaints(request, replace(EMPTY, fields=(CLOSED,)), kept) == []
    assert complaints(request, EMPTY, kept) != []
