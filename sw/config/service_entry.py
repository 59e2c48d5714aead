"""Istio's ``ServiceEntry``: the ports and endpoints of a service."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from .document import Node
from .gateway import http_protocol
from .message import FieldError, Message, Read, expect
from .values import count, domain, ip_address, label_name, port_number

__all__ = ["ServiceEntry", "ServicePort", "WorkloadEntry"]


def static_resolution(node: Node) -> str:
    text = expect(node, str)
    if text in ("NONE", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"):
        raise FieldError(
            f"resolution {text} is not supported yet", "write STATIC, and the IPs in 'endpoints'"
        )
    if text != "STATIC":
        raise FieldError(f"{text!r} is not a resolution", "write STATIC")
    return text


class _Location(enum.Enum):
    """Whether the service is a part of the mesh; this gateway treats both alike."""

    MESH_EXTERNAL = 0
    MESH_INTERNAL = 1


@dataclass(frozen=True)
class ServicePort(Message):
    """A port that the service is called by; ``target_port`` is where endpoints listen."""

    number: Annotated[int, Read(port_number)]
    name: Annotated[str, Read(label_name)]
    protocol: Annotated[str, Read(http_protocol)]
    target_port: Annotated[int, Read(port_number)] | None = None


@dataclass(frozen=True)
class WorkloadEntry(Message, not_done="network locality", no_effect="serviceAccount"):
    """An endpoint; ``ports`` are its own, by the name of the service's port."""

    address: Annotated[str, Read(ip_address)]
    ports: Mapping[str, Annotated[int, Read(port_number)]] | None = None
    labels: Mapping[str, str] | None = None
    weight: Annotated[int, Read(count)] = 0

    def port(self, service: ServicePort) -> int:
        """Where this endpoint listens for what is sent to the port *service*."""
        return (self.ports or {}).get(service.name) or service.target_port or service.number


@dataclass(frozen=True)
class ServiceEntry(Message, not_done="workloadSelector subjectAltNames", no_effect="addresses"):
    """Istio's ``ServiceEntry``."""

    hosts: tuple[Annotated[str, Read(domain)], ...]
    ports: tuple[ServicePort, ...]
    resolution: Annotated[str, Read(static_resolution)]
    endpoints: tuple[WorkloadEntry, ...] = ()
    location: _Location = _Location.MESH_EXTERNAL
    export_to: tuple[str, ...] = ()

    def check(self) -> None:
        if not self.hosts:
            raise FieldError("the ServiceEntry has no hosts", "add 'hosts'")
        for values, what in (
            ([port.name for port in self.ports], "name"),
            ([port.number for port in self.ports], "number"),
        ):
            if len(set(values)) < len(values):
                raise FieldError(f"two ports have the same {what}", "change one of them")
        names = {port.name for port in self.ports}
        for endpoint in self.endpoints:
            for name in endpoint.ports or ():
                if name not in names:
                    raise FieldError(
                        f"an endpoint names a port {name!r} that the ServiceEntry has not",
                        f"use one of {', '.join(sorted(names))}",
                        endpoint.node,
                    )
