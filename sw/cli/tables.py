"""Tables on the terminal, in one look."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["console", "table"]

_WIDTH_OF_FILES = 160


def console() -> Console:
    """Standard output; into a file or a pipe, lines may be long."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDTH_OF_FILES)


def table(*columns: str, right: frozenset[str] = frozenset()) -> Table:
    """An empty table; columns named in *right* hold numbers."""
    empty = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        empty.add_column(column, justify="right" if column in right else "left")
    return empty
