"""A run in shards: each is some heads in a row, judged in one process and written down when done.

What is written down is of these heads and sources alone, so that a run which was broken off goes on
where it was, and one after a change begins anew.
"""

import hashlib
import json
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import suppress
from functools import cache
from importlib import metadata
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

from .heads import make
from .subjects import SUBJECTS, Subject
from .tally import Tally

__all__ = ["PLACE", "SHARD", "State", "run"]

SHARD = 1000
"""Heads of a shard."""

_BATCH = 100
"""Heads that are put to a subject at once."""

_ROOT = Path(__file__).resolve().parents[2]
PLACE = _ROOT / "build" / "fuzz"
"""Where runs are kept."""

_Shard = tuple[int, int]
"""Its first head, and the first behind it."""


class State:
    """What there is of a run over the first *heads* heads of *seed*, in a file at *place* that has
    a line for each shard."""

    def __init__(self, subject: str, seed: int, heads: int, place: Path) -> None:
        self._path = place / f"referee-{subject}-{seed}-{_digest(subject)}.jsonl"
        self._shards = [(n, min(n + SHARD, heads)) for n in range(0, heads, SHARD)]
        self._tallies: dict[_Shard, Tally] = {}
        with suppress(FileNotFoundError):
            for line in self._path.read_text().splitlines():
                with suppress(json.JSONDecodeError):  # one that was being written
                    data = json.loads(line)
                    self._tallies[data["first"], data["end"]] = Tally.from_json(data)

    def done(self) -> Tally:
        """Of all shards that are done."""
        total = Tally()
        for shard in self._shards:
            if shard in self._tallies:
                total.merge(self._tallies[shard])
        return total

    def due(self) -> list[_Shard]:
        return [shard for shard in self._shards if shard not in self._tallies]

    def keep(self, shard: _Shard, tally: Tally) -> None:
        self._tallies[shard] = tally
        self._path.parent.mkdir(parents=True, exist_ok=True)
        first, end = shard
        with self._path.open("a") as file:
            file.write(json.dumps({"first": first, "end": end} | tally.to_json()) + "\n")


def run(subject: str, seed: int, state: State, jobs: int) -> Iterator[int]:
    """Judge what is due in *jobs* processes; yields the heads of each shard when it is kept."""
    for shard, tally in _judged(subject, seed, state.due(), jobs):
        state.keep(shard, tally)
        yield tally.heads


def _judged(
    subject: str, seed: int, shards: list[_Shard], jobs: int
) -> Iterator[tuple[_Shard, Tally]]:
    if jobs == 1:
        yield from ((shard, _judge(subject, seed, shard)) for shard in shards)
        return
    # Not by fork: a thread may be drawing the progress.
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_ignore_interrupts) as pool:
        futures: dict[Future[Tally], _Shard] = {
            pool.submit(_judge, subject, seed, shard): shard for shard in shards
        }
        try:
            yield from ((futures[future], future.result()) for future in as_completed(futures))
        finally:
            pool.shutdown(cancel_futures=True)


def _judge(subject: str, seed: int, shard: _Shard) -> Tally:
    tally = Tally()
    first, end = shard
    for start in range(first, end, _BATCH):
        cases = [make(seed, number) for number in range(start, min(start + _BATCH, end))]
        tally.add(cases, _opened(subject).judge(cases))
    return tally


@cache
def _opened(subject: str) -> Subject:
    return SUBJECTS[subject].open()


def _ignore_interrupts() -> None:
    """An interrupt is the parent's matter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_KINDS = ("*.py", "*.cpp")


@cache
def _digest(subject: str) -> str:
    """Hash over all that says what heads there are and what becomes of them."""
    rooms = [Path(str(files(f"hybridmesh.{room}"))) for room in SUBJECTS[subject].rooms]
    return _hash([Path(__file__).parent, *rooms], metadata.version("httptools"))


def _hash(places: Sequence[Path], version: str) -> str:
    digest = hashlib.sha256(version.encode())
    for path in sorted(p for place in places for kind in _KINDS for p in place.rglob(kind)):
        digest.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
