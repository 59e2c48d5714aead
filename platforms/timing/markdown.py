"""Measurements in the pages of the docs: tables, and their place in a page."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from hybridmesh.errors import HybridMeshError

from . import tools

__all__ = ["BEGIN", "END", "fill", "table", "tools_used"]

BEGIN, END = "<!-- timing: begin -->", "<!-- timing: end -->"

Line = TypeVar("Line")


def table(lines: Iterable[Line], columns: Sequence[tuple[str, Callable[[Line], str]]]) -> str:
    """A table of *columns*, each a name and what it tells of a line."""
    cells = [[name for name, _ in columns], ["---"] * len(columns)]
    cells += [[tell(line) for _, tell in columns] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def tools_used() -> str:
    """The tools that placed, with their versions."""
    return f"yosys {tools.version(tools.YOSYS)} and nextpnr {tools.version(tools.NEXTPNR)}"


def fill(page: Path, tables: str) -> None:
    """Put *tables* between the markers of *page*; the rest of it is written by hand."""
    text = page.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise HybridMeshError(
            "The page has no place for the tables",
            place=str(page),
            remedy=f"put the lines {BEGIN} and {END} into it",
        )
    page.write_text(f"{head}{BEGIN}\n\n{tables}\n\n{END}{tail}")
