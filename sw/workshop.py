"""What is compiled where it is used: built once, kept under a name that says what it is made of."""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import HybridMeshError

__all__ = ["Workshop", "user_cache"]


def user_cache() -> Path:
    """The folder of this package among the user's cached files (XDG Base Directory)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hybridmesh"


@dataclass(frozen=True)
class Workshop:
    """Builds one kind of thing.

    Attributes
    ----------
    what : str
        With its article, as within a sentence.
    error : type of HybridMeshError
        What is raised where it cannot be built or kept.
    """

    what: str
    error: type[HybridMeshError]

    def kept(self, target: Path, build: Callable[[Path], Path]) -> Path:
        """The file or folder *target*; if it is not there yet, *build* makes it, in an empty folder
        that it is given.  Whoever wants the same meanwhile waits for it."""
        try:
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.with_suffix(".lock").open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    if not target.exists():
                        with tempfile.TemporaryDirectory(dir=target.parent) as work:
                            os.replace(build(Path(work)), target)
        except OSError as error:
            raise self.error(
                f"{self.what[0].upper()}{self.what[1:]} cannot be kept: {error.strerror}",
                place=str(error.filename or target.parent),
                remedy="set XDG_CACHE_HOME to a directory that can be written",
            ) from None
        return target

    def run(self, *command: str, env: Mapping[str, str] | None = None, remedy: str = "") -> None:
        """Run a tool; of one that fails, the first line about an error is told."""
        done = subprocess.run(
            command, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            lines = (done.stderr + done.stdout).strip().splitlines() or ["no output"]
            said = next((line for line in lines if "rror" in line), lines[-1]).strip()
            tool = Path(command[0]).name
            raise self.error(f"{tool} failed while {self.what} was built: {said}", remedy=remedy)
