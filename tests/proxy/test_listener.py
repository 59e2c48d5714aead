"""Clients that come to a TLS port and are gone, or not served, before there is a session."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from test_gateway import play

from hybridmesh.config.model import Certificate, RouteTable, ServerTls, TlsServer
from hybridmesh.proxy.io.listener import Listening, listen_tls
from hybridmesh.proxy.io.tls import TlsDoor, server_name


@pytest.fixture
def door(tmp_path: Path) -> TlsDoor:
    issued = trustme.CA().issue_cert("a.test")
    certificate, key = str(tmp_path / "a.pem"), str(tmp_path / "a.key")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    tls = ServerTls((Certificate(certificate, key),))
    return TlsDoor([TlsServer(("a.test",), tls, RouteTable(443, ()))])


async def opened(door: TlsDoor) -> Listening:
    return await listen_tls("127.0.0.1", 0, door, lambda number: asyncio.Protocol())


def hello(name: str | None) -> bytes:
    """What a client sends first."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    came, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(came, sent, server_hostname=name).do_handshake()
    return sent.read()


async def closed(client: socket.socket) -> bool:
    """Whether the other side closes, or has closed."""
    try:
        async with asyncio.timeout(1):
            return await asyncio.get_running_loop().sock_recv(client, 1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def client_of(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.setblocking(False)
    return client


@pytest.mark.parametrize("part", [0, 0.1, 1])
def test_who_is_being_welcomed_when_the_port_closes_is_let_go(door: TlsDoor, part: float) -> None:
    async def scene() -> None:
        port = await opened(door)
        said = hello("a.test")
        with client_of(port.port) as client:
            client.send(said[: int(len(said) * part)])
            if part == 1:
                assert await asyncio.get_running_loop().sock_recv(client, 65536)
            await asyncio.sleep(0.05)
            port.close()
            assert await closed(client)

    play(scene)


def test_a_client_of_the_very_moment_in_which_the_port_closes_is_let_go(door: TlsDoor) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        accept = loop.sock_accept
        port: Listening

        async def last(listening: socket.socket) -> tuple[socket.socket, object]:
            found = await accept(listening)
            loop.call_soon(port.close)  # before the welcome takes its first step
            return found

        loop.sock_accept = last  # type: ignore[method-assign]
        port = await opened(door)
        with client_of(port.port) as client:
            assert await closed(client)

    asyncio.run(scene())  # uvloop's methods cannot be replaced


@pytest.mark.parametrize(
    ("error", "waits"),
    [(ConnectionAbortedError(103, "gone"), False), (OSError(24, "no more files"), True)],
)
def test_a_client_gone_before_it_is_accepted_does_not_hold_up_the_next(
    door: TlsDoor, error: OSError, waits: bool
) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        accept = loop.sock_accept
        errors = [error]

        async def flaky(listening: socket.socket) -> tuple[socket.socket, object]:
            if errors:
                raise errors.pop()
            return await accept(listening)

        loop.sock_accept = flaky  # type: ignore[method-assign]
        port = await opened(door)
        with client_of(port.port) as client:
            client.send(hello("a.test"))
            answer = asyncio.ensure_future(loop.sock_recv(client, 1))
            await asyncio.wait([answer], timeout=0.5)
            assert answer.done() is not waits
            answer.cancel()
        port.close()

    asyncio.run(scene())


def test_names_are_read_without_a_context_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, none = hello("a.test"), hello("b.test"), hello(None)
    monkeypatch.setattr(ssl, "SSLContext", None)
    assert server_name(first) == "a.test"
    assert server_name(second) == "b.test"
    assert server_name(none) == ""
    assert server_name(first[:50]) is None
