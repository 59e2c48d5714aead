"""What the core asks of the world: its commands.

The core does no I/O.  Its events are method calls on :class:`~.downstream.Downstream`,
:class:`~.upstream.Upstream` and :class:`~.clock.Clock`; its commands are calls of the ports below.
No object is made per event or command: at tens of thousands of requests a second that is what the
time would go to.  An asyncio transport is a :class:`Port` as it stands.
"""

from collections.abc import Callable
from typing import Protocol

from hybridmesh.config.model import Cluster, Endpoint

__all__ = ["Buffer", "Caller", "Lines", "Network", "Port", "Prober", "Way"]


Buffer = bytes | memoryview


class Port(Protocol):
    """One TCP connection, as the core commands it."""

    def write(self, data: Buffer, /) -> None: ...

    def can_write_eof(self) -> bool: ...

    def write_eof(self) -> None:
        """Send what is written, then FIN; reading goes on."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        """Send what is written, then close."""

    def abort(self) -> None:
        """Close at once."""


class Caller(Protocol):
    """Who wants a connection, and is told of its events."""

    def connected(self, port: Port) -> None: ...

    def failed(self, detail: str) -> None:
        """There will be none."""

    def received(self, data: bytes) -> None: ...

    def blocked(self) -> None:
        """What is written does not leave."""

    def unblocked(self) -> None: ...

    def lost(self, error: Exception | None) -> None:
        """The connection is closed; *error* where that was not in good order."""


class Network(Protocol):
    """The way to all clusters."""

    def to(self, cluster: Cluster) -> "Way": ...


class Prober(Protocol):
    """Puts endpoints to their probes."""

    def probe(self, endpoint: Endpoint, done: Callable[[bool], None]) -> Callable[[], None]:
        """Begin, and tell *done* later whether *endpoint* has stood it.

        Returns what to call to stop; *done* is not told anything more then.
        """
        ...


class Way(Prober, Protocol):
    """The way to the pods of a cluster."""

    def connect(self, endpoint: Endpoint, caller: Caller) -> None:
        """Open a connection and tell *caller*."""

    def give_up(self, caller: Caller) -> None:
        """Stop connecting; *caller* is told nothing more."""


class Lines(Protocol):
    """Where the access log goes: a text file, or what looks like one."""

    def write(self, line: str, /) -> object: ...
