"""The model of coverage: groups of bins, which of them cannot be, and which have been hit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

__all__ = ["Bin", "Group", "Hits"]

Bin = tuple[str, ...]
"""A value of each axis of a group."""


@dataclass(frozen=True)
class Group:
    """Bins of one kind: the product of its axes.

    Attributes
    ----------
    name : str
        A word for it, unique.
    title : str
        What a bin says, in words.
    axes : dict of str to tuple of str
        Values by the name of the axis.
    argued : dict of Bin to str
        Those that nothing can hit, and why.
    """

    name: str
    title: str
    axes: Mapping[str, tuple[str, ...]]
    argued: Mapping[Bin, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := set(self.argued) - set(self.bins):
            raise ValueError(f"{self.name} argues of what it has not: {sorted(unknown)[0]}")

    @cached_property
    def bins(self) -> tuple[Bin, ...]:
        """All of them, the last axis' values next to each other."""
        return tuple(product(*self.axes.values()))

    @cached_property
    def due(self) -> frozenset[Bin]:
        """Those that are to be hit."""
        return frozenset(self.bins) - frozenset(self.argued)


class Hits:
    """The bins of *groups* that have been hit.

    Parameters
    ----------
    groups : iterable of Group
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = {group.name: group for group in groups}
        self._hit: dict[str, set[Bin]] = {name: set() for name in self.groups}

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups.values())

    def add(self, group: str, *values: str) -> None:
        """One more; raises :exc:`KeyError` where the group has no such bin."""
        if values not in self._hit[group]:
            if not self._known(group, values):
                raise KeyError(f"{group} has no bin {values}")
            self._hit[group].add(values)

    def _known(self, group: str, values: Bin) -> bool:
        axes = self.groups[group].axes.values()
        return len(values) == len(axes) and all(
            v in axis for v, axis in zip(values, axes, strict=True)
        )

    def hit(self, group: Group) -> frozenset[Bin]:
        """Those of *group* that are hit and to be hit."""
        return self._hit[group.name] & group.due

    def holes(self, group: Group) -> list[Bin]:
        """Those of *group* that are to be hit and are not, in the order of its bins."""
        missing = group.due - self._hit[group.name]
        return [bin_ for bin_ in group.bins if bin_ in missing] if missing else []

    def refuted(self, group: Group) -> list[Bin]:
        """Those of *group* that nothing can hit, and something has."""
        return sorted(self._hit[group.name] & set(group.argued))

    def merge(self, other: "Hits") -> None:
        for name, bins in other._hit.items():
            self._hit[name] |= bins

    def to_json(self) -> dict[str, list[int]]:
        """The numbers of the bins, by group."""
        return {
            group.name: [n for n, bin_ in enumerate(group.bins) if bin_ in self._hit[group.name]]
            for group in self
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Add what :meth:`to_json` has given."""
        for name, numbers in data.items():
            bins = self.groups[name].bins
            self._hit[name] |= {bins[number] for number in numbers}
