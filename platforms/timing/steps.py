"""Steps of the tools, each done once: its product stays in a folder named after what it is made of.

A run that was interrupted goes on where it was, and a design that has not changed costs nothing.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from . import tools

__all__ = ["Steps"]


class Steps:
    """Steps from a *design* to what is made of it.

    Parameters
    ----------
    parent : Path
    design : Mapping
        Texts that all follows from, by the names of their files.
    report : callable
        Told of each step that is done.

    Attributes
    ----------
    folder : Path
        Below *parent*; where the files are, and the products.
    """

    def __init__(self, parent: Path, design: dict[str, str], report: Callable[[str], None]) -> None:
        digest = hashlib.sha256("".join(design.values()).encode()).hexdigest()[:12]
        self.folder = parent / digest
        self._report = report
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in design.items():
            (self.folder / name).write_text(text)

    def make(
        self, product: str, step: str, tool: str, arguments: Callable[[str], list[str]]
    ) -> Path:
        """The file *product*, made by *tool* under another name until it is whole."""
        path = self.folder / product
        if not path.exists():
            self._report(step)
            partial = f"partial-{product}"
            tools.run(tool, arguments(partial), self.folder, f"{path.stem}.log")
            (self.folder / partial).rename(path)
        return path
