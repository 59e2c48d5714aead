"""What became of each route: on the NIC or left to the CPU, exact or provisional, and why."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from ..config.model import Route

__all__ = ["Outcome", "Report", "RouteReport", "Usage"]


class Outcome(enum.Enum):
    """How requests for a route are decided."""

    EXACT = "exact"
    """By the NIC alone."""
    PROVISIONAL = "provisional"
    """By the NIC as far as it can see, by the CPU from there."""
    CPU = "cpu"
    """By the CPU: the route has no row."""
    UNREACHED = "unreached"
    """Never: a route before it takes every request."""


@dataclass(frozen=True)
class RouteReport:
    """One route: the ``domains`` it serves, its ``rows`` of the NIC, and the reasons in words."""

    route: Route
    domains: tuple[str, ...]
    outcome: Outcome
    rows: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = f"rows {self.rows[0]}-{self.rows[-1]}" if len(self.rows) > 1 else ""
        rows = f"row {self.rows[0]}" if len(self.rows) == 1 else rows
        parts = [self.outcome.value, rows, "; ".join(self.reasons)]
        return f"{self.route.id} [{', '.join(self.domains)}]: " + ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Usage:
    """``used`` of ``capacity`` things of the NIC."""

    name: str
    used: int
    capacity: int

    @property
    def left(self) -> int:
        return self.capacity - self.used

    def __str__(self) -> str:
        return f"{self.name}: {self.used} of {self.capacity}, {self.left} left"


@dataclass(frozen=True)
class Report:
    """The compiler's account of one table.

    Attributes
    ----------
    routes : tuple of RouteReport
        In the order of the table; virtual hosts that share their rows are told once.
    rows, hosts, predicates, classes : Usage
        What is taken of the NIC.
    catch_all : int or None
        The row that hands to the CPU what the NIC has no room for; None: all is on the NIC.
    hosts_left : tuple of str
        Domains whose virtual host the CPU looks up.
    """

    routes: tuple[RouteReport, ...]
    rows: Usage
    hosts: Usage
    predicates: Usage
    classes: Usage
    catch_all: int | None
    hosts_left: tuple[str, ...]

    def count(self, outcome: Outcome) -> int:
        """Number of routes that came out so."""
        return sum(route.outcome is outcome for route in self.routes)

    def lines(self) -> Iterator[str]:
        """The account as lines of plain text."""
        yield from map(str, self.routes)
        counts = ", ".join(f"{self.count(outcome)} {outcome.value}" for outcome in Outcome)
        yield f"routes: {len(self.routes)} ({counts})"
        yield from map(str, (self.rows, self.hosts, self.predicates, self.classes))
        if self.hosts_left:
            yield f"hosts looked up by the CPU: {', '.join(self.hosts_left)}"
        if self.catch_all is not None:
            yield f"row {self.catch_all} hands to the CPU what the NIC has no room for"

    def __str__(self) -> str:
        return "\n".join(self.lines())
