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
from .io.files import Files
from .io.listener import Listening, listen, listen_tls
from .io.names import Names
from .io.network import AsyncioNetwork
from .io.server import Door, DownstreamProtocol
from .io.tls import TlsDoor
from .source import NoVerdicts, VerdictSource

__all__ = ["Gateway", "GatewayError", "run", "serve"]

T = TypeVar("T")

_POLL = 0.01

_LAST_CALL = 0.2
"""Share of the grace in which a client without a request may still bring one.  One that has sent a
request when its connection closes cannot know whether it was done; told so with an answer
(``connection: close``), it sends none."""


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
        files = Files()
        self._doors: dict[int, Door] = {}
        for listener in mesh.listeners:
            if listener.table is not None and listener.table is mesh.table:
                door = Door(proxy, source, [proxy.context], files)
            elif listener.table is not None:
                context = proxy.open(Resolver(listener.table))
                door = Door(proxy, NoVerdicts(), [context], files)
            else:
                opened = [proxy.open(Resolver(s.table), "https") for s in listener.servers]
                door = Door(proxy, NoVerdicts(), opened, files, TlsDoor(listener.servers))
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

    async def stop(self, grace: float = 5.0, hurry: asyncio.Event | None = None) -> None:
        """Accept no more, let the requests under way end for *grace* seconds, close everything.

        Answers end their connections from now on; those that wait for a request are closed after a
        fifth of the time.  No time is left once *hurry* is set.
        """
        self._names.close()
        for server in self._servers.values():
            server.close()
        self._servers = {}
        if self._alarm is None:
            return
        self._proxy.retire()
        started = time.monotonic()
        await self._gone(started + grace * _LAST_CALL, hurry)
        self._proxy.drain()
        await self._gone(started + grace, hurry)
        self._proxy.abort()
        for door in self._doors.values():
            for guest in door.guests:
                guest.abort()
        self._alarm.close()
        self._alarm = None
        await asyncio.sleep(0)  # the transports close in the loop's next round

    async def _gone(self, end: float, hurry: asyncio.Event | None) -> None:
        """Wait until all clients have gone, at most until the time is *end*."""
        while any(door.guests for door in self._doors.values()) and time.monotonic() < end:
            if hurry is not None and hurry.is_set():
                return
            await asyncio.sleep(_POLL)

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
    gracefully, within *grace* seconds, or at once if there is another of these signals.  Returns
    the first of them."""
    loop = asyncio.get_running_loop()
    first: asyncio.Future[signal.Signals] = loop.create_future()
    hurry = asyncio.Event()

    def caught(number: signal.Signals) -> None:
        if first.done():
            hurry.set()
        else:
            first.set_result(number)

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, caught, number)
    try:
        await gateway.start(host, ports)
        if on_start is not None:
            on_start(gateway)
        return await first
    finally:
        await gateway.stop(grace, hurry)
        for number in signals:
            loop.remove_signal_handler(number)


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run *main* on uvloop and return what it returns."""
    return uvloop.run(main())
