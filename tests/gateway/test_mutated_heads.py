"""Heads with a random fault or oddity get, with the NIC and without, the same answer to the byte.

What a NIC decides goes on unparsed, all else is parsed and built anew: the pod and the client must
not be able to tell.
"""

import asyncio
import random
import re

import pytest

from hybridmesh.proxy import Gateway, NoVerdicts

HEADS = [
    b"GET /api/a?b=c HTTP/1.1\r\nHost: town.example.com\r\nX-Group: alpha\r\n\r\n",
    b"GET /api/a HTTP/1.1\r\nHost: town.example.com:80\r\nX-Group: beta\r\nAccept: */*\r\n\r\n",
    b"HEAD /api/a HTTP/1.1\r\nX-Group: beta\r\nHost: town.example.com\r\n\r\n",
    b"GET /orders/17 HTTP/1.1\r\nHost: town.example.com\r\nConnection: keep-alive\r\n\r\n",
    b"GET /upload HTTP/1.0\r\nHost: town.example.com\r\nConnection: keep-alive\r\n\r\n",
    b"GET /api/ HTTP/1.1\r\nHost: town.example.com\r\nX-Group: beta\r\nConnection: x-group\r\n\r\n",
]
# Every head ends, and every connection, whatever the fault.
LAST = b"\r\n\r\nGET /last HTTP/1.1\r\nHost: town.example.com\r\nConnection: close\r\n\r\n"

ODD = b"\x00\t\n\r !\"#%'()*+,-./0:;=?@AZ[\\]^_az{|}~\x7f\x80\xff"

VARYING = re.compile(rb"(date|x-envoy-upstream-service-time): [^\r]*\r\n", re.IGNORECASE)


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_head_gets_the_same_answer_as_without_a_nic(play, mesh, table, seed):
    rng = random.Random(seed)

    async def act(scene):
        bare = Gateway(mesh, table.resolver, NoVerdicts())
        await bare.start("127.0.0.1", 0)
        try:
            for _ in range(100):
                data = mutated(rng) + LAST
                with_nic, without = await asyncio.gather(
                    ask(scene.gateway.port, data), ask(bare.port, data)
                )
                assert with_nic == without, data
                assert with_nic.startswith(b"HTTP/1."), data
            unparsed = scene.gateway.counters()["http.ingress.verdict.unparsed"]
            assert unparsed > 10, "some mutations do no harm"
        finally:
            await bare.stop(grace=0)

    play(act)


def mutated(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(HEADS))
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(data))
        end = at + rng.choice((0, 1, 1))
        data[at:end] = bytes(rng.choices(ODD, k=rng.choice((0, 1, 1))))
    return bytes(data)


async def ask(port: int, data: bytes) -> bytes:
    """All that comes back, without what differs from one time to the next."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(5):
            return VARYING.sub(b"", await reader.read())
    finally:
        writer.close()
