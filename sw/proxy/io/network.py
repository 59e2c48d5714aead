"""Connections to the pods, opened on the event loop for the core."""

import asyncio
import os
from time import monotonic
from typing import cast

from hybridmesh.config.model import Endpoint

from ..core.clock import Clock
from ..core.ports import Caller

__all__ = ["AsyncioNetwork"]


class AsyncioNetwork:
    """Opens connections; one task each, for as long as the connect takes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._connecting: dict[Caller, asyncio.Task[None]] = {}

    def connect(self, endpoint: Endpoint, caller: Caller) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(endpoint, caller))
        self._connecting[caller] = task

    def give_up(self, caller: Caller) -> None:
        task = self._connecting.pop(caller, None)
        if task is not None:
            task.cancel()

    async def _connect(self, endpoint: Endpoint, caller: Caller) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: UpstreamProtocol(caller, self._clock, self._connecting),
                endpoint.address,
                endpoint.port,
            )
        except OSError as error:
            self._connecting.pop(caller, None)
            self._clock.now = monotonic()
            caller.failed(os.strerror(error.errno) if error.errno else str(error))


class UpstreamProtocol(asyncio.Protocol):
    """Hands the transport's events to the core."""

    __slots__ = ("_caller", "_clock", "_connecting")

    def __init__(
        self, caller: Caller, clock: Clock, connecting: dict[Caller, asyncio.Task[None]]
    ) -> None:
        self._caller = caller
        self._clock = clock
        self._connecting = connecting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connecting.pop(self._caller, None)
        self._clock.now = monotonic()
        self._caller.connected(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._clock.now = monotonic()
        self._caller.received(data)

    def pause_writing(self) -> None:
        self._caller.blocked()

    def resume_writing(self) -> None:
        self._clock.now = monotonic()
        self._caller.unblocked()

    def connection_lost(self, error: Exception | None) -> None:
        self._clock.now = monotonic()
        self._caller.lost(error)
