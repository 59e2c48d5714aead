"""Open files: as many as the system allows, and the last of them for pods rather than clients.

A client without a file for its pod is of no use, so clients are turned away before the last file is
gone.  A new file has the lowest number that is free: how many are open is seen from it.
"""

import logging
import resource

__all__ = ["Files", "raise_limit"]

_LOG = logging.getLogger(__name__)

_KEPT = 8
"""One file of so many is not for clients."""


def raise_limit() -> None:
    """Let this process open as many files as it may: the soft limit, which is low by tradition for
    programs that use ``select``, becomes the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Files:
    """How many files there are for clients, by the limit of now."""

    def __init__(self) -> None:
        self._limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = self._limit - self._limit // _KEPT
        self._said = False

    def admits(self, number: int) -> bool:
        """Whether a client whose file has *number* can be served.  The first that cannot is
        logged."""
        if number < self._most:
            return True
        if not self._said:
            self._said = True
            _LOG.warning(
                "%d of %d files are open: clients are turned away until there are fewer; "
                "raise the hard limit (ulimit -Hn)",
                number,
                self._limit,
            )
        return False
