"""What is asked of a gateway that is compared."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Protocol

from ..site import Site
from ..workload import Workload

__all__ = ["LOG", "Launch", "Peer", "find", "first_line"]

LOG = "/dev/null"
"""Where access logs go: each gateway makes its lines and writes them, no disk is measured."""


@dataclass(frozen=True)
class Launch:
    """How it is started; what is said of its configuration by *check*, where it has a checker,
    comes with exit code 0 if all is well."""

    command: tuple[str, ...]
    check: tuple[str, ...] = ()


class Peer(Protocol):
    """A gateway, or a way to run one.

    Attributes
    ----------
    name : str
        Short, for samples.
    title : str
        For people.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def missing(self) -> str:
        """What is missing, and the remedy, in a line; empty: nothing."""
        ...

    def refuses(self, workload: Workload) -> str:
        """Why it is not measured with *workload*; empty: it is."""
        ...

    def version(self) -> str: ...

    def launch(self, workload: Workload, site: Site) -> Launch:
        """Write its configuration into the folder of *site*."""
        ...


def find(program: str) -> str | None:
    """Where *program* is; None: nowhere."""
    # A plain su leaves the folders of root's programs out of the path.
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def first_line(*command: str) -> str:
    """That which *command* prints; where it does not matter whether it is an error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]
