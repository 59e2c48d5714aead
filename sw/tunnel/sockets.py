"""SocketLink: verdicts from the kernel's programs, asked for on the connection's own socket.

This is the unprivileged side of the tunnel: it holds no map and needs no capability.  One system
call a head; where no tunnel is loaded, one a connection.
"""

import logging
from contextlib import suppress
from socket import socket
from typing import Any

from ..contract.tunnel import SOCKET_LEVEL
from ..contract.verdict import SHIM, Verdict

__all__ = ["SocketLink", "SocketStream"]

_SIZE = SHIM.size

_log = logging.getLogger(__name__)


class SocketLink:
    """A verdict source over connections that were accepted in the tunnel's cgroup.

    Attributes
    ----------
    failures : int
        Connections that no program answers on. The first of them is logged.
    """

    def __init__(self) -> None:
        self.failures = 0

    def open(self, peer: tuple[Any, ...], local: tuple[Any, ...], sock: socket) -> "SocketStream":
        """The stream of the connection of *sock*, or of what looks like one, as uvloop's do."""
        return SocketStream(self, _Borrowed(sock.family, sock.type, sock.proto, sock.fileno()))

    def failed(self, error: OSError) -> None:
        """No program answers on a connection."""
        if not self.failures:
            _log.warning(
                "no tunnel answers on this connection (%s); the CPU matches what comes without a "
                "verdict; load the tunnel before the gateway, and start the gateway in its cgroup",
                error.strerror,
            )
        self.failures += 1


class SocketStream:
    """What one client sends, and the verdicts that the kernel keeps for its socket."""

    __slots__ = ("_at", "_kept", "_link", "_socket")

    def __init__(self, link: SocketLink, sock: socket) -> None:
        self._link = link
        self._socket: socket | None = sock
        self._at = -1
        self._kept: Verdict | None = None

    def received(self, data: bytes) -> bytes:
        return data

    def verdict(self, offset: int) -> Verdict | None:
        """The verdict of the head that starts at *offset* of the stream, None if there is none.

        The kernel gives each once, so the last is kept: its head may not have been read whole.
        """
        if self._socket is None:
            return None
        try:
            answer = self._socket.getsockopt(SOCKET_LEVEL, _name(offset), _SIZE)
        except OSError as error:
            self._link.failed(error)
            self._socket = None
            return None
        if len(answer) == _SIZE:
            self._at, self._kept = offset, SHIM.unpack(answer)
        return self._kept if self._at == offset else None

    def head_at(self, offset: int) -> None:
        """Let whoever drives the NIC know that a head begins at *offset* of the stream."""
        if self._socket is not None:
            with suppress(OSError):  # it is said when a verdict is asked for
                self._socket.setsockopt(SOCKET_LEVEL, _name(offset), 0)

    def close(self) -> None:
        self._socket = None


def _name(offset: int) -> int:
    """The option for *offset*: a signed number of 32 bits."""
    return (offset + 0x80000000 & 0xFFFFFFFF) - 0x80000000


class _Borrowed(socket):
    """A socket over a descriptor that is another's, and is not closed here.

    An event loop's own stand-in for a socket makes a new one for each call.
    """

    __slots__ = ()

    def __del__(self) -> None:
        self.detach()
