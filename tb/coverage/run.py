"""A run: every tour at every width, each in a process; what is done is written down, and not done
again while the sources and the seed are the same.
"""

import hashlib
import json
import random
import signal
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from amaranth.hdl import UnusedElaboratable

from hybridmesh.contract.geometry import Geometry

from . import conditions, cuts, sampling
from .argued import argued
from .build import PLACE, Built, build
from .hardware import covered_groups
from .model import Group, Hits
from .pair import Pair
from .tours import TOURS

__all__ = ["WIDTHS", "Done", "Run", "geometry", "groups"]

WIDTHS = (1, 8, 64)
COUNTED = (8,)
"""Widths at which Verilator counts lines and toggles; building that takes three times as long."""

warnings.simplefilter("ignore", UnusedElaboratable)  # some components are asked for their sizes


def geometry(width: int) -> Geometry:
    """Small tables, that are loaded in little time, and so few flows that they must make room for
    each other."""
    return Geometry(width=width, rows=32, hosts=16, predicates=16, flows=16)


def groups(width: int) -> list[Group]:
    """All that is to be covered at *width*."""
    size = geometry(width)
    rooms = (sampling, conditions, cuts)
    found = covered_groups(size) + [group for room in rooms for group in room.groups(size)]
    return [
        replace(group, argued={**group.argued, **argued(size, group.name.partition("_")[2])})
        for group in found
    ]


class Task(NamedTuple):
    """One tour at one width."""

    width: int
    tour: str
    seed: int
    times: int


@dataclass(frozen=True)
class Done:
    """What has come of a tour.

    Attributes
    ----------
    hits : dict
        As :meth:`Hits.to_json` gives it.
    counts : Path or None
        What Verilator has counted.
    """

    task: Task
    hits: dict[str, list[int]]
    clocks: int
    counts: Path | None


class Run:
    """The tours of *seed*, at *widths*, *times* as long as the short form; lines and toggles are
    counted at the widths *counted*."""

    def __init__(
        self, widths: Sequence[int], seed: int, times: int, counted: Sequence[int] = COUNTED
    ) -> None:
        self.widths, self.counted = widths, counted
        self.tasks = [Task(width, tour, seed, times) for width in widths for tour in TOURS]
        self.built: dict[int, Built] = {}

    def build(self, jobs: int) -> Iterator[int]:
        """Build what is to be run; yields each width before that."""
        for width in self.widths:
            yield width
            self.built[width] = build(geometry(width), counted=width in self.counted, jobs=jobs)

    def done(self, jobs: int) -> Iterator[Done]:
        """Each tour when it is done, by *jobs* processes at a time."""
        due = []
        for task in self.tasks:
            if (kept := _kept(task, self.built[task.width])) is not None:
                yield kept
            else:
                due.append(task)
        with ProcessPoolExecutor(jobs, get_context("spawn"), _ignore_interrupts) as pool:
            futures = [pool.submit(_toured, task, self.built[task.width]) for task in due]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    """An interrupt is the parent's matter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _toured(task: Task, built: Built) -> Done:
    hits = Hits(groups(task.width))
    pair = Pair(geometry(task.width), built, hits)
    TOURS[task.tour](pair, random.Random(f"{task.seed}/{task.width}/{task.tour}"), task.times)
    pair.finish()
    place = _place(task, built)
    counts = place.with_suffix(".dat") if built.counted else None
    if counts is not None:
        pair.nic.save(counts)
    done = Done(task, hits.to_json(), pair.nic.cycles, counts)
    pair.close()
    place.write_text(json.dumps({"hits": done.hits, "clocks": done.clocks, "time": time.time()}))
    return done


def _kept(task: Task, built: Built) -> Done | None:
    """What was written down of *task*, if it was."""
    place = _place(task, built)
    if not place.exists():
        return None
    data = json.loads(place.read_text())
    counts = place.with_suffix(".dat") if built.counted else None
    return Done(task, data["hits"], data["clocks"], counts)


def _place(task: Task, built: Built) -> Path:
    folder = PLACE / f"run-{_digest()}-{built.library.parent.name.rpartition('-')[2]}"
    folder.mkdir(parents=True, exist_ok=True)
    name = task.tour.replace(" ", "-")
    return folder / f"width{task.width}-{name}-seed{task.seed}-x{task.times}.json"


@cache
def _digest() -> str:
    """Hash over all that says what is sent and what is expected; the RTL is in the library's."""
    rooms = [Path(str(files(f"hybridmesh.{room}"))) for room in ("contract", "reference", "nic")]
    rooms += [Path(__file__).parents[1] / name for name in ("coverage", "lib", "referee")]
    digest = hashlib.sha256()
    for path in sorted(
        p for room in rooms for kind in ("*.py", "*.yaml") for p in room.rglob(kind)
    ):
        digest.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
