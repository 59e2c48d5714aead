"""Header predicates: the columns of the header space, shared by all routes that ask the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..contract.geometry import Space
from ..contract.table import Tcam
from .pattern import Pattern, put

__all__ = ["Line", "Predicates"]


@dataclass(frozen=True)
class Line:
    """A question about the field lines: does one name *name* and hold *value*?

    ``value`` None asks for the name alone; where not ``exact`` the value may go on.  A decided
    head has exactly one space after each colon and no empty value.
    """

    name: bytes
    value: bytes | None = None
    exact: bool = False

    @property
    def pattern(self) -> Pattern:
        text = self.name + (b":" if self.value is None else b": " + self.value)
        return Pattern(text, self.exact, folded=len(self.name))

    def fits(self, space: Space) -> bool:
        return self.pattern.fits(space)


class Predicates:
    """Hands out the predicate columns of *tcam*.

    Attributes
    ----------
    capacity : int
        Columns there are.
    """

    def __init__(self, tcam: Tcam, capacity: int) -> None:
        self._tcam = tcam
        self.capacity = capacity
        self._columns: dict[Line, int] = {}

    @property
    def used(self) -> int:
        return len(self._columns)

    def columns(self, lines: Sequence[Line]) -> list[int] | None:
        """A column for each of *lines*, or None, and nothing changed, where they do not fit."""
        fresh = {line for line in lines if line not in self._columns}
        if self.used + len(fresh) > self.capacity:
            return None
        for line in lines:
            if line not in self._columns:
                self._columns[line] = column = len(self._columns)
                put(self._tcam, column, line.pattern)
        return [self._columns[line] for line in lines]
