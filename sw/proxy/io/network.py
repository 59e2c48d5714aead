"""Connections to the pods, opened on the event loop for the core."""

import asyncio
import os
from time import monotonic
from typing import cast

from hybridmesh.config.model import Endpoint

from ..core.clock import Clock
from ..core.upstream import Upstream

__all__ = ["AsyncioNetwork"]


class AsyncioNetwork:
    """Opens connections; one task each, for as long as the connect takes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._connecting: dict[Upstream, asyncio.Task[None]] = {}

    def connect(self, endpoint: Endpoint, upstream: Upstream) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(endpoint, upstream))
        self._connecting[upstream] = task

    def give_up(self, upstream: Upstream) -> None:
        task = self._connecting.pop(upstream, None)
        if task is not None:
            task.cancel()

    async def _connect(self, endpoint: Endpoint, upstream: Upstream) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: UpstreamProtocol(upstream, self._clock, self._connecting),
                endpoint.address,
                endpoint.port,
            )
        except OSError as error:
            self._connecting.pop(upstream, None)
            self._clock.now = monotonic()
            upstream.failed(os.strerror(error.errno) if error.errno else str(error))


class UpstreamProtocol(asyncio.Protocol):
    """Hands the transport's events to the core."""

    __slots__ = ("_clock", "_connecting", "_upstream")

    def __init__(
        self, upstream: Upstream, clock: Clock, connecting: dict[Upstream, asyncio.Task[None]]
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._connecting = connecting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connecting.pop(self._upstream, None)
        self._clock.now = monotonic()
        self._upstream.connected(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._clock.now = monotonic()
        self._upstream.received(data)

    def pause_writing(self) -> None:
        self._upstream.blocked()

    def resume_writing(self) -> None:
        self._clock.now = monotonic()
        self._upstream.unblocked()

    def connection_lost(self, error: Exception | None) -> None:
        self._clock.now = monotonic()
        self._upstream.lost(error)
