"""From the NIC's verdict to the route: at once where it is decided, through the matcher else."""

import enum
from typing import Final, Literal, NamedTuple, TypeAlias

from ..compiler import CompiledTable, Row
from ..config.model import Route, RouteTable, VirtualHost
from ..contract.verdict import NO_ROW, Flag, Verdict
from .head import Head
from .matcher import RouteMatcher

__all__ = ["SOFTWARE", "Resolution", "Resolver", "Software"]


class Software(enum.Enum):
    """Type of :data:`SOFTWARE`."""

    SOFTWARE = "software"


SOFTWARE: Final = Software.SOFTWARE
"""Says that the verdict alone gives no route: the software must match the head."""

_DECIDED = int(Flag.DECIDED)
_PROVISIONAL = int(Flag.PROVISIONAL)
# An IntFlag operand makes each "&" cost a microsecond.

_RouteOf: TypeAlias = Route | Literal[Software.SOFTWARE] | None


class Resolution(NamedTuple):
    """The final answer.  ``route`` None: 404; ``software``: the matcher had to look."""

    virtual_host: VirtualHost | None
    route: Route | None
    software: bool


class Resolver:
    """Turns verdicts into routes of *table*.

    A verdict counts only while its epoch is live; one from an older table that the NIC still
    used keeps that table's meaning as long as its epoch is.
    """

    def __init__(self, table: RouteTable) -> None:
        self.matcher = RouteMatcher(table)
        self._epochs: dict[int, tuple[Row, ...]] = {}
        self._routes: dict[int, list[_RouteOf]] = {}

    def add_epoch(self, epoch: int, compiled: CompiledTable) -> None:
        """Let verdicts of *epoch* speak of the rows of *compiled*."""
        self._epochs[epoch] = compiled.rows
        self._routes[epoch] = [SOFTWARE if r.provisional else r.route for r in compiled.rows]

    def drop_epoch(self, epoch: int) -> None:
        """Ignore verdicts of *epoch* from now on; one that was never added is fine."""
        self._epochs.pop(epoch, None)
        self._routes.pop(epoch, None)

    def route_of(self, verdict: Verdict | None) -> _RouteOf:
        """The route of a decided verdict, None where it says that no route matches, and
        :data:`SOFTWARE` where the verdict is no answer."""
        if verdict is None or not verdict.flags & _DECIDED:
            return SOFTWARE
        routes = self._routes.get(verdict.epoch)
        if routes is None:
            return SOFTWARE
        if verdict.row == NO_ROW:
            return None
        return routes[verdict.row] if verdict.row < len(routes) else SOFTWARE

    def resolve(self, head: Head, verdict: Verdict | None) -> Resolution:
        """The virtual host and the route of *head*."""
        host = self.matcher.virtual_host(head.host)
        route = self.route_of(verdict)
        nominated = head.nominated()
        if route is not SOFTWARE and not nominated:
            return Resolution(host, route, software=False)
        # The NIC saw the fields that Connection takes away before routes are matched.
        start = 0 if nominated else self._start(host, verdict)
        hit = self.matcher.match(head, start)
        return Resolution(host, hit.route if hit else None, software=True)

    def _start(self, host: VirtualHost | None, verdict: Verdict | None) -> int:
        """Number of the first route that may match: all before a provisional hit surely do not."""
        if host is None or verdict is None or not verdict.flags & _PROVISIONAL:
            return 0
        rows = self._epochs.get(verdict.epoch, ())
        if verdict.row >= len(rows):
            return 0
        row = rows[verdict.row]
        # The catch-all row, or a row of another table, says nothing of this list of routes.
        return row.index if row.routes is host.routes else 0
