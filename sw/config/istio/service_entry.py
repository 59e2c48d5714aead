"""Istio's ``ServiceEntry``: the ports and endpoints of a service."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from ..message import Choice, Differs, FieldError, Message, Read
from ..values import domain, label_name, port_number
from .gateway import HTTP
from .workload_entry import WorkloadEntry

__all__ = ["Resolution", "ServiceEntry", "ServicePort", "WorkloadSelector"]


class Resolution(enum.Enum):
    """Where the addresses come from."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"

    @property
    def is_dns(self) -> bool:
        return self in (Resolution.DNS, Resolution.DNS_ROUND_ROBIN)


_RESOLUTIONS = Choice(
    {resolution.value: resolution for resolution in Resolution},
    {"DYNAMIC_DNS": "hosts are looked up when the configuration is read, not for each request"},
)


class _Location(enum.Enum):
    """Whether the service is a part of the mesh; this gateway treats both alike."""

    MESH_EXTERNAL = 0
    MESH_INTERNAL = 1


@dataclass(frozen=True)
class ServicePort(Message):
    """A port that the service is called by; ``targetPort`` is where endpoints listen."""

    number: Annotated[int, Read(port_number)]
    name: Annotated[str, Read(label_name)]
    protocol: Annotated[str, Read(HTTP)]
    target_port: Annotated[int, Read(port_number)] | None = None

    def at(self, endpoint: WorkloadEntry) -> int:
        """Where *endpoint* listens for what is sent to this port."""
        return (endpoint.ports or {}).get(self.name) or self.target_port or self.number


@dataclass(frozen=True)
class WorkloadSelector(Message):
    """WorkloadEntries of the same namespace that bear all of ``labels``, of which there is one."""

    labels: Mapping[str, str] | None = None

    def selects(self, labels: Mapping[str, str]) -> bool:
        return bool(self.labels) and (self.labels or {}).items() <= labels.items()


@dataclass(frozen=True)
class ServiceEntry(
    Message,
    no_effect={
        "addresses": "a gateway has no use for virtual addresses",
    },
    one_of=("endpoints workloadSelector",),
):
    """Several for one host in one namespace are merged."""

    hosts: tuple[Annotated[str, Read(domain)], ...]
    ports: tuple[ServicePort, ...] = ()
    resolution: Annotated[
        Resolution,
        Read(_RESOLUTIONS),
        Differs("NONE has no endpoints, and answers 503 as at an ingress gateway of Istio"),
    ] = Resolution.NONE
    endpoints: tuple[WorkloadEntry, ...] = ()
    workload_selector: WorkloadSelector | None = None
    location: _Location = _Location.MESH_EXTERNAL
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()

    def check(self) -> None:
        if not self.hosts:
            raise FieldError("the ServiceEntry has no hosts", "add 'hosts'")
        if "*" in self.hosts:
            raise FieldError("a service cannot have the host '*'", "name its hosts")
        for values, what in (
            ([port.name for port in self.ports], "name"),
            ([port.number for port in self.ports], "number"),
        ):
            if len(set(values)) < len(values):
                raise FieldError(f"two ports have the same {what}", "change one of them")
        self._check_resolution()
        names = {port.name for port in self.ports}
        for endpoint in self.endpoints:
            for name in endpoint.ports or ():
                if name not in names:
                    raise FieldError(
                        f"an endpoint names a port {name!r} that the ServiceEntry has not",
                        f"use one of {', '.join(sorted(names))}",
                        endpoint.node,
                    )

    def _check_resolution(self) -> None:
        if self.resolution is Resolution.NONE and self.endpoints:
            raise FieldError(
                "resolution NONE, which is the default, has no endpoints", "write STATIC"
            )
        if self.resolution is Resolution.STATIC:
            for endpoint in self.endpoints:
                if not endpoint.has_ip_address:
                    raise FieldError(
                        f"{endpoint.address!r} is not an IP address",
                        "resolution STATIC needs IP addresses",
                        endpoint.node,
                    )
        if self.resolution.is_dns and not self.endpoints:
            for host in self.hosts:
                if host.startswith("*"):
                    raise FieldError(f"DNS knows no {host!r}", "add 'endpoints'")
        if self.resolution is Resolution.DNS_ROUND_ROBIN and len(self.endpoints) > 1:
            raise FieldError("DNS_ROUND_ROBIN has one endpoint", "write DNS")
