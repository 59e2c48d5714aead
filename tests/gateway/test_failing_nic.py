"""A NIC that fails under the gateway: every client is answered, as if there were no NIC."""

import pytest

from hybridmesh.nic import NicError

from .conftest import Answer

REQUEST = (
    b"POST /upload HTTP/1.1\r\nHost: town.example.com\r\nContent-Length: 5\r\n\r\nhello"
    b"GET /api/a HTTP/1.1\r\nHost: town.example.com\r\n\r\n"
)
ANSWERS = [Answer(200, "upload", b"hello"), Answer(200, "api", b"GET /api/a\n")]


def raises(frames):
    raise NicError("The simulated NIC does not answer", place="exchange")


def loses(frames):
    return []


def spoils(frames):
    return [frame[:-1] + b"?" for frame in frames]


def is_deaf(connection, seq):
    raise NicError("The simulated NIC does not answer", place="status")


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("failure", [raises, loses, spoils])
def test_clients_are_answered_while_the_nic_fails_and_after(play, caplog, failure, deaf):
    async def act(scene):
        works = scene.nic.exchange_frames
        if deaf:
            scene.nic.expect_head = is_deaf
        async with scene.client() as early:
            for exchange in (works, failure, works):
                scene.nic.exchange_frames = exchange
                async with scene.client() as late:
                    for client in (early, late):
                        client.send(REQUEST)
                        assert [await client.answer(), await client.answer()] == ANSWERS
        unparsed = scene.gateway.counters()["http.ingress.verdict.unparsed"]
        # The first request of each connection that began while the NIC worked; of the early one,
        # of which nothing was known any more, the second too, if the NIC could be told.
        assert unparsed == (3 if deaf else 4)

    play(act)
    assert len(caplog.records) == 1
