"""Istio's ``WorkloadGroup``: when its workloads are in good health."""

import re
from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Choice, Differs, FieldError, Message, Read, expect
from ..model import HttpGet, Probe
from ..values import count, field_name, field_text, host_name, is_ip_address, port_number

__all__ = ["WorkloadGroup"]

_HERE = ("localhost", "127.0.0.1", "::1")
_VISIBLE = re.compile(r"[!-~]+")
_AGENT = "istio-probe/1.0"


def probe_host(node: Node) -> str:
    text = expect(node, str)
    return text if is_ip_address(text) else host_name(node)


def probe_path(node: Node) -> str:
    text = expect(node, str) or "/"
    if not _VISIBLE.fullmatch(text):
        raise FieldError(f"{text!r} is not a path", "write blanks and the like as %20")
    return text if text.startswith("/") else f"/{text}"


def elsewhere(host: str) -> str:
    """*host*, but for the workload itself."""
    return "" if host in _HERE else host


@dataclass(frozen=True)
class HttpHeader(Message, name="HTTPHeader"):
    """A field of the request; ``Host`` among them says whom it is for."""

    name: Annotated[str, Read(field_name)]
    value: Annotated[str, Read(field_text)] = ""


@dataclass(frozen=True)
class HttpHealthCheck(Message, name="HTTPHealthCheckConfig"):
    """A GET that is answered with a status from 200 to 399."""

    port: Annotated[int, Read(port_number)]
    path: Annotated[str, Read(probe_path), Differs("a redirect is a success; Istio follows it")] = (
        "/"
    )
    host: Annotated[str, Read(probe_host)] = ""
    scheme: Annotated[bool, Read(Choice({"": False, "HTTP": False, "HTTPS": True}))] = False
    http_headers: tuple[HttpHeader, ...] = ()

    @property
    def model(self) -> HttpGet:
        host = self.host or "localhost"
        authority = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        fields = {"user-agent": ("User-Agent", _AGENT)}
        others = []
        for header in self.http_headers:
            name = header.name.lower()
            if name == "host":
                authority = header.value or authority
            elif name in fields:
                fields[name] = (header.name, header.value)
            else:
                others.append((header.name, header.value))
        return HttpGet(self.path, authority, (*fields.values(), *others), secure=self.scheme)


@dataclass(frozen=True)
class TcpHealthCheck(Message, name="TCPHealthCheckConfig"):
    """A connection that is accepted."""

    port: Annotated[int, Read(port_number)]
    host: Annotated[str, Read(probe_host)] = ""


@dataclass(frozen=True)
class ReadinessProbe(
    Message,
    not_done={
        "exec": "commands run where the workload does, and the gateway asks from outside",
        "grpc": "the proxy speaks HTTP/1.1",
    },
    one_of=("httpGet tcpSocket",),
):
    """Made by the gateway; by Istio, by its agent beside the workload.  0 means the default."""

    http_get: HttpHealthCheck | None = None
    tcp_socket: TcpHealthCheck | None = None
    initial_delay_seconds: Annotated[int, Read(count)] = 0
    timeout_seconds: Annotated[int, Read(count)] = 0
    period_seconds: Annotated[int, Read(count)] = 0
    success_threshold: Annotated[int, Read(count)] = 0
    failure_threshold: Annotated[int, Read(count)] = 0

    def check(self) -> None:
        if self.http_get is None and self.tcp_socket is None:
            raise FieldError("the probe asks for nothing", "add 'httpGet' or 'tcpSocket'")

    @property
    def model(self) -> Probe:
        target = self.http_get or self.tcp_socket
        assert target is not None
        default = Probe(target.port)
        return Probe(
            port=target.port,
            host=elsewhere(target.host),
            http=self.http_get.model if self.http_get else None,
            delay=self.initial_delay_seconds,
            period=self.period_seconds or default.period,
            timeout=self.timeout_seconds or default.timeout,
            successes=self.success_threshold or default.successes,
            failures=self.failure_threshold or default.failures,
        )


@dataclass(frozen=True)
class WorkloadGroup(Message, rest="the WorkloadEntries of the group have it all"):
    """Those entries are of it that name it in the annotation ``istio.io/autoRegistrationGroup``."""

    probe: ReadinessProbe | None = None
