"""Istio's ``WorkloadEntry``: an endpoint, within a ServiceEntry or on its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Differs, FieldError, Message, Read, expect
from ..values import count, endpoint_address, is_ip_address, port_number

__all__ = ["WorkloadEntry"]


def locality_name(node: Node) -> str:
    text = expect(node, str)
    if text.count("/") > 2:
        raise FieldError(f"{text!r} is not a locality", "write region/zone/subzone")
    return text


@dataclass(frozen=True)
class WorkloadEntry(
    Message,
    not_done={"network": "all endpoints must be reachable without a gateway"},
    no_effect={"serviceAccount": "it is for mutual TLS of the mesh"},
):
    """An endpoint; ``ports`` are its own, by the name of the service's port."""

    address: Annotated[str, Read(endpoint_address), Differs("no Unix domain sockets")]
    ports: Mapping[str, Annotated[int, Read(port_number)]] | None = None
    labels: Mapping[str, str] | None = None
    weight: Annotated[int, Read(count)] = 0
    locality: Annotated[
        str, Read(locality_name), Differs("the label `istio-locality` does not stand in for it")
    ] = ""

    @property
    def has_ip_address(self) -> bool:
        return is_ip_address(self.address)
