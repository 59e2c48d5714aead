"""What the core asks of the world: its commands.

The core does no I/O.  Its events are method calls on :class:`~.downstream.Downstream`,
:class:`~.upstream.Upstream` and :class:`~.clock.Clock`; its commands are calls of the ports below.
No object is made per event or command: at tens of thousands of requests a second that is what the
time would go to.  An asyncio transport is a :class:`Port` as it stands.
"""

from typing import TYPE_CHECKING, Protocol

from hybridmesh.config.model import Endpoint

if TYPE_CHECKING:
    from .upstream import Upstream

__all__ = ["Buffer", "Lines", "Network", "Port"]


Buffer = bytes | memoryview


class Port(Protocol):
    """One TCP connection, as the core commands it."""

    def write(self, data: Buffer, /) -> None: ...

    def write_eof(self) -> None:
        """Send what is written, then FIN; reading goes on."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        """Send what is written, then close."""

    def abort(self) -> None:
        """Close at once."""


class Network(Protocol):
    """The way to the pods."""

    def connect(self, endpoint: Endpoint, upstream: "Upstream") -> None:
        """Open a connection and tell *upstream*: ``connected(port)`` or ``failed(reason)``."""

    def give_up(self, upstream: "Upstream") -> None:
        """Stop connecting; *upstream* is told nothing more."""


class Lines(Protocol):
    """Where the access log goes: a text file, or what looks like one."""

    def write(self, line: str, /) -> object: ...
