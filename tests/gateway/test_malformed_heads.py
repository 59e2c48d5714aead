"""Heads that RFC 9112 forbids, or that two recipients could read in two ways.

The NIC decides none of them, also when they come behind a good request.  The client gets an answer
at once and the connection is closed; the gateway lives on.
"""

import pytest

from hybridmesh.contract.verdict import State

from .conftest import Answer

HOST = b"Host: town.example.com\r\n"
GOOD = b"GET /api/a HTTP/1.1\r\n" + HOST + b"\r\n"
GOOD_ANSWER = Answer(200, "api", b"GET /api/a\n")


def get(fields: bytes, line: bytes = b"GET /api/a HTTP/1.1\r\n") -> bytes:
    return line + HOST + fields + b"\r\n"


def post(fields: bytes, line: bytes = b"POST /upload HTTP/1.1\r\n") -> bytes:
    return line + HOST + fields + b"\r\n"


# fmt: off
MALFORMED: dict[str, tuple[bytes, int]] = {
    # RFC 9112, 2.2: lines end in CR LF; a bare CR is an error or a space.
    "bare LF at every line": (b"GET /api/a HTTP/1.1\nHost: town.example.com\n\n", 400),
    "bare LF after the request line": (b"GET /api/a HTTP/1.1\n" + HOST + b"\r\n", 400),
    "bare LF after a field": (get(b"A: b\nC: d\r\n"), 400),
    "bare CR in a value": (get(b"A: b\rC: d\r\n"), 400),
    "bare CR in the target": (get(b"", b"GET /api\r/a HTTP/1.1\r\n"), 400),
    "CR CR LF": (get(b"A: b\r\r\n"), 400),
    "no CR LF after the request line": (b"GET /api/a HTTP/1.1" + HOST + b"\r\n", 400),
    "white space before the first field": (b"GET /api/a HTTP/1.1\r\n " + HOST + b"\r\n", 400),
    # RFC 9112, 3: method SP request-target SP HTTP-version
    "no version, as in HTTP/0.9": (b"GET /api/a\r\n\r\n", 400),
    "no version, but fields": (get(b"", b"GET /api/a\r\n"), 400),
    "two spaces before the target": (get(b"", b"GET  /api/a HTTP/1.1\r\n"), 400),
    "two spaces after the target": (get(b"", b"GET /api/a  HTTP/1.1\r\n"), 400),
    "a tab for a space": (get(b"", b"GET\t/api/a HTTP/1.1\r\n"), 400),
    "a space before the method": (get(b"", b" GET /api/a HTTP/1.1\r\n"), 400),
    "a space in the target": (get(b"", b"GET /api /a HTTP/1.1\r\n"), 400),
    "a space after the version": (get(b"", b"GET /api/a HTTP/1.1 \r\n"), 400),
    "no target": (get(b"", b"GET HTTP/1.1\r\n"), 400),
    "no method": (get(b"", b"/api/a HTTP/1.1\r\n"), 400),
    "an unknown method": (get(b"", b"FETCH /api/a HTTP/1.1\r\n"), 400),
    "a method in lower case": (get(b"", b"get /api/a HTTP/1.1\r\n"), 400),
    "a method that is no token": (get(b"", b"G(T /api/a HTTP/1.1\r\n"), 400),
    # RFC 9112, 2.3, and RFC 9110, 15.6.6
    "HTTP/2.0": (get(b"", b"GET /api/a HTTP/2.0\r\n"), 505),
    "HTTP/1.2": (get(b"", b"GET /api/a HTTP/1.2\r\n"), 505),
    "HTTP/1.10": (get(b"", b"GET /api/a HTTP/1.10\r\n"), 400),
    "http/1.1 in lower case": (get(b"", b"GET /api/a http/1.1\r\n"), 400),
    # RFC 3986, 3.3
    "a control byte in the target": (get(b"", b"GET /api/\x01a HTTP/1.1\r\n"), 400),
    "a high byte in the target": (get(b"", b"GET /api/\xe9 HTTP/1.1\r\n"), 400),
    "DEL in the target": (get(b"", b"GET /api/\x7f HTTP/1.1\r\n"), 400),
    "a NUL that is percent-encoded": (get(b"", b"GET /api/%00 HTTP/1.1\r\n"), 400),
    "a target in none of the forms": (get(b"", b"GET api/a HTTP/1.1\r\n"), 400),
    "a target of another scheme": (get(b"", b"GET ftp://town.example.com/ HTTP/1.1\r\n"), 400),
    # RFC 9112, 5: field-name ":" OWS field-value OWS, and RFC 9110, 5.5 and 5.6.2
    "a space before the colon": (get(b"A : b\r\n"), 400),
    "a folded line": (get(b"A: b\r\n c\r\n"), 400),
    "a folded Host": (b"GET /api/a HTTP/1.1\r\nHost:\r\n town.example.com\r\n\r\n", 400),
    "NUL in a value": (get(b"A: b\x00c\r\n"), 400),
    "a control byte in a value": (get(b"A: b\x01c\r\n"), 400),
    "DEL in a value": (get(b"A: b\x7fc\r\n"), 400),
    "a control byte in a name": (get(b"A\x01: b\r\n"), 400),
    "a high byte in a name": (get(b"A\xe9: b\r\n"), 400),
    "an empty name": (get(b": b\r\n"), 400),
    "no colon": (get(b"Accept\r\n"), 400),
    # RFC 9112, 3.2
    "two Hosts": (get(b"Host: village.example.com\r\n"), 400),
    "the same Host twice": (get(HOST), 400),
    "no Host": (b"GET /api/a HTTP/1.1\r\nA: b\r\n\r\n", 400),
    "a Host with a path": (b"GET /api/a HTTP/1.1\r\nHost: town.example.com/api\r\n\r\n", 400),
    "a Host with a space": (b"GET /api/a HTTP/1.1\r\nHost: town example.com\r\n\r\n", 400),
    # RFC 9112, 6.1 to 6.3, and RFC 9110, 8.6
    "both lengths": (post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400),
    "both lengths, the other way round":
        (post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400),
    "two lengths that differ": (post(b"Content-Length: 5\r\nContent-Length: 6\r\n"), 400),
    "two lengths that are the same": (post(b"Content-Length: 5\r\nContent-Length: 5\r\n"), 400),
    "a list of lengths": (post(b"Content-Length: 5, 5\r\n"), 400),
    "a length with a sign": (post(b"Content-Length: +5\r\n"), 400),
    "a negative length": (post(b"Content-Length: -5\r\n"), 400),
    "a length in hexadecimal": (post(b"Content-Length: 0x5\r\n"), 400),
    "an empty length": (post(b"Content-Length:\r\n"), 400),
    "a length beyond 64 bits": (post(b"Content-Length: 18446744073709551616\r\n"), 400),
    "a coding before chunked": (post(b"Transfer-Encoding: gzip, chunked\r\n"), 501),
    "a coding after chunked": (post(b"Transfer-Encoding: chunked, gzip\r\n"), 501),
    "chunked twice": (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501),
    "an unknown coding": (post(b"Transfer-Encoding: xchunked\r\n"), 501),
    "chunks in HTTP/1.0":
        (post(b"Transfer-Encoding: chunked\r\n", b"POST /upload HTTP/1.0\r\n"), 400),
    # RFC 6585, 5
    "a head of more than 60 KiB": (get(b"A: " + b"b" * 61_440 + b"\r\n"), 431),
    "101 fields": (get(b"A: b\r\n" * 100), 431),
}
# fmt: on

