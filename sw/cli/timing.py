"""``hybridmesh timing``: place and route the NIC, and say how fast it is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .fpga import module, progress

__all__ = ["timing"]

_BUILD = Path("build/timing")


@click.command()
@click.option("--target", metavar="NAME", help="Measure this one.")
@click.option("--all", "everything", is_flag=True, help="Measure all, one after the other.")
@click.option("--json", "as_json", is_flag=True, help="With --target: print a JSON object.")
@click.option(
    "--page",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="With --all: write tables and plot into this Markdown page too.",
)
def timing(target: str | None, everything: bool, as_json: bool, page: Path | None) -> int:
    """Synthesise, place and route the NIC with yosys and nextpnr, and measure it.

    Without an option it lists the targets. What is made stays in build/timing, and is made again
    only where the design has changed. The exit code is 1 where a goal is missed.

    \b
    hybridmesh timing --target nic-w8-256-85f --json
    hybridmesh timing --all --page docs/performance.md
    """
    if target is not None and everything:
        raise click.UsageError("--target goes without --all")
    if as_json and target is None:
        raise click.UsageError("--json goes with --target")
    if page is not None and not everything:
        raise click.UsageError("--page goes with --all")
    targets = module("timing.targets")
    if target is not None:
        (result,) = _measure([targets.find(target)])
        if as_json:
            click.echo(json.dumps(result.as_json(), indent=2))
        else:
            _show([result])
        return int(result.met is False)
    if not everything:
        _list(targets.TARGETS.values())
        return 0
    results = _measure(list(targets.TARGETS.values()))
    if page is not None:
        pages = module("timing.page")
        pages.write_page(page, results)
        pages.write_plot(page.with_suffix(".svg"), results)
        click.echo(f"written: {page}, {page.with_suffix('.svg')}", err=True)
    _show(results)
    return int(any(result.met is False for result in results))


def _measure(targets: Sequence[Any]) -> list[Any]:
    flow = module("timing.flow")
    results = []
    with progress([target.name for target in targets]) as told:
        for target in targets:
            results.append(flow.measure(target, _BUILD, told(target.name)))
    return results


def _list(targets: Sequence[Any]) -> None:
    from .tables import console, table

    listed = table("target", "design", "device", "", "goal")
    for target in targets:
        goal = f"{target.goal_mhz:g} MHz" if target.goal_mhz else ""
        listed.add_row(
            target.name, target.design.value, target.device.name, target.device.family.value, goal
        )
    console().print(listed)


def _show(results: Sequence[Any]) -> None:
    from .tables import console, table

    shown = table("target", "takes", "MHz", "goal", "Gb/s", "latency", right=frozenset({"Gb/s"}))
    for result in results:
        goal, clock = result.target.goal_mhz, result.failure or "synthesised only"
        if result.spread is not None:
            low, high = result.spread
            clock = f"{result.fmax:.1f} ({low:.1f} to {high:.1f})"
        nanoseconds = f", {result.latency_ns:.0f} ns" if result.latency_ns else ""
        shown.add_row(
            result.target.name,
            ", ".join(f"{count:,} {part}" for part, count in result.used.items()),
            clock,
            f"{goal:g} {'met' if result.met else '[red]missed[/]'}" if goal else "",
            f"{result.gbps:.2f}" if result.gbps else "",
            f"{result.latency} clocks{nanoseconds}",
        )
    out = console()
    out.print(shown)
    for result in results:
        if result.typical:
            out.print(f"{result.target.name}: slowest is {result.typical.path}")
