"""One connection to a pod: the response side of an attempt.

Events come in as method calls (``connected``, ``received``, ``blocked``, ``lost``); what is found
in the bytes goes to the exchange that has the connection.
"""

from typing import TYPE_CHECKING

from .framing import Framing, FramingError, UntilClose
from .ports import Buffer, Port
from .response import MAX_HEAD, ResponseError, ResponseHead
from .retry import Reset

if TYPE_CHECKING:
    from .cluster import ClusterState, HostState
    from .exchange import Exchange

__all__ = ["Upstream"]


class Upstream:
    """A connection of a host's pool.

    Attributes
    ----------
    exchange : Exchange or None
        Whose attempt is under way here.
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
        "_partial",
        "_paused",
        "exchange",
        "host",
        "port",
        "requests",
    )

    port: Port

    def __init__(self, cluster: "ClusterState", host: "HostState") -> None:
        self._cluster = cluster
        self.host = host
        self.exchange: Exchange | None = None
        self.requests = 0
        self._opened = False
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
        self._disarm()
        self._cluster.connected(self)

    def failed(self, detail: str) -> None:
        if not self._closed:
            self._disarm()
            self._closed = True
            self._cluster.connect_failed(self, Reset.CONNECT_FAILURE, detail)

    def received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:  # nobody asked: what it says must not answer the next request
            self.close()
            return
        out: list[Buffer] = []
        head = None
        try:
            framing = self._framing
            if framing is None:
                if self._partial:
                    data = self._partial + data
                    self._partial = b""
                start, head = self._final_head(data, exchange)
                if head is None:
                    self._partial = data[start:]
                    return
                self._keep_alive = head.keep_alive
                self._framing = framing = head.framing(
                    head_only=exchange.head_only, decode=exchange.minor == 0
                )
                end = framing.feed(data, start, out)
            else:
                end = framing.feed(data, 0, out)
        except (ResponseError, FramingError) as error:
            self._cluster.stats.upstream_cx_protocol_error += 1
            self._break(Reset.PROTOCOL_ERROR, str(error))
            return
        done = framing.done
        if head is not None and exchange.rejects(head):
            self._release(exchange, reusable=done and end == len(data))
            exchange.retry()
            return
        if done:
            self._release(exchange, reusable=end == len(data))
        if head is not None:
            exchange.respond(head, framing, out, done=done)
        else:
            exchange.forward(out, done=done)

    def blocked(self) -> None:
        """The pod does not take the request's body as fast as it comes."""
        if self.exchange is not None:
            self.exchange.upstream_blocked(True)

    def unblocked(self) -> None:
        if self.exchange is not None:
            self.exchange.upstream_blocked(False)

    def lost(self, error: Exception | None) -> None:
        """The connection is closed; *error* where that was not in good order."""
        if self._closed:
            return
        if error is None and isinstance(self._framing, UntilClose) and self.exchange is not None:
            exchange = self.exchange
            self._release(exchange, reusable=False)
            exchange.forward([], done=True)
        else:
            self._break(Reset.TERMINATION, "")

    # Commands of the exchange and of the pool.

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
            self._alarm = clock.call_at(
                clock.now + self._cluster.cluster.idle_timeout, self._idle_timeout
            )

    def close(self) -> None:
        """Close without a word to the exchange."""
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

    def _final_head(self, data: bytes, exchange: "Exchange") -> tuple[int, ResponseHead | None]:
        """Where the body begins, and the head before it; interim responses (RFC 9110, 15.2) on
        the way go to the client.  None: the head that begins there is not complete."""
        start = 0
        while (end := data.find(b"\r\n\r\n", start) + 4) != 3:
            head = ResponseHead(data[start:end])
            if head.status >= 200:
                return end, head
            if head.status == 101:
                raise ResponseError("101 without having been asked to switch protocols")
            exchange.interim(head)
            start = end
        if len(data) - start > MAX_HEAD:
            raise ResponseError("the head is too large")
        return start, None

    def _release(self, exchange: "Exchange", *, reusable: bool) -> None:
        """The response is over, or is not wanted any more."""
        self._framing = None
        exchange.upstream = None
        if self._paused:
            self.pause(False)
        self._cluster.release(
            self, reusable=reusable and self._keep_alive and exchange.request_done
        )

    def _break(self, reset: Reset, detail: str) -> None:
        """Close, and tell the exchange why."""
        exchange = self.exchange
        self.close()
        if exchange is not None:
            exchange.upstream = None
            exchange.reset(reset, detail)

    def _connect_timeout(self) -> None:
        self._alarm = None
        self._closed = True
        self._cluster.network.give_up(self)
        self._cluster.connect_failed(self, Reset.CONNECT_TIMEOUT, "")

    def _idle_timeout(self) -> None:
        self._alarm = None
        if self.exchange is None:
            clock = self._cluster.clock
            until = self._idle_since + self._cluster.cluster.idle_timeout
            if clock.now < until:
                self._alarm = clock.call_at(until, self._idle_timeout)
            else:
                self._cluster.stats.upstream_cx_idle_timeout += 1
                self.close()

    def _disarm(self) -> None:
        if self._alarm is not None:
            clock = self._cluster.clock
            clock.cancel(self._alarm, self._idle_timeout)
            clock.cancel(self._alarm, self._connect_timeout)
            self._alarm = None
