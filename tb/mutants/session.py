"""A run: mutants of many sources, in as many processes as there are jobs."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event

from .depends import Dependencies
from .mutant import Mutant
from .results import Results
from .suites import Suites
from .trial import Result, Trials
from .workshop import Workshop

__all__ = ["Tried", "run"]


@dataclass(frozen=True)
class Tried:
    """A mutant and what became of it, *now* or in a run before."""

    mutant: Mutant
    result: Result
    now: bool


def run(
    chosen: Sequence[Sequence[Mutant]], place: Path, suites: Suites, jobs: int
) -> Iterator[Tried]:
    """Try the mutants that are *chosen*, source by source, as they are done."""
    done: SimpleQueue[Tried | None] = SimpleQueue()
    stopped = Event()
    due = []
    for mutants in chosen:
        results = Results(mutants[0].path, place, suites)
        known = [(mutant, results.get(mutant)) for mutant in mutants]
        yield from (Tried(mutant, result, False) for mutant, result in known if result)
        if left := [mutant for mutant, result in known if not result]:
            due.append((left, results))

    def work(number: int) -> None:
        try:
            with Workshop(place / f"shop{number}") as workshop:
                copied = Suites(workshop.tree, Dependencies(workshop.tree))
                while due and not stopped.is_set():
                    mutants, results = due.pop(0)
                    trials = Trials(mutants[0].path, workshop, place, copied)
                    for mutant in mutants:
                        if stopped.is_set():
                            return
                        result = trials.try_(mutant)
                        results.keep(mutant, result)
                        done.put(Tried(mutant, result, True))
        finally:
            done.put(None)

    jobs = min(jobs, len(due))
    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        working = [pool.submit(work, number) for number in range(jobs)]
        try:
            for _ in range(jobs):
                yield from iter(done.get, None)
        finally:
            stopped.set()
        for future in as_completed(working):
            future.result()
