"""Programs of others that the lab uses where they are installed, and does without otherwise."""

import os
import shutil
from collections.abc import Iterator
from typing import Literal

__all__ = ["Tool", "find", "missing"]

Tool = Literal["nginx", "curl", "wrk"]

_WITHOUT: dict[Tool, tuple[str, str]] = {
    "nginx": ("nginx-light", "the pods are servers in Python"),
    "curl": ("curl", "no gateway is asked by it"),
    "wrk": ("wrk", "the table has no rows of it"),
}
"""The package of Debian, and what is done without it."""


def find(tool: Tool) -> str | None:
    """Where it is; None: nowhere."""
    # A plain su leaves the folders of root's programs out of the path.
    return shutil.which(tool, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def missing(*tools: Tool) -> Iterator[str]:
    """A line for each that is missing."""
    for tool in tools:
        if find(tool) is None:
            package, instead = _WITHOUT[tool]
            yield f"{tool} is missing, so {instead}; run: apt-get install {package}"
