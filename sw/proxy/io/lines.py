"""Where the access log goes: a file of which a full disk, or a reader that is slow or gone, takes
lines and no more than lines."""

import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["LogFile"]

_LOG = logging.getLogger(__name__)

_PIPE = 1 << 20
"""Bytes that wait in a pipe for who reads it: the most that the system gives to everybody."""


class LogFile:
    """Appends lines to a file; the first that cannot be written is said, and none is an error.

    Parameters
    ----------
    number : int
        Of the open file; where it does not block, a line that would have to wait is lost.
    name : str
        What to call it.
    """

    def __init__(self, number: int, name: str) -> None:
        self._number = number
        self._name = name
        self._rest = b""  # of a line that was written in part
        self._said = False

    @classmethod
    @contextmanager
    def opened(cls, target: Path | int, name: str) -> Iterator["LogFile"]:
        """One for *target*, a path, or the number of a file that stays as it is."""
        if isinstance(target, int):
            number = os.dup(target)
        else:
            number = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            number = _impatient(number)
        try:
            yield cls(number, name)
        finally:
            os.close(number)

    def write(self, line: str) -> None:
        try:
            if self._rest:
                self._rest = self._rest[os.write(self._number, self._rest) :]
            if not self._rest:
                data = line.encode()
                self._rest = data[os.write(self._number, data) :]
                return
            reason = "its reader is too slow"
        except BlockingIOError:
            reason = "its reader is too slow"
        except OSError as error:
            reason = os.strerror(error.errno or 0)
        if not self._said:
            self._said = True
            _LOG.warning("%s: lines are lost (%s)", self._name, reason)


def _impatient(pipe: int) -> int:
    """*pipe*, in which nobody waits for its reader.

    It is opened anew, as others may have it, too, and mean to wait.  Where that is not allowed, as
    for one that belongs to another user, it is as it was.
    """
    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
    try:
        number = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return pipe
    os.close(pipe)
    return number
