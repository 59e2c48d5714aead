"""Clients that leave before the gateway has got to know them."""

import asyncio
import socket
import struct

from .conftest import Answer

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close with a reset."""


def test_a_client_that_is_gone_before_it_is_accepted_is_no_error(play):
    async def act(scene):
        errors = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, what: errors.append(what))
        # No await in between: the gateway, on this very loop, cannot accept them in time.
        for _ in range(5):
            gone = socket.create_connection(("127.0.0.1", scene.gateway.port))
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            gone.close()
        async with scene.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: town.example.com\r\n\r\n")
            assert await client.answer() == Answer(200, "web", b"GET /\n")
        assert errors == []

    play(act)
