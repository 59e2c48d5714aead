"""Mutants that are argued to be equivalent: ``equivalent.toml`` says which, and why.

Each is named by the line that it changes and what it makes of it, so that lines may move.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path

from hybridmesh.errors import HybridMeshError

from .mutant import Mutant

__all__ = ["ARGUED", "Argued"]

ARGUED = Path(__file__).with_name("equivalent.toml")
"""The list of the house."""

_Key = tuple[str, str, str]
"""Source, line, and what becomes of the line."""


class Argued:
    """The entries of a list."""

    def __init__(self, path: Path) -> None:
        self._path = path
        entries = tomllib.loads(path.read_text()).get("equivalent", [])
        try:
            self._why: dict[_Key, str] = {_key(entry): entry["why"] for entry in entries}
        except KeyError as error:
            raise HybridMeshError(f"an entry has no {error}", place=str(path)) from None

    def why(self, mutant: Mutant) -> str | None:
        """Why nobody can notice *mutant*, if that is argued."""
        return self._why.get((mutant.path, *mutant.lines))

    def check(self, mutants: Iterable[Mutant]) -> None:
        """Make sure that there is a mutant, of all there are, for every entry."""
        stale = set(self._why) - {(mutant.path, *mutant.lines) for mutant in mutants}
        if stale:
            source, line, becomes = min(stale)
            raise HybridMeshError(
                f"no mutant of {source} makes {becomes!r} of {line!r}",
                place=str(self._path),
                remedy="take the entry out, or name the line as it is now",
            )

    def sources(self) -> set[str]:
        """The sources with entries."""
        return {source for source, _, _ in self._why}


def _key(entry: dict[str, str]) -> _Key:
    return entry["file"], *(" ".join(entry[name].split()) for name in ("line", "becomes"))
