"""Where verdicts come from: one stream per client connection.

The gateway hands every byte that it receives to the stream and uses what comes back, so that a
source may send the bytes through a NIC on the way (the rootless link), or leave them alone because
they came through one (the kernel's tunnel).
"""

from socket import socket
from typing import Protocol

from hybridmesh.contract.verdict import Verdict

__all__ = ["NoVerdicts", "VerdictSource", "VerdictStream"]


class VerdictStream(Protocol):
    """The bytes of one connection, and the verdicts of its heads."""

    def received(self, data: bytes) -> bytes:
        """Bytes as they leave the link, for those that went into it; none may be lost, but they
        may come later."""
        ...

    def verdict(self, offset: int) -> Verdict | None:
        """The verdict of the head that starts *offset* bytes after the connection's first."""
        ...

    def head_at(self, offset: int) -> None:
        """The next head begins at *offset*, of which no byte has been received, and the source
        may not know; what it cannot do with that costs verdicts and raises nothing."""
        ...

    def close(self) -> None:
        """The connection is closed."""
        ...


class VerdictSource(Protocol):
    """Opens a stream for each connection."""

    def open(self, peer: tuple[str, int], local: tuple[str, int], sock: socket) -> VerdictStream:
        """*peer* is the client's address and port, *local* the gateway's; *sock*, or what looks
        like one, stays the caller's, and open until the stream is closed."""
        ...


class NoVerdicts:
    """No NIC: every head is parsed in software."""

    def open(
        self, peer: tuple[str, int], local: tuple[str, int], sock: object = None
    ) -> VerdictStream:
        return _NO_STREAM


class _NoStream:
    def received(self, data: bytes) -> bytes:
        return data

    def verdict(self, offset: int) -> Verdict | None:
        return None

    def head_at(self, offset: int) -> None:
        pass

    def close(self) -> None:
        pass


_NO_STREAM = _NoStream()
