"""The privileged helper: holds a tunnel, and answers who asks it over a Unix socket.

It takes two words, ``status`` and ``unload``, and hands out numbers, never a map: whoever had one
could write verdicts.
"""

import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from ..nic.frames import Connection
from ..nic.keeper import Keeper
from ..nic.runtime import runtime_path
from .errors import TunnelError
from .loader import Tunnel

__all__ = ["Helper", "Status", "ask", "keeps_nic"]

Status = dict[str, str | int | dict[str, int]]

_SOCKET = ".sock"
_PATIENCE = 5.0
_REFRESH = 1.0
_LONGEST = 64 * 1024


def ask(interface: str, word: str) -> Status:
    """Say *word* to the helper of *interface*; returns the tunnel's status.

    Raises
    ------
    TunnelError
        Where there is no helper.
    """
    path = runtime_path(interface, _SOCKET)
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


def keeps_nic(interface: str) -> bool:
    """Whether a helper drives the NIC at *interface*."""
    try:
        return "nic" in ask(interface, "status")
    except TunnelError:
        return False


class Helper:
    """Serves *tunnel*, of *interface*, which stays the caller's.

    Parameters
    ----------
    tunnel : Tunnel
    interface : str
    nic : Keeper or None
        The NIC at the interface's other end, which is told what the gateway tells the tunnel.

    Raises
    ------
    TunnelError
        Where its socket cannot be made, or the interface has another helper.
    """

    def __init__(self, tunnel: Tunnel, interface: str, nic: Keeper | None = None) -> None:
        self._tunnel = tunnel
        self._nic = nic
        self._interface = interface
        self._path = runtime_path(interface, _SOCKET)
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
            self._go_on()
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
            **({"nic": self._nic.counters()} if self._nic is not None else {}),
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

    def _go_on(self) -> None:
        """Until somebody says ``unload``."""
        tunnel, nic = self._tunnel, self._nic
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        if nic is not None:
            poll.register(tunnel.expecting, select.POLLIN)
        due = time.monotonic()
        while True:
            left = max(due - time.monotonic(), 0)
            ready = {descriptor for descriptor, _ in poll.poll(1000 * left)}
            if nic is not None and tunnel.expecting in ready:
                for peer, local, seq in tunnel.expected():
                    nic.expect_head(Connection(peer, local), seq)
            if self._listener.fileno() in ready and self._answered() == "unload":
                return
            if time.monotonic() >= due:
                tunnel.refresh()
                if nic is not None:
                    nic.look_after()
                due = time.monotonic() + _REFRESH

    def _answered(self) -> str:
        """Serve one caller; returns what it has said."""
        caller, _ = self._listener.accept()
        with caller:
            caller.settimeout(_PATIENCE)
            try:
                word = caller.makefile().readline(_LONGEST).strip()
                caller.sendall(json.dumps(self.status()).encode())
            except (OSError, UnicodeDecodeError):
                return ""
        return word


def _leave(*_: object) -> None:
    raise SystemExit(0)
