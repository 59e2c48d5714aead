"""The compiler: a route table becomes the image that the NIC loads.

Capacity is never an error.  What does not fit is taken by one provisional row at the end, and the
CPU goes on from there with the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..config.model import Route, RouteTable
from ..contract.geometry import Geometry
from ..contract.table import TableImage
from .hosts import write_hosts
from .plan import RowPlan, plan
from .predicates import Predicates
from .report import Outcome, Report, RouteReport, Usage
from .rows import write_catch_all, write_row

__all__ = ["CompiledTable", "Row", "compile_table"]

_OVERFLOW = 255
"""Class of hosts that the NIC cannot tell apart; only the catch-all row takes it."""


@dataclass(frozen=True)
class Row:
    """What a hit means: the route at ``index`` of ``routes``.

    Of a provisional row it is the first route that may still match.  The catch-all row has no
    ``routes``: nothing is known but the virtual host's name.
    """

    routes: tuple[Route, ...] | None
    index: int
    provisional: bool
    reasons: tuple[str, ...] = ()

    @property
    def route(self) -> Route | None:
        return None if self.routes is None else self.routes[self.index]


@dataclass(frozen=True)
class CompiledTable:
    """``table`` as the NIC's ``image``, what each of its ``rows`` means, and the ``report``."""

    table: RouteTable
    image: TableImage
    rows: tuple[Row, ...]
    report: Report


@dataclass(frozen=True)
class _RouteClass:
    """Virtual hosts that share one list of routes, and the rows that these take."""

    routes: tuple[Route, ...]
    domains: tuple[str, ...]
    plans: tuple[tuple[RowPlan, ...], ...]
    """By route; routes behind a catch-all have none."""

    @property
    def demand(self) -> int:
        return sum(map(len, self.plans))


def compile_table(table: RouteTable, geometry: Geometry) -> CompiledTable:
    """Compile *table* for a NIC of *geometry*.

    Raises
    ------
    CompileError
        Where a regex is not RE2 syntax.
    """
    image = TableImage(geometry)
    predicates = Predicates(image.header, geometry.predicates)
    classes = _classes(table, geometry)
    numbers = {id(c.routes): n for n, c in enumerate(classes[: _OVERFLOW - 1], start=1)}
    hosts = write_hosts(image, table.virtual_hosts, numbers, _OVERFLOW)

    # A class beyond the numbers, or one no host of which the NIC knows, gets no rows.
    unknown = set(hosts.left)
    demands = [c.demand if not unknown.issuperset(c.domains) else 0 for c in classes]
    is_whole = not unknown and sum(demands) <= geometry.rows
    quotas = demands if is_whole else _share(demands, geometry.rows - 1)

    rows: list[Row] = []
    reports: list[RouteReport] = []
    for number, (route_class, quota) in enumerate(zip(classes, quotas, strict=True), start=1):
        end = len(rows) + quota
        for index, route in enumerate(route_class.routes):
            if index >= len(route_class.plans):
                report = _unreached(route, route_class.domains)
            elif len(rows) + len(route_class.plans[index]) > end:
                end = -1  # a later route must not overtake this one
                report = RouteReport(route, route_class.domains, Outcome.CPU, (), (_NO_ROOM,))
            else:
                first = len(rows)
                for row_plan in route_class.plans[index]:
                    reasons = write_row(image, len(rows), number, row_plan, predicates)
                    rows.append(Row(route_class.routes, index, bool(reasons), reasons))
                report = _placed(route, route_class.domains, first, rows[first:])
            reports.append(report)
    catch_all = None
    if not is_whole:
        catch_all = len(rows)
        write_catch_all(image, catch_all)
        rows.append(Row(None, 0, True, ("the table is larger than the NIC",)))

    return CompiledTable(
        table,
        image,
        tuple(rows),
        Report(
            tuple(reports),
            rows=Usage("rows", len(rows), geometry.rows),
            hosts=Usage("hosts", hosts.used, hosts.capacity),
            predicates=Usage("predicates", predicates.used, predicates.capacity),
            classes=Usage("classes", len(numbers), _OVERFLOW - 1),
            catch_all=catch_all,
            hosts_left=hosts.left,
        ),
    )


_NO_ROOM = "the NIC has no room for it"


def _classes(table: RouteTable, geometry: Geometry) -> list[_RouteClass]:
    domains: dict[int, list[str]] = {}
    lists: dict[int, tuple[Route, ...]] = {}
    for host in table.virtual_hosts:
        domains.setdefault(id(host.routes), []).append(host.domain)
        lists[id(host.routes)] = host.routes
    return [
        _RouteClass(routes, tuple(domains[key]), tuple(_plans(routes, geometry)))
        for key, routes in lists.items()
    ]


def _plans(routes: Sequence[Route], geometry: Geometry) -> list[tuple[RowPlan, ...]]:
    plans = []
    for route in routes:
        plans.append(plan(route, geometry))
        if route.match.is_catch_all:
            break
    return plans


def _share(demands: Sequence[int], budget: int) -> list[int]:
    """Split *budget* fairly: small demands are met in full, large ones get equal parts."""
    quotas = [0] * len(demands)
    by_size = sorted(range(len(demands)), key=demands.__getitem__)
    for done, index in enumerate(by_size):
        quotas[index] = min(demands[index], budget // (len(demands) - done))
        budget -= quotas[index]
    return quotas


def _unreached(route: Route, domains: tuple[str, ...]) -> RouteReport:
    reason = "a route before it takes every request"
    return RouteReport(route, domains, Outcome.UNREACHED, (), (reason,))


def _placed(route: Route, domains: tuple[str, ...], first: int, rows: Sequence[Row]) -> RouteReport:
    reasons = tuple(dict.fromkeys(reason for row in rows for reason in row.reasons))
    if not rows:
        reasons = ("no request that the NIC decides can match it",)
    outcome = Outcome.PROVISIONAL if any(row.provisional for row in rows) else Outcome.EXACT
    return RouteReport(route, domains, outcome, tuple(range(first, first + len(rows))), reasons)
