"""Network namespaces without a name: what is in them ends with the process, however that ends."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from ..errors import HybridMeshError

__all__ = ["LabError", "Namespace"]

_NEWNET = 0x40000000  # CLONE_NEWNET
_HERE = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


class LabError(HybridMeshError):
    """The lab cannot be set up."""


class Namespace:
    """A network namespace with its loopback up.

    Raises
    ------
    LabError
        Where none may be made.
    """

    def __init__(self) -> None:
        self._descriptor = -1
        self._code = 0
        # A namespace is a thread's: this thread has no other use.
        maker = Thread(target=self._make)
        maker.start()
        maker.join()
        if self._descriptor < 0:
            raise LabError(
                f"A network namespace cannot be made ({os.strerror(self._code)})",
                remedy="run this as root",
            )
        self.run("ip", "link", "set", "dev", "lo", "up")

    @property
    def path(self) -> str:
        """Where other processes find it, as long as it is open."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The calling thread is in it until the block ends; its sockets stay there."""
        outside = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(self._descriptor)
            try:
                yield
            finally:
                _enter(outside)
        finally:
            os.close(outside)

    def run(self, *command: str) -> str:
        """Run *command* in it and return what it prints; raises :exc:`LabError`."""
        with self.inside():
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except FileNotFoundError:
                raise LabError(
                    f"The command {command[0]} is missing", remedy="run: apt-get install iproute2"
                ) from None
        if done.returncode:
            raise LabError(f"{' '.join(command)} failed: {done.stderr.strip()}")
        return done.stdout

    def close(self) -> None:
        """Let go of it: it ends with its last socket."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _make(self) -> None:
        if _libc.unshare(_NEWNET):
            self._code = ctypes.get_errno()
        else:
            self._descriptor = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
