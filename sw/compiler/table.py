"""The compiler: a route table becomes the image that the NIC loads.

Capacity is never an error.  What does not fit is taken by one provisional row at the end, and the
CPU goes on from there with the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..config.model import Route, RouteTable
from ..contract.geometry import OPTION_QUERY, Geometry
from ..contract.table import TableImage
from .hosts import CLASSES, HostGroup, place_hosts
from .plan import RowPlan, plan
from .predicates import Predicates
from .report import Outcome, Report, RouteReport, Usage
from .rows import write_catch_all, write_row

__all__ = ["CompiledTable", "Row", "compile_table"]


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
class _Job:
    """A group of virtual hosts and the ``plans`` of its routes; those behind a catch-all have
    none."""

    group: HostGroup
    plans: tuple[tuple[RowPlan, ...], ...]

    @property
    def demand(self) -> int:
        """Rows that it could take."""
        return sum(map(len, self.plans))


def compile_table(table: RouteTable, geometry: Geometry) -> CompiledTable:
    """Compile *table* for a NIC of *geometry*.

    Raises
    ------
    CompileError
        Where a regex is not RE2 syntax.
    """
    image = TableImage(geometry)
    predicates = Predicates(image.header)
    hosts = place_hosts(image, table.virtual_hosts, predicates)
    jobs = [_Job(group, tuple(_plans(group.routes, geometry))) for group in hosts.groups]

    # A group no host of which the NIC knows gets no rows.
    unknown = set(hosts.left)
    demands = [job.demand if not unknown.issuperset(job.group.domains) else 0 for job in jobs]
    is_whole = not unknown and sum(demands) <= geometry.rows
    quotas = _share(demands, geometry.rows - (not is_whole))

    rows: list[Row] = []
    reports: list[RouteReport] = []
    for job, quota in zip(jobs, quotas, strict=True):
        group, end = job.group, len(rows) + quota
        for index, route in enumerate(group.routes):
            if index >= len(job.plans):
                report = _unreached(route, group.domains)
            elif len(rows) + len(job.plans[index]) > end:
                end = -1  # a later route must not overtake this one
                report = RouteReport(route, group.domains, Outcome.CPU, (), (_NO_ROOM,))
            else:
                first = len(rows)
                for row_plan in job.plans[index]:
                    reasons = write_row(image, len(rows), group, row_plan, predicates)
                    rows.append(Row(group.routes, index, bool(reasons), reasons))
                report = _placed(route, group.domains, first, rows[first:])
            reports.append(report)
    catch_all = None
    if not is_whole:
        catch_all = len(rows)
        write_catch_all(image, catch_all, hosts.unsure if quotas == demands else None)
        rows.append(Row(None, 0, True, ("the table is larger than the NIC",)))
    if predicates.ask_params:
        image.options[0] = OPTION_QUERY

    return CompiledTable(
        table,
        image,
        tuple(rows),
        Report(
            tuple(reports),
            rows=Usage("rows", len(rows), geometry.rows),
            hosts=Usage("hosts", hosts.used, geometry.hosts),
            predicates=Usage("predicates", predicates.used, predicates.capacity),
            classes=Usage("classes", hosts.classes, CLASSES),
            catch_all=catch_all,
            hosts_left=hosts.left,
        ),
    )


_NO_ROOM = "the NIC has no room for it"


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
