"""Istio's ``Destination``, and what requests are sent or copied to it."""

from dataclasses import dataclass
from typing import Annotated

from ..message import Differs, Message, Read
from ..values import count, host_name, label_name, percentage, port_number
from .header_changes import Headers

__all__ = ["Destination", "MirrorPolicy", "Percent", "PortSelector", "WeightedDestination"]


@dataclass(frozen=True)
class PortSelector(Message):
    """A port of the service."""

    number: Annotated[int, Read(port_number)]


@dataclass(frozen=True)
class Destination(Message):
    """A service, or a subset of it."""

    host: Annotated[str, Read(host_name), Differs("without wildcard")]
    subset: Annotated[
        str, Read(label_name), Differs("one that no DestinationRule has is an error; Envoy: 503")
    ] = ""
    port: PortSelector | None = None


@dataclass(frozen=True)
class WeightedDestination(Message, name="HTTPRouteDestination"):
    """A destination and its share of the requests."""

    destination: Destination
    weight: Annotated[int, Read(count)] | None = None
    headers: Headers | None = None


@dataclass(frozen=True)
class Percent(Message):
    """A percentage, down to millionths."""

    value: Annotated[float, Read(percentage)] = 0.0


@dataclass(frozen=True)
class MirrorPolicy(Message, name="HTTPMirrorPolicy"):
    """Where copies of requests go; all of them unless ``percentage`` says otherwise."""

    destination: Destination
    percentage: Percent | None = None
