"""Connections to a pod: the response side of attempts.

Events come in as method calls (``connected``, ``received``, ``blocked``, ``lost``); what is found
in the bytes goes to the attempt that has the connection.
"""

import math
from typing import Protocol

from hybridmesh.config.model import Cluster, Endpoint

from .attempt import Attempt
from .balancing import Host, http_status
from .clock import Clock
from .framing import Framing, FramingError, UntilClose
from .ports import Buffer, Port, Way
from .response import MAX_HEAD, ResponseError, ResponseHead, read_head
from .retry import Reset
from .stats import ClusterStats

__all__ = ["HostState", "Pool", "Upstream"]

_BEGINNING = b"HTTP/1."
"""Of every response: what begins otherwise need not be waited for."""


class Pool(Protocol):
    """Whose connections they are."""

    cluster: Cluster
    clock: Clock
    network: Way
    stats: ClusterStats

    def connected(self, upstream: "Upstream") -> None:
        """*upstream* has opened."""

    def connect_failed(self, upstream: "Upstream", reset: Reset, detail: str) -> None:
        """*upstream* could not be opened."""

    def release(self, upstream: "Upstream", *, reusable: bool) -> None:
        """The attempt on *upstream* is over."""

    def gone(self, upstream: "Upstream") -> None:
        """*upstream* has been closed, by whichever side."""


class HostState(Host):
    """One endpoint: its connections, and the attempts that wait for one.

    Attributes
    ----------
    idle : dict
        Connections without a request, the one used last at the end.
    left : bool
        It is no endpoint of the cluster any more.
    pending : dict
        Attempts that wait, in order.
    """

    __slots__ = ("connecting", "connections", "idle", "left", "pending")

    def __init__(self, endpoint: Endpoint, added: float) -> None:
        super().__init__(endpoint, added)
        self.connections = 0
        self.connecting = 0
        self.left = False
        self.idle: dict[Upstream, None] = {}
        self.pending: dict[Attempt, None] = {}


