"""The listener: accepts clients, and hands their connections' events to the core."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import cast

from ..core.context import Context
from ..core.downstream import Downstream
from ..core.proxy import Proxy
from ..source import VerdictSource
from .files import Files
from .tls import TlsDoor, certificate_of

__all__ = ["Door", "DownstreamProtocol"]


@dataclass(frozen=True)
class Door:
    """Where clients come in.

    Attributes
    ----------
    source : VerdictSource
        Of their heads' verdicts.
    contexts : sequence of Context
        Of the routes that they get: one, or one by number of the TLS server.
    files : Files
    tls : TlsDoor or None
        None: they speak plain HTTP.
    guests : set of DownstreamProtocol
        Who is connected, also if all that is left is to take the last answer.
    """

    proxy: Proxy
    source: VerdictSource
    contexts: Sequence[Context]
    files: Files
    tls: TlsDoor | None = None
    guests: set["DownstreamProtocol"] = field(default_factory=set)


class DownstreamProtocol(asyncio.Protocol):
    """One client's connection."""

    __slots__ = ("_clock", "_door", "_down", "_number")

    _down: Downstream

    def __init__(self, door: Door, number: int = 0) -> None:
        self._door = door
        self._number = number
        self._clock = door.proxy.clock

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        port = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        peer = transport.get_extra_info("peername")
        session = transport.get_extra_info("ssl_object")
        tls = self._door.tls
        if peer is None or (tls is not None and not tls.admits(self._number, session)):
            # Gone before it was accepted, or not to be served: what is to come does not matter.
            port.set_protocol(asyncio.Protocol())
            port.abort()
            return
        door = self._door
        if not door.files.admits(transport.get_extra_info("socket").fileno()):
            door.proxy.stats.downstream_cx_overflow += 1
            port.set_protocol(asyncio.Protocol())
            port.abort()
            return
        peer = peer[:2]
        local = transport.get_extra_info("sockname")[:2]
        self._clock.now = monotonic()
        stream = door.source.open(peer, local, transport.get_extra_info("socket"))
        certificate = "" if session is None else certificate_of(session)
        context = door.contexts[self._number]
        self._down = door.proxy.accept(port, stream, peer, local, context, certificate)
        door.guests.add(self)

    def data_received(self, data: bytes) -> None:
        self._clock.now = monotonic()
        self._down.received(data)

    def pause_writing(self) -> None:
        self._down.blocked_by_client()

    def resume_writing(self) -> None:
        self._clock.now = monotonic()
        self._down.unblocked_by_client()

    def connection_lost(self, error: Exception | None) -> None:
        self._clock.now = monotonic()
        self._door.guests.discard(self)
        self._down.lost()

    def abort(self) -> None:
        """Close at once, whatever the client has not taken yet."""
        self._down.port.abort()
