"""Copies of the checkout in which mutants are made, each with a process that runs tests there.

The checkout itself is never written to.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO

from hybridmesh.errors import HybridMeshError

__all__ = ["Workshop", "root"]

root = Path(__file__).resolve().parents[2]
"""The checkout."""

_LEFT_OUT = ("build", ".git", ".venv", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis")


class Workshop:
    """A copy of the checkout at *place*, and a process in it.

    Its packages are found there before those that are installed.

    Attributes
    ----------
    tree : Path
        The copy.
    """

    def __init__(self, place: Path) -> None:
        self._place = place.resolve()
        self.tree = self._place / "tree"
        self._lock = self._locked()
        self._builds = self.tree / "build"
        for old in self.tree.iterdir() if self.tree.exists() else ():
            if old.is_symlink() or not old.is_dir():
                old.unlink()
            elif old != self._builds:
                shutil.rmtree(old)
        ignore = shutil.ignore_patterns(*_LEFT_OUT)
        shutil.copytree(root, self.tree, ignore=ignore, dirs_exist_ok=True)
        for name, package in (("sw/rtl", "../rtl"), ("sw/platforms", "../platforms")):
            self._link(name, package)
        self._link("hybridmesh", "sw")
        for build in (root / "build" / "tb").glob("*-*"):  # simulations without a fault
            self._link(f"build/tb/{build.name}", str(build))

    def __enter__(self) -> "Workshop":
        environment = os.environ | {
            "PYTHONPATH": str(self.tree),
            "PYTHONPYCACHEPREFIX": str(self._place / "compiled"),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self._place / "hypothesis"),
        }
        for left_over in ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"):
            environment.pop(left_over, None)
        # Not in our group: an interrupt is ours alone.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "tb/mutants/worker.py"],
            cwd=self.tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=[self._lock.fileno()],  # as long as the process is there, whatever we do
        )
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Let the process end, and what it has started."""
        self._process.terminate()
        self._process.communicate()
        self._lock.close()

    def do(self, what: str, path: str, text: str | None, **more: Any) -> dict[str, Any]:
        """What the process says of a task, with *text* as the source *path* where there is one."""
        before = self._built()
        task = {"do": what, "path": path, "text": text, "log": str(self._place / "log"), **more}
        print(json.dumps(task), file=self._process.stdin, flush=True)
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        if text is not None:
            for build in self._built() - before:  # nobody will build this mutant again
                shutil.rmtree(build, ignore_errors=True)
        return reply

    def _locked(self) -> TextIO:
        """A file that nobody else has locked; two runs would mix their faults."""
        self._place.mkdir(parents=True, exist_ok=True)
        lock = (self._place / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HybridMeshError(
                "another run is at work", place=str(self._place), remedy="wait until it has ended"
            ) from None
        return lock

    def _built(self) -> set[Path]:
        return {build for build in self._builds.glob("tb/*-*") if build.name[:7] != "runtime"}

    def _link(self, name: str, target: str) -> None:
        link = self.tree / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(target)
