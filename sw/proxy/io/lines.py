"""Where the access log goes: a file of which a full disk, or a reader that is gone, takes lines and
no more than lines."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

__all__ = ["LogFile"]

_LOG = logging.getLogger(__name__)


class LogFile:
    """Appends lines to *file*; the first that cannot be written is said, and none is an error.

    Parameters
    ----------
    name : str
        What to call it.
    """

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self._name = name
        self._said = False

    @classmethod
    @contextmanager
    def opened(cls, target: Path | int, name: str) -> Iterator["LogFile"]:
        """One for *target*, a path, or the number of a file that stays open."""
        file = open(target, "a", buffering=1, closefd=not isinstance(target, int))  # noqa: SIM115
        try:
            yield cls(file, name)
        finally:
            with suppress(OSError):  # what could not be written has been said
                file.close()

    def write(self, line: str) -> None:
        try:
            self._file.write(line)
        except OSError as error:
            if not self._said:
                self._said = True
                _LOG.warning("%s: lines are lost (%s)", self._name, error.strerror)
