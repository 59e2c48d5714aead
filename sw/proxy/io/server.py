"""The listener: accepts clients, and hands their connections' events to the core."""

import asyncio
from time import monotonic
from typing import cast

from ..core.downstream import Downstream
from ..core.proxy import Proxy
from ..source import VerdictSource

__all__ = ["DownstreamProtocol"]


class DownstreamProtocol(asyncio.Protocol):
    """One client's connection."""

    __slots__ = ("_clock", "_down", "_proxy", "_source")

    _down: Downstream

    def __init__(self, proxy: Proxy, source: VerdictSource) -> None:
        self._proxy = proxy
        self._clock = proxy.clock
        self._source = source

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        port = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        peer = transport.get_extra_info("peername")
        if peer is None:  # gone before it was accepted; whatever is still to come is of no interest
            port.set_protocol(asyncio.Protocol())
            port.abort()
            return
        peer = peer[:2]
        local = transport.get_extra_info("sockname")[:2]
        self._clock.now = monotonic()
        stream = self._source.open(peer, local)
        self._down = self._proxy.accept(port, stream, peer, local)

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
        self._down.lost()
