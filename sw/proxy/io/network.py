"""Connections to the pods, opened on the event loop for the core."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

from hybridmesh.config.model import Cluster, ClusterTls, Endpoint, KeepAlive

from ..core.clock import Clock
from ..core.ports import Caller
from .certificates import has_name, show, trust
from .probe import stands

__all__ = ["AsyncioNetwork"]


class AsyncioNetwork:
    """Opens connections to all clusters."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def to(self, cluster: Cluster) -> "Route":
        """The way to *cluster*.

        Raises
        ------
        TlsError
            Where its certificates cannot be used.
        """
        return Route(cluster, self._clock)


class Route:
    """The way to one cluster; one task for each connection, for as long as the connect takes."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._clock = clock
        self._keep_alive = cluster.keep_alive
        self._tls = None if cluster.tls is None else _Tls(cluster.name, cluster.tls)
        self._connecting: dict[Caller, asyncio.Task[None]] = {}

    def connect(self, endpoint: Endpoint, caller: Caller) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(endpoint, caller))
        self._connecting[caller] = task

    def give_up(self, caller: Caller) -> None:
        task = self._connecting.pop(caller, None)
        if task is not None:
            task.cancel()

    def probe(self, endpoint: Endpoint, done: Callable[[bool], None]) -> Callable[[], None]:
        task = asyncio.get_running_loop().create_task(self._probe(endpoint, done))

        def stop() -> None:
            task.cancel()

        return stop

    def opened(self, caller: Caller, transport: asyncio.Transport) -> None:
        """The connection is there; whether it may be used is another question."""
        self._connecting.pop(caller, None)
        self._clock.now = monotonic()
        if self._tls is not None and (wrong := self._tls.objection(transport)):
            transport.abort()
            caller.failed(wrong)
            return
        if self._keep_alive is not None:
            _keep_alive(transport.get_extra_info("socket"), self._keep_alive)
        caller.connected(transport)

    async def _connect(self, endpoint: Endpoint, caller: Caller) -> None:
        secure: dict[str, Any] = {}
        if self._tls is not None:
            secure = {"ssl": self._tls.context, "server_hostname": self._tls.name}
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: UpstreamProtocol(self, caller, self._clock),
                endpoint.address,
                endpoint.port,
                **secure,
            )
        except (OSError, ssl.SSLError) as error:
            if self._connecting.pop(caller, None) is not None:
                self._clock.now = monotonic()
                caller.failed(_reason(error))

    async def _probe(self, endpoint: Endpoint, done: Callable[[bool], None]) -> None:
        well = await stands(endpoint)
        self._clock.now = monotonic()
        done(well)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS_error: {getattr(error, 'verify_message', '') or error.reason or error}"
    return os.strerror(error.errno) if error.errno else str(error)


class UpstreamProtocol(asyncio.Protocol):
    """Hands the transport's events to the core."""

    __slots__ = ("_caller", "_clock", "_route")

    def __init__(self, route: Route, caller: Caller, clock: Clock) -> None:
        self._route = route
        self._caller = caller
        self._clock = clock

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._route.opened(self._caller, cast(asyncio.Transport, transport))

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


class _Tls:
    """How to speak TLS to a cluster's pods.

    Without ``sni`` the service's host is named, where Envoy names the host of the request: its
    connections are of one host each, ours are of all.
    """

    def __init__(self, cluster: str, tls: ClusterTls) -> None:
        host = cluster.rpartition("|")[2]
        self.name = tls.sni or host
        self._names = frozenset(tls.names or (() if tls.sni else (host,))) if tls.verify else None
        own = tls.verify and tls.authorities
        self.context = (
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if own else ssl.create_default_context()
        )
        self.context.check_hostname = False
        who = f"TLS towards {cluster}"
        if tls.verify:
            trust(self.context, tls.authorities, tls.revoked, who)
        else:
            self.context.verify_mode = ssl.CERT_NONE
        if tls.certificate is not None:
            show(self.context, [tls.certificate], who)

    def objection(self, transport: asyncio.Transport) -> str:
        """Why the pod's certificate, which is signed as it should be, will not do; else empty."""
        if not self._names:
            return ""
        certificate = transport.get_extra_info("ssl_object").getpeercert()
        return "" if has_name(certificate, self._names) else "TLS_error: verify SAN list"


def _keep_alive(sock: socket.socket, keep: KeepAlive) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPCNT, keep.probes),
        (socket.TCP_KEEPIDLE, keep.time),
        (socket.TCP_KEEPINTVL, keep.interval),
    ):
        if value:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
