"""The play: every scene of the script in front of the gateway, then the judge's table."""

import json
import re
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from .client import Answer, ask_all
from .judge import Entry, Verdicts, judge
from .script import SCRIPT, Outcome
from .stage import Stage

__all__ = ["play"]

_LOG_PATIENCE = 5.0
_NUMBER = re.compile(r"[?&]n=([0-9]+)$")


def play(stage: Stage, console: Console, *, has_nic: bool) -> bool:
    """Play the whole script on *stage*; True if every answer is as expected."""
    answers = _answers(stage, console)
    log = _entries(stage.access_log, sum(map(len, answers)))
    verdicts = [
        judge(scene, came, log, has_nic=has_nic)
        for scene, came in zip(SCRIPT, answers, strict=True)
    ]
    console.print(_table(verdicts))
    for scene, given in zip(SCRIPT, verdicts, strict=True):
        if scene.remark and not given.wrong:
            console.print(given.remark(scene))
    wrong = [line for given in verdicts for line in given.wrong]
    for line in wrong:
        console.print(f"WRONG: {line}", style="red", markup=False)
    if not wrong:
        alone = sum(entry["verdict"]["state"] == "decided" for entry in log.values())
        if has_nic:
            console.print(f"The NIC decided {alone} of {len(log)} requests, the CPU the others.")
        console.print(f"All {len(log)} answers as expected.", style="bold green")
    return not wrong


def _answers(stage: Stage, console: Console) -> list[list[Answer]]:
    numbers = count(1)
    columns = (TextColumn("{task.description:36}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=sum(len(scene.asks) for scene in SCRIPT))
        answers = []
        for scene in SCRIPT:
            progress.update(task, description=scene.name)
            asks = [(next(numbers), ask) for ask in scene.asks]
            address = stage.host, stage.port
            answers.append(ask_all(address, asks, scene.clients, lambda: progress.advance(task)))
    return answers


def _entries(access_log: Path, expected: int) -> dict[int, Entry]:
    """The lines of *access_log* by the number in the path, once *expected* are there.

    A line is written when its request is over, which may be just after the client has its answer.
    """
    end = time.monotonic() + _LOG_PATIENCE
    while True:
        lines = access_log.read_text().splitlines()
        if len(lines) >= expected or time.monotonic() > end:
            break
        time.sleep(0.02)
    entries = {}
    for entry in map(json.loads, lines):
        if number := _NUMBER.search(entry["path"] or ""):
            entries[int(number[1])] = entry
    return entries


def _table(verdicts: Sequence[Verdicts]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("request", "verdict", "cycles", "route", "endpoint"):
        table.add_column(column)
    for column in ("status", "attempts", "answers"):
        table.add_column(column, justify="right")
    for scene, given in zip(SCRIPT, verdicts, strict=True):
        name = scene.name
        for outcome, entries in zip(scene.outcomes, given.entries, strict=True):
            table.add_row(name, *_row(outcome, entries))
            name = ""
    return table


def _row(outcome: Outcome, entries: Sequence[Entry]) -> tuple[str, ...]:
    cycles = sorted({entry["verdict"]["cycles"] or 0 for entry in entries})
    span = "-".join(map(str, dict.fromkeys((cycles[0], cycles[-1])))) if any(cycles) else "-"
    states = sorted({entry["verdict"]["state"] for entry in entries})
    flags = "" if outcome.flags == "-" else f" {outcome.flags}"
    return (
        ", ".join(states) or "-",
        span,
        outcome.route or "-",
        ", ".join(outcome.pods) or "-",
        f"{outcome.status}{flags}",
        str(outcome.attempts),
        str(len(entries)),
    )
