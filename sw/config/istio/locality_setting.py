"""Istio's ``LocalityLoadBalancerSetting``: which localities requests go to, and which come next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import FieldError, Message, Read, expect
from ..values import count

__all__ = ["Distribute", "Failover", "LocalitySetting"]

_TOPOLOGY = (
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
)


def locality_pattern(node: Node) -> str:
    return check_pattern(expect(node, str))


def check_pattern(text: str) -> str:
    parts = text.split("/")
    if len(parts) > 3 or not all(parts) or "*" in text[:-1]:
        raise FieldError(
            f"{text!r} is not a locality", "write region, region/zone or region/zone/subzone"
        )
    return text


def region(node: Node) -> str:
    text = expect(node, str)
    if not text or "/" in text or "*" in text:
        raise FieldError(f"{text!r} is not a region", "write its name, without zone")
    return text


@dataclass(frozen=True)
class Distribute(Message, name="LocalityLoadBalancerSetting.Distribute"):
    """Of the requests that come from gateways at ``from``, the percentages that go where."""

    from_: Annotated[str, Read(locality_pattern)]
    to: Mapping[str, Annotated[int, Read(count)]]

    def check(self) -> None:
        for pattern in self.to:
            check_pattern(pattern)
        _check_apart(self.to)
        if sum(self.to.values()) != 100 or not all(self.to.values()):
            raise FieldError(
                f"the percentages add up to {sum(self.to.values())}",
                "let them add up to 100, each at least 1",
            )


@dataclass(frozen=True)
class Failover(Message, name="LocalityLoadBalancerSetting.Failover"):
    """The region that takes over for another."""

    from_: Annotated[str, Read(region)]
    to: Annotated[str, Read(region)]

    def check(self) -> None:
        if self.from_ == self.to:
            raise FieldError("a region cannot take over for itself", "name another region")


@dataclass(frozen=True)
class LocalitySetting(
    Message,
    name="LocalityLoadBalancerSetting",
    one_of=("distribute failover",),
):
    """Failover needs ``outlierDetection``: else nobody would know that a pod fails."""

    enabled: bool = True
    distribute: tuple[Distribute, ...] = ()
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()

    def check(self) -> None:
        _check_apart(rule.from_ for rule in self.distribute)
        for label in self.failover_priority if self.failover else ():
            if label in _TOPOLOGY:
                raise FieldError(
                    f"'failover' and the label {label!r} do not go together", "keep one of them"
                )


def _check_apart(patterns: Iterable[str]) -> None:
    """No locality may be within two of them."""
    seen: list[str] = []
    for pattern in patterns:
        stem = pattern.removesuffix("*").rstrip("/")
        for other in seen:
            if (
                not (stem and other)
                or f"{stem}/".startswith(f"{other}/")
                or (f"{other}/".startswith(f"{stem}/"))
            ):
                raise FieldError(f"the locality {pattern!r} overlaps with another")
        seen.append(stem)