# Allowed, or put up with as Envoy does, but not by the NIC: what the pod is asked for then.
ODD = {
    "a fragment": (get(b"", b"GET /api/a#b HTTP/1.1\r\n"), "/api/a"),
    "a percent sign without digits": (get(b"", b"GET /api/%zz HTTP/1.1\r\n"), "/api/%zz"),
    "an encoded letter": (get(b"", b"GET /%61pi/a HTTP/1.1\r\n"), "/api/a"),
    "an encoded slash": (get(b"", b"GET /api/a%2fb HTTP/1.1\r\n"), "/api/a%2fb"),
    "a dot segment": (get(b"", b"GET /web/../api/a HTTP/1.1\r\n"), "/api/a"),
    "an encoded dot segment": (get(b"", b"GET /web/%2e%2E/api/a HTTP/1.1\r\n"), "/api/a"),
    "a backslash": (get(b"", b"GET /api\\a HTTP/1.1\r\n"), "/api/a"),
    "an empty segment": (get(b"", b"GET /api//a HTTP/1.1\r\n"), "/api//a"),
    "absolute-form": (
        b"GET http://town.example.com/api/a HTTP/1.1\r\nHost: village.example.com\r\n\r\n",
        "/api/a",
    ),
    "a high byte in a value": (get(b"A: \xe9\r\n"), "/api/a"),
}

each_kind = pytest.mark.parametrize(("data", "status"), MALFORMED.values(), ids=MALFORMED.keys())


@each_kind
def test_a_malformed_head_is_never_decided_and_always_answered(play, data, status):
    async def act(scene):
        async with scene.client() as client:
            client.send(data)
            assert (await client.answer()).status == status
            assert await client.closed()
        assert_undecided(data, scene.nic.verdicts)
        async with scene.client() as client:
            client.send(GOOD)
            assert await client.answer() == GOOD_ANSWER

    play(act)


@each_kind
def test_a_malformed_head_behind_a_good_one_is_answered_in_its_turn(play, data, status):
    async def act(scene):
        async with scene.client() as client:
            client.send(GOOD + data)
            assert await client.answer() == GOOD_ANSWER
            assert (await client.answer()).status == status
            assert await client.closed()

    play(act)


@each_kind
def test_a_malformed_head_that_is_a_segment_of_its_own_is_not_decided(play, data, status):
    """On a connection that has been in use: nothing of the request before counts for it."""

    async def act(scene):
        async with scene.client() as client:
            client.send(GOOD)
            assert await client.answer() == GOOD_ANSWER
            scene.nic.forget()
            client.send(data)
            assert (await client.answer()).status == status
        assert_undecided(data, scene.nic.verdicts)

    play(act)


@pytest.mark.parametrize(("data", "target"), ODD.values(), ids=ODD.keys())
def test_an_odd_head_is_left_to_the_cpu_and_served(play, data, target):
    async def act(scene):
        async with scene.client() as client:
            client.send(data)
            assert await client.answer() == Answer(200, "api", f"GET {target}\n".encode())
        assert_undecided(data, scene.nic.verdicts)

    play(act)


def test_the_answer_reaches_a_client_that_is_still_sending(play):
    """A close with bytes unread would be a reset, which can overtake the answer."""

    async def act(scene):
        async with scene.client() as client:
            client.send(b"GET  /api/a HTTP/1.1\r\n\r\n" + b"x" * 8_000_000)
            assert (await client.answer()).status == 400
            assert await client.closed()

    play(act)


def assert_undecided(data, verdicts):
    # The NIC takes no notice of a segment that begins as no method does.
    assert verdicts or data.startswith((b" ", b"/"))
    assert {verdict.state for verdict in verdicts} <= {State.UNDECIDED, State.MALFORMED}
