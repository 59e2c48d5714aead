"""What becomes of a mutant: tests by stages, and in between, whether its hardware is another."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridmesh.errors import HybridMeshError

from .mutant import Mutant
from .netlists import NICS
from .suites import STOPWATCHES, Stages, Suites
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
        self._lines: list[int] | None = None

    def try_(self, mutant: Mutant) -> Result:
        compile(mutant.text, mutant.path, "exec")  # a fault of the operator, not of the tests
        nearest, *near = self._stages.near
        if result := self._killed(mutant, nearest):
            return result
        if self._is_same_hardware(mutant):  # soon seen, where they are not
            return self._result(IDENTICAL, "its netlists")
        for stage in near:
            if result := self._killed(mutant, stage):
                return result
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
        more = {"seconds": seconds, "first": self._killers, "left_out": STOPWATCHES}
        return self._workshop.do("tests", self._path, text, tests=tests, **more)

    def _time(self, tests: tuple[str, ...]) -> None:
        """Learn how long the tests take without a fault; they must pass."""
        for test in tests:
            digest = self._suites.digest((test,))
            known = self._kept("times", test)
            if known.get("digest") != digest:
                said = self._run(None, [test])
                if said["outcome"] != "passed":
                    raise HybridMeshError(
                        f"{said['by']} fails without a fault", remedy="run the tests first"
                    )
                known = {"digest": digest, "seconds": said["seconds"]}
                self._keep("times", test, known)
            self._seconds |= known["seconds"]

    # -------------------------------------------------------------- netlists
    def _is_same_hardware(self, mutant: Mutant) -> bool:
        """Whether all netlists are the same, though what is changed was run to make them."""
        names = self._suites.hardware(self._path)
        if not names or mutant.is_check:
            return False
        if self._lines is None:
            traced = [name for name in names if name not in NICS] or names[:1]
            self._lines = self._elaborate(None, traced, self._path)["lines"]
        return mutant.line in self._lines and all(
            self._elaborate(mutant.text, [name]).get("hashes") == self._without_fault(name)
            for name in names
        )

    def _without_fault(self, name: str) -> dict[str, str]:
        """The hash of the netlist *name* of the sources as they are."""
        digest = self._suites.digest((name,))
        known = self._kept("netlists", name)
        if known.get("digest") != digest:
            known = {"digest": digest, "hashes": self._elaborate(None, [name])["hashes"]}
            self._keep("netlists", name, known)
        return known["hashes"]

    def _elaborate(
        self, text: str | None, names: Sequence[str], traced: str | None = None
    ) -> dict[str, Any]:
        said = self._workshop.do("netlists", self._path, text, names=names, traced=traced)
        if text is None and "hashes" not in said:
            raise HybridMeshError(f"no netlist of {', '.join(names)}: {said['by']}")
        return said

    def _kept(self, kind: str, name: str) -> dict[str, Any]:
        path = self._file(kind, name)
        return json.loads(path.read_text()) if path.exists() else {}

    def _keep(self, kind: str, name: str, what: dict[str, Any]) -> None:
        path = self._file(kind, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(what))

    def _file(self, kind: str, name: str) -> Path:
        return self._place / kind / f"{name.replace('/', '.')}.json"

    def _result(self, outcome: str, by: str) -> Result:
        return Result(outcome, by, self._suites.evidence(self._path, by))
