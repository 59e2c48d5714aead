"""The gateway: one listener with everything behind it."""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

from hybridmesh.config.model import Mesh
from hybridmesh.errors import HybridMeshError
from hybridmesh.reference.resolver import Resolver

from .core.access_log import AccessLog
from .core.clock import Clock
from .core.proxy import Proxy
from .io.clock import Alarm
from .io.network import AsyncioNetwork
from .io.server import DownstreamProtocol
from .source import VerdictSource

__all__ = ["Gateway", "GatewayError", "run", "serve"]

T = TypeVar("T")

_POLL = 0.01


class GatewayError(HybridMeshError):
    """The gateway cannot do what it was asked to."""


class Gateway:
    """An ingress gateway on one TCP port.

    Parameters
    ----------
    mesh : Mesh
        The clusters.
    resolver : Resolver
        Finds the routes; the caller tells it of the NIC's epochs.
    source : VerdictSource
        Where the NIC's verdicts come from; :class:`~.source.NoVerdicts` for none.
    access_log : AccessLog or None
        Gets a line per request.
    """

    def __init__(
        self,
        mesh: Mesh,
        resolver: Resolver,
        source: VerdictSource,
        *,
        access_log: AccessLog | None = None,
    ) -> None:
        self._source = source
        self._clock = Clock(time.monotonic(), time.time())
        self._proxy = Proxy(
            mesh,
            resolver,
            AsyncioNetwork(self._clock),
            self._clock,
            random.Random(),
            access_log,
        )
        self._server: asyncio.Server | None = None
        self._alarm: Alarm | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen on *host* and *port*; 0 lets the system choose a port.

        Raises
        ------
        GatewayError
            Where that cannot be had.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: DownstreamProtocol(self._proxy, self._source),
                host,
                port,
                backlog=1024,
                reuse_address=True,
            )
        except (OSError, OverflowError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).rpartition(": ")[2]
            raise GatewayError(
                f"The gateway cannot listen there ({reason})",
                place=f"{host}:{port}",
                remedy="choose another address with --listen, or stop what uses this one",
            ) from None
        self._alarm = Alarm(self._clock)

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        assert self._server is not None, "the gateway has not been started"
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, grace: float = 5.0) -> None:
        """Accept no more, let the requests under way end for *grace* seconds, close everything."""
        if self._server is None or self._alarm is None:
            return
        self._server.close()
        self._proxy.drain()
        end = time.monotonic() + grace
        while self._proxy.connections and time.monotonic() < end:
            await asyncio.sleep(_POLL)
        self._proxy.abort()
        self._alarm.close()
        self._server = self._alarm = None
        await asyncio.sleep(0)  # the transports close in the loop's next round

    def counters(self) -> dict[str, int]:
        """Everything that is counted, under Envoy's names."""
        return self._proxy.counters()


async def serve(
    gateway: Gateway,
    host: str,
    port: int,
    *,
    grace: float = 5.0,
    on_start: Callable[[Gateway], None] | None = None,
) -> signal.Signals:
    """Start *gateway*, call *on_start*, and let it run until SIGINT or SIGTERM; then stop it
    gracefully, within *grace* seconds.  Returns the first of these signals."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Queue[signal.Signals] = asyncio.Queue()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stopped.put_nowait, number)
    try:
        await gateway.start(host, port)
        if on_start is not None:
            on_start(gateway)
        return await stopped.get()
    finally:
        await gateway.stop(grace)
        for number in signals:
            loop.remove_signal_handler(number)


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run *main* on uvloop and return what it returns."""
    return uvloop.run(main())
