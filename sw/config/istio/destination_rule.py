"""Istio's ``DestinationRule``: subsets of a service, and how to treat its connections."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from ..message import FieldError, Message, Read
from ..values import domain, label_name
from .traffic_policy import TrafficPolicy

__all__ = ["DestinationRule", "Subset"]


@dataclass(frozen=True)
class Subset(Message):
    """The endpoints of a service that bear all of ``labels``."""

    name: Annotated[str, Read(label_name)]
    labels: Mapping[str, str] | None = None
    traffic_policy: TrafficPolicy | None = None

    def selects(self, labels: Mapping[str, str]) -> bool:
        return (self.labels or {}).items() <= labels.items()


@dataclass(frozen=True)
class DestinationRule(
    Message,
    not_done={"workloadSelector": "the labels of the gateway's pods are not known"},
):
    """Several for one host are merged: subsets are collected, the first policy counts."""

    host: Annotated[str, Read(domain)]
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()

    def check(self) -> None:
        names = [subset.name for subset in self.subsets]
        for name in names:
            if names.count(name) > 1:
                raise FieldError(f"two subsets are called {name!r}", "rename one of them")
