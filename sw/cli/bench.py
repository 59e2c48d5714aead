"""``hybridmesh bench``: HybridMesh beside other gateways, with the same work."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

__all__ = ["bench"]

_FOLDER = Path("build/evaluation")
_PAGE = Path("docs/evaluation.md")

_folder = click.option(
    "--samples",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=_FOLDER,
    show_default=True,
    metavar="FOLDER",
    help="Where the samples are kept.",
)
_quick = click.option("--quick", is_flag=True, help="Some workloads, in less than five minutes.")


@click.group()
def bench() -> None:
    """Compare HybridMesh with Envoy, HAProxy and nginx, as far as they are installed.

    All get the same routes, pods and requests, in turns. See docs/evaluation.md.
    """


@bench.command()
@_quick
@_folder
@click.option("--rounds", type=click.IntRange(1), help="In which the gateways take turns.")
def run(quick: bool, folder: Path, rounds: int | None) -> None:
    """Take samples, or go on with it; as root also those with verdicts on the wire.

    What is missing is named and left out; wrk and nginx must be there. Samples are kept in the
    folder, those of --quick in a folder within it.
    """
    from dataclasses import replace

    from ..evaluation.peers import PEERS
    from ..evaluation.run import PLANS, absent
    from ..evaluation.run import run as take
    from ..evaluation.samples import Samples, Setup
    from ..evaluation.stage import Stage, is_privileged

    namespaces = is_privileged()
    plan = PLANS["quick" if quick else "full"]
    plan = replace(plan, rounds=rounds or plan.rounds)
    lacks = absent(namespaces)
    if quick:  # it has to be built first
        lacks["sim"] = f"{PEERS['sim'].title}, is left out of --quick"
    for line in lacks.values():
        click.echo(line, err=True)
    there = [peer for name, peer in PEERS.items() if name not in lacks]
    setup = Setup.here(there, lacks, plan.seconds, namespaces)
    samples, said = Samples.opened(_place(folder, quick), setup)
    if said:
        click.echo(said, err=True)
    # So that all is taken down in good order.
    signal.signal(signal.SIGTERM, _interrupt)
    with Stage(namespaces) as stage, _progress() as told:
        take(stage, samples, plan, told, lacks)


@bench.command()
@_quick
@_folder
def profile(quick: bool, folder: Path) -> None:
    """See by perf where each gateway's CPU goes, for the report on the samples."""
    import json

    from ..evaluation.peers import PEERS
    from ..evaluation.profile import profile as taken
    from ..evaluation.run import absent
    from ..evaluation.samples import Samples
    from ..evaluation.stage import Stage, is_privileged
    from ..evaluation.workload import Workload

    place = Samples.read(_place(folder, quick)).folder
    lacks = absent(is_privileged())
    workload = Workload(istio=True)
    signal.signal(signal.SIGTERM, _interrupt)
    with Stage(is_privileged()) as stage:
        profiles = {
            name: taken(stage, peer, workload)
            for name, peer in PEERS.items()
            if name not in lacks and not peer.refuses(workload)
        }
    (place / "profile.json").write_text(json.dumps(profiles, indent=1) + "\n")


@bench.command()
@_quick
@_folder
@click.option(
    "--page",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help=f"Write the report into this page, as `make bench` does into {_PAGE}.",
)
def report(quick: bool, folder: Path, page: Path | None) -> None:
    """Print what the samples say, in Markdown."""
    from ..evaluation.report import report as shown
    from ..evaluation.report import write_page
    from ..evaluation.samples import Samples

    samples = Samples.read(_place(folder, quick))
    if page is None:
        click.echo(shown(samples))
    elif said := write_page(page, samples):
        click.echo(said, err=True)


def _place(folder: Path, quick: bool) -> Path:
    return folder / "quick" if quick else folder


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """What is under way, and the time left: live on a terminal, else in lines."""
    import time

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    console = Console(stderr=True, highlight=False)
    text = TextColumn("{task.description}")
    bar = Progress(
        *(MofNCompleteColumn(), BarColumn(20), Left(), text),
        console=console,
        disable=not console.is_terminal,
        speed_estimate_period=3600,
    )
    began, first = time.monotonic(), -1
    with bar:
        task = bar.add_task("")

        def told(what: str, done: int, count: int) -> None:
            nonlocal first
            first = done if first < 0 else first
            bar.update(task, description=what, completed=done, total=count)
            if not console.is_terminal:
                spent = time.monotonic() - began
                left = ""
                if done > first:
                    minutes = spent / (done - first) * (count - done) / 60
                    left = f", {minutes:.0f} min left"
                print(f"{done} of {count}{left}: {what}", file=sys.stderr, flush=True)

        yield told
