"""Sockets that listen: of plain HTTP, and of TLS, where the name that a client gives is first."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Protocol

from .tls import TlsDoor, server_name

__all__ = ["HANDSHAKE", "Listening", "listen", "listen_tls"]

_LOG = logging.getLogger(__name__)

HANDSHAKE = 15.0
"""Seconds that a client has for the TLS handshake: Istio's ``transport_socket_connect_timeout``."""

_HELLO = 16 * 1024 + 5
"""Bytes in which a client must have said whom it wants: a record of TLS (RFC 8446, 5.1)."""

_PATIENCE = 0.01
_BACKLOG = 1024


class Listening(Protocol):
    """A port that is listened on."""

    @property
    def port(self) -> int: ...

    def close(self) -> None: ...


async def listen(host: str, port: int, protocol: Callable[[], asyncio.Protocol]) -> Listening:
    """Hand every client to a new *protocol*; raises :exc:`OSError`."""
    loop = asyncio.get_running_loop()
    return _Plain(
        await loop.create_server(protocol, host, port, backlog=_BACKLOG, reuse_address=True)
    )


async def listen_tls(
    host: str, port: int, door: TlsDoor, protocol: Callable[[int], asyncio.Protocol]
) -> Listening:
    """Hand every client to a new *protocol*, made with the number of its server of *door*."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, number, _, address in dict.fromkeys(found):
            sock = socket.socket(family, kind, number)
            sockets.append(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(address)
            sock.listen(_BACKLOG)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return _Secure(sockets, door, protocol)


class _Plain:
    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.port = int(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        self._server.close()


class _Secure:
    def __init__(
        self,
        sockets: list[socket.socket],
        door: TlsDoor,
        protocol: Callable[[int], asyncio.Protocol],
    ) -> None:
        self.port = int(sockets[0].getsockname()[1])
        self._sockets = sockets
        self._door = door
        self._protocol = protocol
        self._tasks = {asyncio.create_task(self._accept(sock)) for sock in sockets}
        self._strangers: set[socket.socket] = set()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for sock in self._sockets:
            sock.close()

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(sock)
            except ConnectionError:  # gone before it was accepted
                continue
            except OSError as error:  # no more files, most likely
                _LOG.warning("a client cannot be accepted (%s)", os.strerror(error.errno or 0))
                await asyncio.sleep(1.0)
                continue
            self._strangers.add(client)
            task = asyncio.create_task(self._welcome(client))
            self._tasks.add(task)
            task.add_done_callback(partial(self._welcomed, client))

    async def _welcome(self, client: socket.socket) -> None:
        """The handshake with the server that *client* asks for."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(HANDSHAKE):
                name = await _asked(client)
                number = None if name is None else self._door.server(name)
                if number is not None:
                    await loop.connect_accepted_socket(
                        lambda: self._protocol(number),
                        client,
                        ssl=self._door.contexts[number],
                        ssl_handshake_timeout=HANDSHAKE,
                    )
                    self._strangers.remove(client)
        except (OSError, TimeoutError):  # SSLError is one; the client has been told what there is
            pass

    def _welcomed(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        """Close *client* if it has no session, for whatever reason: a task that is cancelled may
        never have begun."""
        self._tasks.discard(task)
        if client in self._strangers:
            self._strangers.remove(client)
            client.close()


async def _asked(client: socket.socket) -> str | None:
    """The name that *client* gives, whose bytes stay where they are; None: no TLS, or gone."""
    size = 0
    while True:
        await _readable(client)
        hello = client.recv(_HELLO, socket.MSG_PEEK)
        if not hello:
            return None
        try:
            name = server_name(hello)
        except ssl.SSLError:
            return None
        if name is not None or len(hello) == _HELLO:
            return name
        if len(hello) == size:  # it is still readable, so there is nothing to wait for
            await asyncio.sleep(_PATIENCE)
        size = len(hello)


async def _readable(client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(client, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(client)
