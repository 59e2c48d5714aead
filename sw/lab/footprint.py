"""What of a lab has a name, three cgroups and a folder, and how it goes away however the lab ends.

A lab holds a lock on its first cgroup as long as it lives.  So whoever finds the cgroup knows
whether its lab still runs, and that the process of this number is it: numbers of processes are used
again, and the kernel tells who has a lock.
"""

import fcntl
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..tunnel.cgroup import Cgroup, hierarchy
from .namespace import LabError

__all__ = ["Footprint", "take_down"]

_NAME = "hybridmesh-lab-"
_GROUP = re.compile(rf"{_NAME}(\d+)(-near|-far)?")
_PATIENCE = 10.0

_GUARD = """read x
for group; do echo 1 > $group/cgroup.kill; done
rm -rf -- "$0"
for group; do
    for i in 1 2 3 4 5 6 7 8 9; do [ ! -d $group ] || rmdir $group || sleep 0.1; done
done"""
"""Waits for the end of its input; then it kills all that is in the groups, and removes all."""


class Footprint:
    """Of the lab that is this process; a guard removes it when the process has ended, too.

    Attributes
    ----------
    host, near, far : Path
        Cgroups of the gateways, of the pods that the tunnel knows, and of the others.  What is in
        them when the lab ends is killed.
    folder : Path

    Raises
    ------
    TunnelError
        Where there can be no cgroups; nothing stays.
    """

    def __init__(self) -> None:
        self.near, self.far, self.host = groups = _groups(os.getpid())
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_NAME}{os.getpid()}-"))
        self._lock = -1
        # Before there is a group: it is out of reach of what ends the lab's own process group.
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, *map(str, (self.folder, *groups))],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._lock = Cgroup(self.host).open()
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            Cgroup(self.near)
            Cgroup(self.far)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._guard.communicate()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def take_down() -> Iterator[str]:
    """End all labs, and remove what is left of those that were killed; says what it has done.

    Raises
    ------
    LabError
        Where one cannot be ended, or does not end.
    """
    found = (_GROUP.fullmatch(path.name) for path in hierarchy().iterdir())
    for number in sorted({int(match[1]) for match in found if match}):
        try:
            process = _process(number)
            if process is not None:
                _end(number, process)
            _sweep(number)
        except PermissionError:
            raise LabError(f"Lab {number} is another user's", remedy="run this as root") from None
        if process is None:
            yield f"lab {number} had been killed; what it left is removed"
        else:
            yield f"lab {number} is down"


def _groups(number: int) -> tuple[Path, Path, Path]:
    """The host's is removed last: it has the lock."""
    host = hierarchy() / f"{_NAME}{number}"
    return Path(f"{host}-near"), Path(f"{host}-far"), host


def _process(number: int) -> int | None:
    """A file descriptor of the lab's process; None: it has ended."""
    *_, host = _groups(number)
    process = None
    with suppress(ProcessLookupError):
        process = os.pidfd_open(number)
    # Asked after the process was opened: so the one that has the lock is the one that is open.
    if process is not None and _holder(host) == number:
        return process
    if process is not None:
        os.close(process)
    try:
        group = os.open(host, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(group, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LabError(
            f"Lab {number} runs, but its process cannot be seen from here",
            place=str(host),
            remedy="it is in a container, or another namespace: take it down there",
        ) from None
    finally:
        os.close(group)
    return None


def _holder(path: Path) -> int | None:
    """The process that has the lock on *path* for itself."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in Path("/proc/locks").read_text().splitlines():
        _, kind, _, access, process, file, *_ = line.split()
        if (kind, access, file) == ("FLOCK", "WRITE", device):
            return int(process)
    return None


def _end(number: int, process: int) -> None:
    try:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGTERM)
        poll = select.poll()
        poll.register(process, select.POLLIN)
        if not poll.poll(_PATIENCE * 1000):
            raise LabError(f"Lab {number} does not end", remedy=f"run: kill -9 {number}")
    finally:
        os.close(process)


def _sweep(number: int) -> None:
    """What the guard does, which may be at it, or may have been killed as well."""
    groups = _groups(number)
    for group in groups:
        with suppress(FileNotFoundError):
            (group / "cgroup.kill").write_text("1")
    for folder in Path(tempfile.gettempdir()).glob(f"{_NAME}{number}-*"):
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)
    end = time.monotonic() + _PATIENCE
    while remaining := [group for group in groups if not _removed(group)]:
        if time.monotonic() > end:
            raise LabError(
                f"Of lab {number} processes are left that do not end",
                place=str(remaining[0] / "cgroup.procs"),
            )
        time.sleep(0.02)


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # a process is still ending in it
        return False
    return True
