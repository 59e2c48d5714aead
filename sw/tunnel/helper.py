"""The privileged helper: holds a tunnel, and answers who asks it over a Unix socket.

It takes two words, ``status`` and ``unload``, and hands out numbers, never a map: whoever had one
could write verdicts.
"""

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .errors import TunnelError
from .loader import Tunnel

__all__ = ["Helper", "Status", "ask"]

Status = dict[str, str | int | dict[str, int]]

_PATIENCE = 5.0
_REFRESH = 1.0
_LONGEST = 64 * 1024


def _path(interface: str) -> Path:
    folder = Path(os.environ.get("RUNTIME_DIRECTORY") or "/run/hybridmesh")
    return folder / f"{interface}.sock"


def ask(interface: str, word: str) -> Status:
    """Say *word* to the helper of *interface*; returns the tunnel's status.

    Raises
    ------
    TunnelError
        Where there is no helper.
    """
    path = _path(interface)
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(_PATIENCE)
            asked.connect(str(path))
            asked.sendall(f"{word}\n".encode())
            with asked.makefile() as answer:
                status: Status = json.loads(answer.read(_LONGEST))
                return status
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it does not answer"
        raise TunnelError(
            f"No tunnel can be asked here ({reason})",
            place=str(path),
            remedy=f"run: hybridmesh tunnel load {interface}",
        ) from None


class Helper:
    """Serves *tunnel*, of *interface*, which stays the caller's.

    Raises
    ------
    TunnelError
        Where its socket cannot be made, or the interface has another helper.
    """

    def __init__(self, tunnel: Tunnel, interface: str) -> None:
        self._tunnel = tunnel
        self._interface = interface
        self._path = _path(interface)
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._refuse_another()
            # Nobody answers at it: it is one of a helper that was killed.
            self._path.unlink(missing_ok=True)
            before = os.umask(0o077)
            try:
                self._listener.bind(str(self._path))
            finally:
                os.umask(before)
            self._listener.listen()
            self._listener.settimeout(_REFRESH)
        except OSError as error:
            self._listener.close()
            raise TunnelError(
                f"The helper's socket cannot be made ({error.strerror})",
                place=str(self._path),
                remedy="set RUNTIME_DIRECTORY to a folder that can be written",
            ) from None

    def serve(self, on_start: Callable[[], None]) -> None:
        """Call *on_start*, and answer until somebody says ``unload`` or SIGTERM comes."""
        before = signal.signal(signal.SIGTERM, _leave)
        try:
            on_start()
            while self._answered():
                pass
        finally:
            signal.signal(signal.SIGTERM, before)
            self._listener.close()
            self._path.unlink(missing_ok=True)

    def status(self) -> Status:
        tunnel = self._tunnel
        return {
            "interface": self._interface,
            "cgroup": str(tunnel.cgroup),
            "mode": tunnel.mode,
            "flows": tunnel.flows,
            "waiting": tunnel.waiting,
            "forwarding": tunnel.forwarding,
            "counters": tunnel.counters(),
        }

    def _refuse_another(self) -> None:
        """Raise :exc:`TunnelError` where a helper of the interface answers."""
        with socket.socket(socket.AF_UNIX) as other, suppress(OSError):
            other.connect(str(self._path))
            self._listener.close()
            raise TunnelError(
                "A tunnel is loaded here already",
                place=self._interface,
                remedy=f"run: hybridmesh tunnel unload {self._interface}",
            )

    def _answered(self) -> bool:
        """Serve one caller; False: it wants the tunnel to end."""
        try:
            caller, _ = self._listener.accept()
        except TimeoutError:
            self._tunnel.refresh()
            return True
        with caller:
            caller.settimeout(_PATIENCE)
            try:
                word = caller.makefile().readline(_LONGEST).strip()
                caller.sendall(json.dumps(self.status()).encode())
            except (OSError, UnicodeDecodeError):
                return True
        return word != "unload"


def _leave(*_: object) -> None:
    raise SystemExit(0)
