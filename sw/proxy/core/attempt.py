"""What a cluster and its connections know of an attempt: who asked, and whom to tell."""

from typing import Protocol

from .balancing import Host, Tried
from .framing import Framing
from .ports import Buffer
from .response import ResponseHead
from .retry import Reset

__all__ = ["Attempt", "Stream"]


class Attempt(Protocol):
    """A request that is to be answered by an endpoint of a cluster.

    Attributes
    ----------
    head_only : bool
        The response has no body, whatever it says: the method is HEAD.
    minor : int
        Who gets the response speaks HTTP/1.minor.
    upgrade : bool
        It asks for another protocol: 101 is an answer.
    request_done : bool
        All of the request is there.
    hash : int or None
        Where it belongs, in a cluster that goes by that.
    tried : Tried or None
        Hosts that have had an attempt; None: this is the first one.
    host : Host or None
        Whom the cluster has chosen.
    upstream : Stream or None
        The connection that it has.
    """

    @property
    def head_only(self) -> bool: ...

    @property
    def minor(self) -> int: ...

    @property
    def upgrade(self) -> bool: ...

    @property
    def hash(self) -> int | None: ...

    @property
    def tried(self) -> Tried | None: ...

    request_done: bool
    host: Host | None
    upstream: "Stream | None"

    def ready(self, upstream: "Stream") -> None:
        """A connection is there: send the request."""

    def no_endpoint(self) -> None:
        """The cluster has no endpoint."""

    def reset(self, reset: Reset, detail: str = "") -> None:
        """The attempt has ended without a response, or in the middle of it."""

    def interim(self, head: ResponseHead) -> None:
        """A 1xx response."""

    def rejects(self, head: ResponseHead) -> bool:
        """Whether the response is dropped in favour of another attempt: :meth:`retry` follows."""

    def retry(self) -> None:
        """The response that was rejected is out of the way."""

    def respond(
        self, head: ResponseHead, framing: Framing | None, out: list[Buffer], *, done: bool
    ) -> None:
        """The response begins: *head*, and what came of the body together with it; *framing* is of
        the rest, None where all is here."""

    def forward(self, out: list[Buffer], *, done: bool) -> None:
        """More of the response's body, and whether it ends here."""

    def upstream_blocked(self, blocked: bool) -> None:
        """The endpoint does not take the request as fast as it comes, or does so again."""


class Stream(Protocol):
    """The connection that an attempt has for itself until its response is over."""

    def send(self, data: Buffer) -> None: ...

    def pause(self, paused: bool) -> None:
        """Stop or go on taking the response."""

    def late(self) -> None:
        """The response has not begun in time; it is not waited for any longer."""

    def close(self) -> None:
        """Give up: nothing more is told."""
