"""What has become of mutants, kept under ``build``: they are tried again after a change only."""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from .mutant import Mutant
from .suites import Suites
from .trial import Result

__all__ = ["Results"]


class Results:
    """Of the mutants of the source *path*, in a file below *place* that has a line for each."""

    def __init__(self, path: str, place: Path, suites: Suites) -> None:
        self._file = place / "results" / f"{path.replace('/', '.')}.jsonl"
        self._known: dict[str, Result] = {}
        for line in self._file.read_text().splitlines() if self._file.exists() else ():
            # One that was being written; a test that is no more.
            with suppress(json.JSONDecodeError, FileNotFoundError):
                data = json.loads(line)
                key, result = data.pop("key"), Result(**data)
                if suites.evidence(path, result.by) == result.depends:
                    self._known[key] = result

    def get(self, mutant: Mutant) -> Result | None:
        return self._known.get(mutant.key)

    def keep(self, mutant: Mutant, result: Result) -> None:
        self._known[mutant.key] = result
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            file.write(json.dumps({"key": mutant.key} | asdict(result)) + "\n")
