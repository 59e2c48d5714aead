"""The gateway's cgroup: what looks at sockets is attached to it and to nothing else."""

import os
from contextlib import suppress
from pathlib import Path

from .errors import TunnelError

__all__ = ["Cgroup", "hierarchy"]


def hierarchy() -> Path:
    """Where the cgroup2 hierarchy is mounted.

    Raises
    ------
    TunnelError
        Where it is not, or is out of sight.
    """
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise TunnelError(
        "No cgroup2 hierarchy is mounted",
        remedy="run: mount -t cgroup2 none /sys/fs/cgroup (ip netns exec hides it: use nsenter)",
    )


class Cgroup:
    """A group of processes, made if it is not there yet.

    Attributes
    ----------
    path : Path

    Raises
    ------
    TunnelError
        Where it is the root of the hierarchy, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made = False
        try:
            path.mkdir()
            self._made = True
        except FileExistsError:
            pass
        except OSError as error:
            raise TunnelError(
                f"The cgroup cannot be made ({error.strerror})",
                place=str(path),
                remedy=f"name a folder in a group below {hierarchy()}",
            ) from None
        # All groups of version 2 have the first; all but the root have the second.
        if not (path / "cgroup.controllers").exists() or not (path / "cgroup.type").exists():
            self.close()
            raise TunnelError(
                "This is no cgroup2 group of its own",
                place=str(path),
                remedy=f"name one below {hierarchy()}, not the root: all sockets are in that",
            )

    def open(self) -> int:
        """A file descriptor of it."""
        return os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Remove it, if it was made here and no process is in it."""
        if self._made:
            self._made = False
            with suppress(OSError):
                self.path.rmdir()
