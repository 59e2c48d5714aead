"""Where clocks stand in a picture: time runs down, and what is idle takes little room."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

__all__ = ["BUSY", "Timeline"]

BUSY, IDLE = 22.0, 5.0
"""Heights of clocks."""


@dataclass(frozen=True)
class Timeline:
    """*clocks* from *top* on; something happens in those that are *busy*."""

    top: float
    clocks: int
    busy: Collection[int]

    @cached_property
    def _edges(self) -> list[float]:
        heights = (BUSY if clock in self.busy else IDLE for clock in range(self.clocks))
        return list(accumulate(heights, initial=self.top))

    @property
    def bottom(self) -> float:
        return self._edges[-1]

    def y(self, clock: int) -> float:
        """The upper edge of *clock*."""
        return self._edges[clock]

    def pauses(self) -> Iterator[int]:
        """The first clocks of times in which nothing happens, if they can be seen."""
        for clock in range(1, self.clocks - 2):
            if clock - 1 in self.busy and not any(clock + n in self.busy for n in range(3)):
                yield clock

    def middle(self, clock: int) -> float:
        return (self._edges[clock] + self._edges[clock + 1]) / 2
