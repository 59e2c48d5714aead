"""``hybridmesh compile``: the compiler's report as a table."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from ..compiler import Report

__all__ = ["compile_command"]

_STYLES = {"exact": "green", "provisional": "yellow", "cpu": "red", "unreached": "dim"}


@click.command("compile")
@options.files
def compile_command(paths: tuple[Path, ...]) -> None:
    """Say what of the routes the NIC decides, and what the CPU has to.

    \b
    exact        decided by the NIC alone
    provisional  the NIC finds candidates, the CPU has the last word
    cpu          no room on the NIC, or nothing that it could ask
    unreached    a route before it takes every request

    \b
    hybridmesh compile -f examples/shop
    """
    from ..compiler import compile_table
    from ..config import load
    from ..contract.geometry import Geometry

    _show(compile_table(load(paths).table, Geometry()).report)


def _show(report: "Report") -> None:
    from .tables import console, table

    out = console()
    routes = table("route", "domains", "decided", "rows", "why")
    for told in report.routes:
        outcome = told.outcome.value
        routes.add_row(
            told.route.id,
            "\n".join(told.domains),
            f"[{_STYLES[outcome]}]{outcome}[/]",
            ", ".join(map(str, told.rows)) or "-",
            "; ".join(told.reasons),
        )
    out.print(routes)
    usage = table("of the NIC", "used", "left", right=frozenset({"used", "left"}))
    for part in (report.rows, report.hosts, report.predicates, report.classes):
        usage.add_row(part.name, str(part.used), str(part.left))
    out.print(usage)
    if report.hosts_left:
        out.print(f"The CPU looks up these hosts: {', '.join(report.hosts_left)}")
    if report.catch_all is not None:
        out.print(f"Row {report.catch_all} hands to the CPU what the NIC has no room for.")
