"""Copies of requests, whose answers nobody waits for (``mirrors``)."""

from .action import lines
from .action.rewrite import replace_host
from .attempt import Stream
from .balancing import Host
from .cluster import ClusterState
from .framing import Framing
from .ports import Buffer
from .response import ResponseHead
from .retry import Reset

__all__ = ["LONGEST", "Shadow", "shadowed"]

LONGEST = 300.0
"""Seconds that a copy may take where the route has no limit."""


def shadowed(head: bytes, local: str, timeout: float | None) -> bytes:
    """The request *head* of the copy, which comes from the gateway at *local* and has *timeout*
    seconds: the host's name gets ``-shadow`` appended."""
    name, colon, port = lines.value(head, "host").rpartition(":")
    host = f"{name}-shadow:{port}" if colon and port.isdigit() else f"{name}{colon}{port}-shadow"
    chain = lines.value(head, "x-forwarded-for")
    head = lines.drop(replace_host(head, host), "x-forwarded-for")
    head = lines.add(head, "x-forwarded-for", f"{chain},{local}" if chain else local)
    if timeout:  # a copy is tried once, whatever a try may take
        name = "x-envoy-expected-rq-timeout-ms"
        head = lines.add(lines.drop(head, name), name, str(round(timeout * 1000)))
    return lines.add(head, "x-envoy-internal", "true")


class Shadow:
    """A copy on its way; an :class:`~.attempt.Attempt` that is made once.

    Parameters
    ----------
    cluster : ClusterState
    pieces : list of Buffer
        Head and body.
    head_only : bool
        Whether the method is HEAD.
    timeout : float or None
        Seconds that it may take; None: :data:`LONGEST`.
    """

    __slots__ = (
        "_alarm",
        "_cluster",
        "_pieces",
        "hash",
        "head_only",
        "host",
        "minor",
        "request_done",
        "tried",
        "upgrade",
        "upstream",
    )

    def __init__(
        self,
        cluster: ClusterState,
        pieces: list[Buffer],
        *,
        head_only: bool,
        timeout: float | None,
    ) -> None:
        self._cluster = cluster
        self._pieces = pieces
        self.upstream: Stream | None = None
        self.head_only = head_only
        self.minor = 1
        self.upgrade = False
        self.request_done = True
        self.hash = None
        self.tried = None
        self.host: Host | None = None
        clock = cluster.clock
        when = clock.now + (LONGEST if timeout is None else timeout)
        self._alarm = clock.call_at(when, self._timeout)
        cluster.acquire(self)

    def ready(self, upstream: Stream) -> None:
        self.upstream = upstream
        for piece in self._pieces:
            upstream.send(piece)
        self._pieces = []

    def no_endpoint(self) -> None:
        self._end()

    def reset(self, reset: Reset, detail: str = "") -> None:
        self._end()

    def interim(self, head: ResponseHead) -> None:
        pass

    def rejects(self, head: ResponseHead) -> bool:
        return False

    def retry(self) -> None:
        pass

    def respond(
        self, head: ResponseHead, framing: Framing | None, out: list[Buffer], *, done: bool
    ) -> None:
        self.forward(out, done=done)

    def forward(self, out: list[Buffer], *, done: bool) -> None:
        if done:
            self._end()

    def upstream_blocked(self, blocked: bool) -> None:
        pass

    def _timeout(self) -> None:
        upstream = self.upstream
        if upstream is None:
            self._cluster.cancel(self)
        else:
            upstream.late()
            upstream.close()
        self._end()

    def _end(self) -> None:
        self.upstream = None
        self._cluster.clock.cancel(self._alarm, self._timeout)
