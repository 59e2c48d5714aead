"""Localities: what share of the requests each gets, or after which others it takes over.

As in istiod (pilot/pkg/networking/core/loadbalancer): ``distribute`` weighs localities; failover
gives them priorities, by how much they share with the gateway's own, or by labels.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .istio.locality_setting import LocalitySetting
from .model import Endpoint
from .services import TOPOLOGY, Pod

__all__ = ["Home", "spread"]

_STRANGER = 3
"""How near a locality of another region is."""


@dataclass(frozen=True)
class Home:
    """Where the gateway itself runs: ``region/zone/subzone``, and its labels."""

    locality: str
    labels: Mapping[str, str]

    def label(self, name: str) -> str:
        if name in TOPOLOGY:
            return _parts(self.locality)[TOPOLOGY.index(name)]
        return self.labels.get(name, "")


@dataclass
class _Group:
    """Pods of one locality and priority."""

    locality: str
    pods: list[Pod]
    priority: int = 0
    weight: int = 0

    @property
    def pods_weight(self) -> int:
        return sum(pod.endpoint.weight for pod in self.pods)


def spread(
    pods: Sequence[Pod],
    setting: LocalitySetting | None,
    home: Home,
    *,
    failover: bool,
    by_name: bool,
) -> tuple[tuple[Endpoint, ...], bool]:
    """The endpoints with priorities and weights of localities, and whether the latter count.

    Parameters
    ----------
    setting : LocalitySetting or None
        None: as the mesh has it by default, which is failover without rules.
    failover : bool
        Whether it is noticed that pods fail.
    by_name : bool
        Pods are found by DNS; then istiod does not look at their labels.
    """
    if setting is not None and not setting.enabled:
        return tuple(pod.endpoint for pod in pods), False
    groups = _grouped(pods)
    weighted = False
    if setting is not None and setting.distribute:
        groups = _distributed(groups, setting, home)
        weighted = True
    elif failover:
        if setting is not None and setting.failover_priority and not by_name:
            groups = _by_labels(groups, setting.failover_priority, home)
        if setting is None or setting.failover or not setting.failover_priority:
            _by_nearness(groups, setting, home)
        weighted = bool(setting and (setting.failover or setting.failover_priority))
    _close_gaps(groups)
    return tuple(_endpoints(groups, weighted)), weighted


def _grouped(pods: Iterable[Pod]) -> list[_Group]:
    groups: dict[str, _Group] = {}
    for pod in pods:
        name = pod.endpoint.locality
        groups.setdefault(name, _Group(name, [])).pods.append(pod)
    return [groups[name] for name in sorted(groups)]


def _distributed(groups: list[_Group], setting: LocalitySetting, home: Home) -> list[_Group]:
    """Shares by the first rule for where the gateway is; what no share names gets nothing."""
    rule = next((r for r in setting.distribute if _within(home.locality, r.from_)), None)
    if rule is None:
        return groups
    chosen: list[_Group] = []
    for pattern, percentage in rule.to.items():
        mine = [group for group in groups if _within(group.locality, pattern)]
        total = sum(group.pods_weight for group in mine)
        for group in mine:
            group.weight = math.ceil(group.pods_weight * percentage / total)
        chosen += mine
    return [group for group in groups if group in chosen]


def _by_labels(groups: list[_Group], labels: Sequence[str], home: Home) -> list[_Group]:
    """Groups split by how many of *labels*, from the first on, a pod shares with the gateway."""
    wanted = [_wanted(label, home) for label in labels]
    split: list[_Group] = []
    for group in groups:
        by_priority: dict[int, _Group] = {}
        for pod in group.pods:
            alike = next(
                (i for i, (name, value) in enumerate(wanted) if pod.labels.get(name, "") != value),
                len(wanted),
            )
            priority = len(wanted) - alike
            new = _Group(group.locality, [], priority)
            by_priority.setdefault(priority, new).pods.append(pod)
        split += [by_priority[priority] for priority in sorted(by_priority)]
    _close_gaps(split)
    return split


def _wanted(label: str, home: Home) -> tuple[str, str]:
    """The name of a label, and the value that counts: the gateway's own, or that after ``=``."""
    name, equals, value = label.partition("=")
    return name, value if equals else home.label(name)


def _by_nearness(groups: Sequence[_Group], setting: LocalitySetting | None, home: Home) -> None:
    region = _parts(home.locality)[0]
    rules = setting.failover if setting else ()
    successor = next((rule.to for rule in rules if rule.from_ == region), None)
    for group in groups:
        distance = _distance(home.locality, group.locality)
        if distance == _STRANGER and successor not in (None, _parts(group.locality)[0]):
            distance += 1
        group.priority = group.priority * (_STRANGER + 2) + distance


def _distance(one: str, other: str) -> int:
    """3, less one for each of region, zone and subzone that is the same, from the first on."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return _STRANGER - next((i for i, (a, b) in enumerate(pairs) if a != b), _STRANGER)


def _close_gaps(groups: Sequence[_Group]) -> None:
    """Envoy wants priorities without gaps."""
    order = sorted({group.priority for group in groups})
    for group in groups:
        group.priority = order.index(group.priority)


def _endpoints(groups: Sequence[_Group], weighted: bool) -> Iterable[Endpoint]:
    for group in groups:
        weight = (group.weight or group.pods_weight) if weighted else 1
        for pod in group.pods:
            yield replace(pod.endpoint, priority=group.priority, locality_weight=weight)


def _within(locality: str, pattern: str) -> bool:
    """Whether *pattern*, whose parts may be missing or ``*``, stands for *locality*."""
    region, *narrower = zip(_parts(locality), _parts(pattern), strict=True)
    return region[1] in ("*", region[0]) and all(
        wanted in ("*", "", part) for part, wanted in narrower
    )


def _parts(locality: str) -> list[str]:
    parts = locality.split("/", 2)
    return parts + [""] * (3 - len(parts))
