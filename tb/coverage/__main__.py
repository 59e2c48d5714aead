"""Take the NIC through all tours and say what they have not covered."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hybridmesh.errors import HybridMeshError

from .build import PLACE
from .code import read_code
from .model import Hits
from .page import page
from .report import Report
from .run import COUNTED, WIDTHS, Done, Run, groups

_LONG = 8
"""How often as much traffic the long form is."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tb.coverage", description=__doc__)
    parser.add_argument("--width", type=int, choices=WIDTHS, help="one width; all by default")
    parser.add_argument("--seed", type=int, default=1, help="of the traffic")
    parser.add_argument("--long", action="store_true", help=f"{_LONG} times as much traffic")
    parser.add_argument(
        "--functional", action="store_true", help="the model alone, no lines and toggles"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    args = parser.parse_args()
    widths = WIDTHS if args.width is None else (args.width,)
    counted = () if args.functional else COUNTED
    run = Run(widths, args.seed, _LONG if args.long else 1, counted)
    try:
        done = _done(run, args.jobs)
    except HybridMeshError as error:
        sys.exit(f"coverage: {error}")
    except KeyboardInterrupt:
        sys.exit("coverage: interrupted; the tours that are done are not done again")
    report = _report(run, done, args.seed)
    place = PLACE / "index.html"
    place.write_text(page(report))
    print(*report.lines(), f"page: {place}", report.line(), sep="\n", flush=True)
    return 0 if report.complete else 1


def _done(run: Run, jobs: int) -> list[Done]:
    """Every tour, with progress on stderr."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("", total=len(run.widths) + len(run.tasks))

        def tell(what: str) -> None:
            bar.update(task, description=what)
            if not console.is_terminal:
                print(what, file=sys.stderr, flush=True)

        for width in run.build(jobs):
            tell(f"building the NIC of width {width}")
            bar.advance(task)
        tell("tours")
        done = []
        for one in run.done(jobs):
            done.append(one)
            tell(f"width {one.task.width}: {one.task.tour}, {one.clocks:,} clocks")
            bar.advance(task)
    return done


def _report(run: Run, done: Sequence[Done], seed: int) -> Report:
    hits = Hits(group for width in run.widths for group in groups(width))
    for one in done:
        hits.load(one.hits)
    code = [
        read_code(
            width,
            run.built[width].verilog,
            [one.counts for one in done if one.task.width == width and one.counts is not None],
        )
        for width in run.widths
        if run.built[width].counted
    ]
    return Report(hits, code, sum(one.clocks for one in done), seed)


if __name__ == "__main__":
    sys.exit(main())
