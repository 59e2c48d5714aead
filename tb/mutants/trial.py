"""What becomes of a mutant: tests by stages, and in between, whether its hardware is another."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridmesh.errors import HybridMeshError

from .mutant import Mutant
from .suites import Stages, Suites
from .workshop import Workshop

__all__ = ["IDENTICAL", "KILLED", "SURVIVED", "TIMEOUT", "Result", "Trials"]

KILLED, TIMEOUT, SURVIVED, IDENTICAL = "killed", "timeout", "survived", "identical"
"""A test fails; a test does not end; neither; all netlists are what they are without the fault."""


@dataclass(frozen=True)
class Result:
    """Of a mutant: the *outcome*, the test that it is due to, and what it depends on."""

    outcome: str
    by: str
    depends: str


class Trials:
    """Mutants of one source, tried one after the other in *workshop*."""

    def __init__(self, path: str, workshop: Workshop, place: Path, suites: Suites) -> None:
        self._path = path
        self._workshop = workshop
        self._place = place
        self._suites = suites
        self._stages: Stages = suites.stages(path)
        self._seconds: dict[str, float] = {}
        self._killers: list[str] = []
        self._netlists: dict[str, Any] | None = None

    def try_(self, mutant: Mutant) -> Result:
        compile(mutant.text, mutant.path, "exec")  # a fault of the operator, not of the tests
        for stage in self._stages.near:
            if result := self._killed(mutant, stage):
                return result
        if self._is_same_hardware(mutant):
            return self._result(IDENTICAL, "its netlists")
        for case in self._stages.wide:
            if result := self._killed(mutant, (case,)):
                return result
        return self._result(SURVIVED, "")

    # -------------------------------------------------------------- tests
    def _killed(self, mutant: Mutant, tests: tuple[str, ...]) -> Result | None:
        self._time(tests)
        said = self._run(mutant.text, tests)
        if said["outcome"] == "passed":
            return None
        by = said["by"]
        if by in self._killers:
            self._killers.remove(by)
        self._killers.insert(0, by)
        return self._result(said["outcome"], by)

    def _run(self, text: str | None, tests: Sequence[str]) -> dict[str, Any]:
        seconds = {} if text is None else self._seconds
        return self._workshop.do(
            "tests", self._path, text, tests=tests, seconds=seconds, first=self._killers
        )

    def _time(self, tests: tuple[str, ...]) -> None:
        """Learn how long the tests take without a fault; they must pass."""
        for test in tests:
            digest = self._suites.digest((test,))
            kept = self._place / "times" / f"{test.replace('/', '.')}.json"
            known = json.loads(kept.read_text()) if kept.exists() else {}
            if known.get("digest") != digest:
                said = self._run(None, [test])
                if said["outcome"] != "passed":
                    raise HybridMeshError(
                        f"{said['by']} fails without a fault", remedy="run the tests first"
                    )
                known = {"digest": digest, "seconds": said["seconds"]}
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(known))
            self._seconds |= known["seconds"]

    # -------------------------------------------------------------- netlists
    def _is_same_hardware(self, mutant: Mutant) -> bool:
        """Whether all netlists are the same, though what is changed was run to make them."""
        benches = self._suites.hardware(self._path)
        if not benches or mutant.is_check:
            return False
        if self._netlists is None:
            self._netlists = self._elaborate(None, benches, None)
        if "hashes" not in self._netlists:
            raise HybridMeshError(f"no netlist of {self._path}: {self._netlists.get('by')}")
        if mutant.line not in self._netlists["lines"]:
            return False
        known = self._netlists["hashes"]
        return self._elaborate(mutant.text, benches, known).get("hashes") == known

    def _elaborate(
        self, text: str | None, benches: Sequence[str], known: dict[str, str] | None
    ) -> dict[str, Any]:
        traced = self._path if text is None else None
        return self._workshop.do(
            "netlists", self._path, text, benches=benches, traced=traced, known=known
        )

    def _result(self, outcome: str, by: str) -> Result:
        return Result(outcome, by, self._suites.evidence(self._path, by))
