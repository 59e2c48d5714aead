"""Progress of a run on stderr: a bar on a terminal, else a line now and then; with a rate."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["progress"]

_INTERVAL = 15.0
"""Seconds between two lines."""


@contextmanager
def progress(
    what: str, total: int, done: int, unit: str = "heads"
) -> Iterator[Callable[[int], None]]:
    """Show how much of *total* is done, *done* at first; the callable says how much more is."""
    begun = last = monotonic()
    more = 0
    console = Console(stderr=True)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn(f"{{task.fields[rate]:,.0f}} {unit}/s"), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total, completed=done, rate=0.0)

        def advance(count: int) -> None:
            nonlocal more, last
            more += count
            now = monotonic()
            rate = more / (now - begun)
            bar.update(task, advance=count, rate=rate)
            if bar.disable and now - last > _INTERVAL:
                last = now
                line = f"{what}: {done + more:,} of {total:,} {unit}, {rate:,.0f} a second"
                print(line, file=sys.stderr, flush=True)

        yield advance
