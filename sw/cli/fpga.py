"""What the commands that build for an FPGA have in common."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ..errors import HybridMeshError

__all__ = ["module", "progress"]


def module(name: str) -> Any:
    """The module *name* of the platforms, which need packages that nothing else does."""
    try:
        return import_module(f"hybridmesh.platforms.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("hybridmesh"):
            raise
        raise HybridMeshError(
            f"The Python package {error.name} is missing, which FPGAs are built for with",
            remedy="run: pip install 'hybridmesh[timing]'",
        ) from None


@contextmanager
def progress(names: Sequence[str]) -> Iterator[Callable[[str], Callable[[str], None]]]:
    """What is under way of *names*, on standard error: live on a terminal, else a line a step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    bar = Progress(
        MofNCompleteColumn(),
        BarColumn(20),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=len(names))
        number = {name: count for count, name in enumerate(names)}

        def told(name: str) -> Callable[[str], None]:
            def step(what: str) -> None:
                if console.is_terminal:
                    bar.update(task, completed=number[name], description=f"{name}: {what}")
                else:
                    print(f"{name}: {what}", file=sys.stderr, flush=True)

            return step

        yield told
