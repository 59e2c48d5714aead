"""The gateway: listeners with everything behind them."""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import uvloop

from hybridmesh.config.model import Mesh
from hybridmesh.errors import HybridMeshError
from hybridmesh.reference.resolver import Resolver

from .core.access_log import AccessLog
from .core.clock import Clock
from .core.proxy import Proxy
from .io.clock import Alarm
from .io.listener import Listening, listen, listen_tls
from .io.names import Names
from .io.network import AsyncioNetwork
from .io.server import Door, DownstreamProtocol
from .io.tls import TlsDoor
from .source import NoVerdicts, VerdictSource

__all__ = ["Gateway", "GatewayError", "run", "serve"]

T = TypeVar("T")

_POLL = 0.01


class GatewayError(HybridMeshError):
    """The gateway cannot do what it was asked to."""


class Gateway:
    """An ingress gateway.

    Parameters
    ----------
    mesh : Mesh
        Listeners and clusters.
    resolver : Resolver
        Finds the routes of ``mesh.table``; the caller tells it of the NIC's epochs.
    source : VerdictSource
        Where the NIC's verdicts on heads for these routes come from; :class:`~.source.NoVerdicts`
        for none.  All other listeners do without a NIC.
    access_log : AccessLog or None
        Gets a line per request.

    Raises
    ------
    HybridMeshError
        Where routes mean nothing, or a certificate cannot be used.
    """

    def __init__(
        self,
        mesh: Mesh,
        resolver: Resolver,
        source: VerdictSource,
        *,
        access_log: AccessLog | None = None,
    ) -> None:
        self._clock = Clock(time.monotonic(), time.time())
        self._proxy = proxy = Proxy(
            mesh,
            resolver,
            AsyncioNetwork(self._clock),
            self._clock,
            random.Random(),
            access_log,
        )
        self._doors: dict[int, Door] = {}
        for listener in mesh.listeners:
            if listener.table is not None and listener.table is mesh.table:
                door = Door(proxy, source, [proxy.context])
            elif listener.table is not None:
                door = Door(proxy, NoVerdicts(), [proxy.open(Resolver(listener.table))])
            else:
                opened = [proxy.open(Resolver(s.table), "https") for s in listener.servers]
                door = Door(proxy, NoVerdicts(), opened, TlsDoor(listener.servers))
            self._doors[listener.port] = door
        self._names = Names(proxy.clusters.values())
        self._servers: dict[int, Listening] = {}
        self._alarm: Alarm | None = None

    async def start(self, host: str, ports: Mapping[int, int] | int) -> None:
        """Listen on *host*.

        Parameters
        ----------
        ports : mapping of int to int, or int
            By port of the configuration, where its listener is reached; 0 lets the system choose.
            A number is for all of them, which must be one, or 0.

        Raises
        ------
        GatewayError
            Where that cannot be had.
        """
        if isinstance(ports, int):
            ports = dict.fromkeys(self._doors, ports)
        await self._names.start()
        for number, door in self._doors.items():
            self._servers[number] = await self._listen(door, host, ports[number])
        self._alarm = Alarm(self._clock)

    async def _listen(self, door: Door, host: str, port: int) -> Listening:
        try:
            if door.tls is None:
                return await listen(host, port, lambda: DownstreamProtocol(door))
            return await listen_tls(host, port, door.tls, lambda n: DownstreamProtocol(door, n))
        except (OSError, OverflowError) as error:
            await self.stop(0)
            reason = (getattr(error, "strerror", None) or str(error)).rpartition(": ")[2]
            raise GatewayError(
                f"The gateway cannot listen there ({reason})",
                place=f"{host}:{port}",
                remedy="choose another address with --listen or --port, or stop what uses this one",
            ) from None

    @property
    def ports(self) -> Mapping[int, int]:
        """By port of the configuration, the TCP port that is listened on."""
        return {number: server.port for number, server in self._servers.items()}

    @property
    def port(self) -> int:
        """The TCP port of the first listener."""
        assert self._servers, "the gateway has not been started"
        return next(iter(self.ports.values()))

    async def stop(self, grace: float = 5.0) -> None:
        """Accept no more, let the requests under way end for *grace* seconds, close everything."""
        self._names.close()
        for server in self._servers.values():
            server.close()
        self._servers = {}
        if self._alarm is None:
            return
        self._proxy.drain()
        end = time.monotonic() + grace
        while self._proxy.connections and time.monotonic() < end:
            await asyncio.sleep(_POLL)
        self._proxy.abort()
        self._alarm.close()
        self._alarm = None
        await asyncio.sleep(0)  # the transports close in the loop's next round

    def counters(self) -> dict[str, int]:
        """Everything that is counted, under Envoy's names."""
        return self._proxy.counters()


async def serve(
    gateway: Gateway,
    host: str,
    ports: Mapping[int, int] | int,
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
        await gateway.start(host, ports)
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
