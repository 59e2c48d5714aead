"""Probes of endpoints over the network: a connection, or a GET over one of its own."""

import asyncio
import re
import ssl
from functools import cache

from hybridmesh.config.model import Endpoint, HttpGet

__all__ = ["stands"]

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r]")


async def stands(endpoint: Endpoint) -> bool:
    """Whether *endpoint* stands its probe, however long that takes."""
    probe = endpoint.probe
    assert probe is not None
    get = probe.http
    try:
        reader, writer = await asyncio.open_connection(
            probe.host or endpoint.address,
            probe.port,
            ssl=_anyone() if get is not None and get.secure else None,
        )
        try:
            return get is None or await _answers(get, reader, writer)
        finally:
            writer.transport.abort()
    except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False


async def _answers(
    get: HttpGet, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Whether the answer to *get* is a good one."""
    lines = [f"GET {get.path} HTTP/1.1", f"Host: {get.host}"]
    lines += [f"{name}: {value}" for name, value in get.fields]
    writer.write("\r\n".join([*lines, "Connection: close\r\n\r\n"]).encode())
    while True:
        status = _STATUS.match(await reader.readuntil(b"\r\n\r\n"))
        if status is None:
            return False
        if status[1] >= b"200":
            return status[1] < b"400"


@cache
def _anyone() -> ssl.SSLContext:
    """For TLS with whoever is there, as Kubernetes' probes do it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
