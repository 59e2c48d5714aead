"""Istio's ``ConnectionPoolSettings``: limits and timeouts of the connections to the pods."""

from dataclasses import dataclass
from typing import Annotated

from ..message import Choice, FieldError, Message, Read
from ..model import UNLIMITED, CircuitBreaker, KeepAlive
from ..values import count, positive_duration

__all__ = ["ConnectionPool", "HttpPool", "TcpKeepalive", "TcpPool", "keep_alive"]


@dataclass(frozen=True)
class TcpKeepalive(Message, name="TCPSettings.TcpKeepalive"):
    """0: as the system has it; fractions of a second are cut off."""

    probes: Annotated[int, Read(count)] = 0
    time: Annotated[float, Read(positive_duration)] = 0.0
    interval: Annotated[float, Read(positive_duration)] = 0.0


def keep_alive(*settings: TcpKeepalive | None) -> KeepAlive | None:
    """What *settings* come to, the first that says something; None: no keep-alive."""
    given = [each for each in settings if each is not None]
    if not given:
        return None
    return KeepAlive(
        probes=next((each.probes for each in given if each.probes), 0),
        time=next((int(each.time) for each in given if each.time), 0),
        interval=next((int(each.interval) for each in given if each.interval), 0),
    )


@dataclass(frozen=True)
class TcpPool(Message, name="TCPSettings"):
    """0 means the default."""

    max_connections: Annotated[int, Read(count)] = 0
    connect_timeout: Annotated[float, Read(positive_duration)] | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: Annotated[float, Read(positive_duration)] | None = None
    idle_timeout: Annotated[float, Read(positive_duration)] | None = None


@dataclass(frozen=True)
class HttpPool(
    Message,
    name="HTTPSettings",
    no_effect={
        "useClientProtocol": "clients speak HTTP/1.1, and so do the pods",
        "maxConcurrentStreams": "it is for HTTP/2",
    },
):
    """0 means the default; ``idleTimeout`` goes before that of ``tcp``."""

    http1_max_pending_requests: Annotated[int, Read(count)] = 0
    http2_max_requests: Annotated[int, Read(count)] = 0
    max_requests_per_connection: Annotated[int, Read(count)] = 0
    max_retries: Annotated[int, Read(count)] = 0
    idle_timeout: Annotated[float, Read(positive_duration)] | None = None
    h2_upgrade_policy: Annotated[
        str,
        Read(
            Choice(
                {"DEFAULT": "", "DO_NOT_UPGRADE": ""},
                {"UPGRADE": "the proxy speaks HTTP/1.1 to pods"},
            )
        ),
    ] = ""


@dataclass(frozen=True)
class ConnectionPool(Message, name="ConnectionPoolSettings"):
    """At least one of the two."""

    tcp: TcpPool | None = None
    http: HttpPool | None = None

    def check(self) -> None:
        if self.tcp is None and self.http is None:
            raise FieldError("the connection pool says nothing", "add 'tcp' or 'http'")

    @property
    def breaker(self) -> CircuitBreaker:
        """The thresholds under Envoy's names."""
        tcp = self.tcp or TcpPool(self.node)
        http = self.http or HttpPool(self.node)
        return CircuitBreaker(
            max_connections=tcp.max_connections or UNLIMITED,
            max_pending_requests=http.http1_max_pending_requests or UNLIMITED,
            max_requests=http.http2_max_requests or UNLIMITED,
            max_retries=http.max_retries or UNLIMITED,
        )

    @property
    def idle_timeout(self) -> float | None:
        pools = (self.http, self.tcp)
        return next((p.idle_timeout for p in pools if p and p.idle_timeout), None)
