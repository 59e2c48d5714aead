"""However a request is cut on its way to the gateway, it takes the route that it takes as a whole.

Every cut is made for certain: the next piece is sent when the one before has gone through the NIC.
"""

import random
from dataclasses import dataclass

import pytest

from hybridmesh.contract.verdict import State

from .conftest import Answer


@dataclass(frozen=True)
class Request:
    """One that a pod must ``answer`` and that the NIC, given it whole, has this verdict of."""

    data: bytes
    answer: Answer
    state: State = State.DECIDED


REQUESTS = {
    "prefix": Request(
        b"GET /api/a?b=c HTTP/1.1\r\nHost: town.example.com\r\nX-Group: alpha\r\n\r\n",
        Answer(200, "api", b"GET /api/a?b=c\n"),
    ),
    "header": Request(
        b"GET /api/a HTTP/1.1\r\nHost: town.example.com\r\nX-Group: beta\r\n\r\n",
        Answer(200, "beta", b"GET /api/a\n"),
    ),
    "method and body": Request(
        b"POST /upload HTTP/1.1\r\nHost: town.example.com\r\nContent-Length: 5\r\n\r\nhello",
        Answer(200, "upload", b"hello"),
    ),
    "chunks": Request(
        b"POST /upload HTTP/1.1\r\nHost: town.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        Answer(200, "upload", b"hello"),
    ),
    "another method": Request(
        b"GET /upload HTTP/1.1\r\nHost: town.example.com\r\n\r\n",
        Answer(200, "web", b"GET /upload\n"),
    ),
    "regex": Request(
        b"GET /orders/17 HTTP/1.1\r\nHost: town.example.com\r\n\r\n",
        Answer(200, "orders", b"GET /orders/17\n"),
        State.PROVISIONAL,
    ),
    "another host": Request(
        b"GET /api/a HTTP/1.1\r\nHost: village.example.com\r\n\r\n", Answer(404, "", b"")
    ),
}

each_request = pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())


@each_request
def test_a_whole_request_has_a_verdict_and_a_route(play, request_):
    async def act(scene):
        async with scene.client() as client:
            client.send(request_.data)
            assert await client.answer() == request_.answer
        assert [verdict.state for verdict in scene.nic.verdicts] == [request_.state]

    play(act)


@each_request
def test_a_request_cut_in_two_at_any_place_takes_the_same_route(play, request_):
    head = request_.data.index(b"\r\n\r\n") + 4

    async def act(scene):
        for cut in range(1, len(request_.data)):
            async with scene.client() as client:
                pieces = [request_.data[:cut], request_.data[cut:]]
                await deliver(scene, client, pieces)
                assert await client.answer() == request_.answer, pieces
            if cut < head:
                part, whole = scene.nic.verdicts
                assert not part.usable
                assert (whole.state, whole.head_length) == (request_.state, head)

    play(act)


@each_request
def test_a_request_that_comes_byte_by_byte_takes_the_same_route(play, request_):
    head = request_.data.index(b"\r\n\r\n") + 4

    async def act(scene):
        async with scene.client() as client:
            pieces = [bytes([byte]) for byte in request_.data]
            await deliver(scene, client, pieces)
            assert await client.answer() == request_.answer
        assert scene.nic.verdicts[head - 1].state == request_.state

    play(act)


def test_requests_of_a_connection_are_decided_one_after_the_other(play):
    """Without a body and with one, of a known length or in chunks, whole and in parts."""
    names = ["prefix", "header", "method and body", "regex", "another method", "chunks", "prefix"]
    requests = [REQUESTS[name] for name in names]
    assert min(len(request.data) for request in requests) > 45

    async def act(scene):
        async with scene.client() as client:
            for cut in range(5, 45, 4):
                for request in requests:
                    await deliver(scene, client, [request.data[:cut], request.data[cut:]])
                    assert await client.answer() == request.answer
                    assert scene.nic.verdicts[-1].state == request.state, (request, cut)
        counters = scene.gateway.counters()
        assert counters["http.ingress.verdict.unparsed"] == 10 * len(requests) - 10, "but the regex"
        assert counters["http.ingress.verdict.provisional"] == 10

    play(act)


@pytest.mark.parametrize("seed", range(10))
def test_pipelined_requests_cut_at_random_are_answered_in_order(play, seed):
    rng = random.Random(seed)
    requests = rng.choices(list(REQUESTS.values()), k=20)
    data = b"".join(request.data for request in requests)
    cuts = sorted(rng.sample(range(1, len(data)), 30))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    async def act(scene):
        async with scene.client() as client:
            await deliver(scene, client, pieces)
            for request in requests:
                assert await client.answer() == request.answer

    play(act)


def test_a_body_that_looks_like_a_request_is_a_body(play):
    lure = b"GET /api/stolen HTTP/1.1\r\nHost: town.example.com\r\n\r\n"
    true = b"GET /web/honest HTTP/1.1\r\nHost: town.example.com\r\n\r\n"
    head = b"POST /upload HTTP/1.1\r\nHost: town.example.com\r\nContent-Length: %d\r\n\r\n"

    async def act(scene):
        async with scene.client() as client:
            await deliver(scene, client, [head % len(lure), lure])
            assert await client.answer() == Answer(200, "upload", lure)
            assert [verdict.state for verdict in scene.nic.verdicts] == [State.DECIDED]
            client.send(true)
            assert await client.answer() == Answer(200, "web", b"GET /web/honest\n")
        assert scene.gateway.counters()["http.ingress.verdict.unparsed"] == 2

    play(act)


def test_a_field_value_that_looks_like_a_request_is_a_field_value(play):
    pieces = [
        b"GET /upload HTTP/1.1\r\nHost: town.example.com\r\nX-Lure: ",
        b"GET /api/stolen HTTP/1.1\r\nHost: town.example.com.\r\n\r\n",
    ]

    async def act(scene):
        async with scene.client() as client:
            await deliver(scene, client, pieces)
            assert (await client.answer()).status == 400, "two Hosts"
            assert await client.closed()

    play(act)


async def deliver(scene, client, pieces):
    scene.nic.forget()
    for count, piece in enumerate(pieces, 1):
        client.send(piece)
        await scene.heard(count)
    assert scene.nic.chunks == pieces