class Upstream:
    """A connection of a host's pool; what an attempt sees of it is an :class:`~.attempt.Stream`.

    Attributes
    ----------
    attempt : Attempt or None
        That is under way here.
    requests : int
        Attempts that have used the connection.
    """

    __slots__ = (
        "_alarm",
        "_closed",
        "_cluster",
        "_framing",
        "_idle_since",
        "_keep_alive",
        "_opened",
        "_opened_at",
        "_partial",
        "_paused",
        "attempt",
        "host",
        "port",
        "requests",
    )

    port: Port

    def __init__(self, cluster: Pool, host: HostState) -> None:
        self._cluster = cluster
        self.host = host
        self.attempt: Attempt | None = None
        self.requests = 0
        self._opened = False
        self._opened_at = 0.0
        self._closed = False
        self._paused = False
        self._alarm: int | None = None
        self._idle_since = 0.0
        self._partial = b""
        self._keep_alive = False
        self._framing: Framing | None = None

    # Events of the connection.

    def connect(self) -> None:
        cluster = self._cluster
        when = cluster.clock.now + cluster.cluster.connect_timeout
        self._alarm = cluster.clock.call_at(when, self._connect_timeout)
        cluster.network.connect(self.host.endpoint, self)

    def connected(self, port: Port) -> None:
        if self._closed:
            port.abort()
            return
        self.port = port
        self._opened = True
        self._opened_at = self._cluster.clock.now
        self._disarm()
        self._cluster.connected(self)

    def failed(self, detail: str) -> None:
        if not self._closed:
            self._disarm()
            self._closed = True
            self._cluster.connect_failed(self, Reset.CONNECT_FAILURE, detail)

    def received(self, data: bytes) -> None:
        attempt = self.attempt
        if attempt is None:  # nobody asked: what it says must not answer the next request
            self.close()
            return
        if self._framing is None:
            self._answered(attempt, data)
            return
        framing = self._framing
        out: list[Buffer] = []
        try:
            end = framing.feed(data, 0, out)
        except FramingError as error:
            self._protocol_error(str(error))
            return
        done = framing.done
        if done:
            self._release(attempt, reusable=end == len(data))
        attempt.forward(out, done=done)

    def blocked(self) -> None:
        """The pod does not take the request's body as fast as it comes."""
        if self.attempt is not None:
            self.attempt.upstream_blocked(True)

    def unblocked(self) -> None:
        if self.attempt is not None:
            self.attempt.upstream_blocked(False)

    def lost(self, error: Exception | None) -> None:
        """The connection is closed; *error* where that was not in good order."""
        if self._closed:
            return
        if error is None and isinstance(self._framing, UntilClose) and self.attempt is not None:
            attempt = self.attempt
            self._release(attempt, reusable=False)
            attempt.forward([], done=True)
        else:
            self._break(Reset.TERMINATION, "")

    # Commands of the attempt and of the pool.

    def send(self, data: Buffer) -> None:
        """More of the request."""
        self.port.write(data)

    def pause(self, paused: bool) -> None:
        """Stop or go on taking the response from the pod."""
        if paused != self._paused and not self._closed:
            self._paused = paused
            if paused:
                self.port.pause_reading()
            else:
                self.port.resume_reading()

    def rest(self) -> None:
        """The connection is idle from now on."""
        clock = self._cluster.clock
        self._idle_since = clock.now
        if self._alarm is None:  # else it is set already and looks again when it rings
            self._alarm = clock.call_at(self._rest_ends, self._idle_timeout)

    def late(self) -> None:
        """The response has not begun in time, unless it has."""
        monitor = self.host.monitor
        if monitor is not None and self._framing is None:
            monitor.timed_out()

    def close(self) -> None:
        """Close without a word to the attempt."""
        if self._closed:
            return
        self._closed = True
        self._disarm()
        if self._opened:
            self._cluster.gone(self)
            self.port.abort()
        else:
            self._cluster.network.give_up(self)
            self._cluster.connect_failed(self, Reset.CONNECT_FAILURE, "")

    # Within.

    @property
    def _expires(self) -> float:
        """When it is too old for another request."""
        longest = self._cluster.cluster.max_connection_duration
        return math.inf if longest is None else self._opened_at + longest

    @property
    def _rest_ends(self) -> float:
        """When it is closed if it stays idle."""
        return min(self._idle_since + self._cluster.cluster.idle_timeout, self._expires)

    def _answered(self, attempt: Attempt, data: bytes) -> None:
        """The response's head, or a part of it."""
        if self._partial:
            data = self._partial + data
            self._partial = b""
        out: list[Buffer] = []
        framing: Framing | None = None
        try:
            start, head = self._final_head(data, attempt)
            if head is None:
                self._partial = data[start:]
                return
            size = head.size(head_only=attempt.head_only)
            if size is not None and start + size <= len(data):
                end = start + size
                if size:
                    out.append(data[start:end])
            else:
                framing = head.framing(head_only=attempt.head_only, decode=attempt.minor == 0)
                end = framing.feed(data, start, out)
        except (ResponseError, FramingError) as error:
            self._protocol_error(str(error))
            return
        done = framing is None or framing.done
        self._framing = framing
        self._keep_alive = head.keep_alive
        monitor = self.host.monitor
        if monitor is not None:
            grpc = head.grpc_status
            monitor.responded(head.status if grpc is None else http_status(grpc))
        rejected = attempt.rejects(head)
        if done or rejected:
            self._release(attempt, reusable=done and end == len(data))
        if rejected:
            attempt.retry()
        else:
            attempt.respond(head, framing, out, done=done)

    def _final_head(self, data: bytes, attempt: Attempt) -> tuple[int, ResponseHead | None]:
        """Where the body begins, and the head before it; interim responses (RFC 9110, 15.2) on
        the way go to the client.  None: the head that begins there is not complete."""
        start = 0
        while (end := data.find(b"\r\n\r\n", start) + 4) != 3:
            head = read_head(data[start:end])
            if head.status >= 200:
                return end, head
            if head.status == 101:
                if attempt.upgrade:
                    return end, head
                raise ResponseError("101 without having been asked to switch protocols")
            attempt.interim(head)
            start = end
        if not data.startswith(_BEGINNING[: len(data) - start], start):
            raise ResponseError("not a response of HTTP/1.x")
        if len(data) - start > MAX_HEAD:
            raise ResponseError("the head is too large")
        return start, None

    def _release(self, attempt: Attempt, *, reusable: bool) -> None:
        """The response is over, or is not wanted any more."""
        self._framing = None
        attempt.upstream = None
        if self._paused:
            self.pause(False)
        reusable = reusable and self._keep_alive and attempt.request_done
        fresh = self._cluster.clock.now < self._expires
        self._cluster.release(self, reusable=reusable and fresh)

    def _break(self, reset: Reset, detail: str) -> None:
        """Close, and tell the attempt why."""
        attempt = self.attempt
        self.close()
        if attempt is not None:
            if self.host.monitor is not None:
                self.host.monitor.reset()
            attempt.upstream = None
            attempt.reset(reset, detail)

    def _protocol_error(self, detail: str) -> None:
        self._cluster.stats.upstream_cx_protocol_error += 1
        self._break(Reset.PROTOCOL_ERROR, detail)

    def _connect_timeout(self) -> None:
        self._alarm = None
        self._closed = True
        self._cluster.network.give_up(self)
        self._cluster.connect_failed(self, Reset.CONNECT_TIMEOUT, "")

    def _idle_timeout(self) -> None:
        self._alarm = None
        if self.attempt is None:
            clock = self._cluster.clock
            until = self._rest_ends
            if clock.now < until:
                self._alarm = clock.call_at(until, self._idle_timeout)
            else:
                if clock.now >= self._expires:
                    self._cluster.stats.upstream_cx_max_duration_reached += 1
                else:
                    self._cluster.stats.upstream_cx_idle_timeout += 1
                self.close()

    def _disarm(self) -> None:
        if self._alarm is not None:
            clock = self._cluster.clock
            clock.cancel(self._alarm, self._idle_timeout)
            clock.cancel(self._alarm, self._connect_timeout)
            self._alarm = None
