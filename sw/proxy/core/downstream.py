"""One client connection: from its bytes to exchanges, one after the other.

Requests may be pipelined; they are answered in order, so the next head is looked at when the
exchange before it is over.  Where a request ends of whose end the NIC knew nothing, it is told
where the next head begins, if that is still to come.
"""

import math
from collections.abc import Callable

from ..source import VerdictStream
from . import reply as replies
from .access_log import AccessLog
from .context import Context
from .exchange import Exchange
from .flags import ResponseFlag
from .framing import Framing, FramingError, UntilClose
from .intake import Intake, Refusal
from .ports import Buffer, Port
from .reply import bad_request
from .request import Request
from .writer import ResponseWriter

__all__ = ["Downstream"]

_AHEAD = 64 * 1024
"""Bytes that a client may send ahead of the request that is being answered."""

_LINGER = 1.0
"""Seconds that a connection is kept after its last answer while the client still sends, so that
the answer is not lost to a reset (RFC 9112, 9.6); Envoy's ``delayed_close_timeout``."""

STREAM_IDLE = 300.0
"""Seconds for a head, and without a byte while a body is coming: Envoy's default
``stream_idle_timeout``, which Istio sets to none.  Whoever waits for a pod, or has switched
protocols, may wait for ever."""

CONNECTION_IDLE = 3600.0
"""Seconds without a request: Envoy's ``idle_timeout``."""


class Downstream:
    """A client's connection.

    Parameters
    ----------
    context : Context
    port : Port
    stream : VerdictStream
        Where its bytes come through, and their verdicts.
    peer, local : tuple of str and int
        Addresses of the client and of the gateway.
    log : AccessLog or None
        Gets a line per request.
    left : callable
        Called when the connection is over.
    certificate : str
        What is said of the client's certificate; empty: it has shown none.

    Attributes
    ----------
    blocked : bool
        Whether the client is behind with taking the responses.
    close_after : bool
        Whether the connection ends with the response under way.
    held : int
        Reasons for not reading from the client.
    touched : float
        When the last byte of a request or a response went by.
    """

    # Reasons for :attr:`held`.
    UPSTREAM = 1
    WAITING = 2
    AHEAD = 4

    __slots__ = (
        "_alarm",
        "_buffer",
        "_closed",
        "_deaf",
        "_followed",
        "_framing",
        "_intake",
        "_left",
        "_log",
        "_offset",
        "_running",
        "_searched",
        "_stream",
        "blocked",
        "close_after",
        "context",
        "exchange",
        "held",
        "local",
        "peer",
        "port",
        "touched",
        "writer",
    )

    def __init__(
        self,
        context: Context,
        port: Port,
        stream: VerdictStream,
        peer: tuple[str, int],
        local: tuple[str, int],
        log: AccessLog | None,
        left: Callable[["Downstream"], None],
        certificate: str = "",
    ) -> None:
        self.context = context
        self._log = log
        self._left = left
        self.port = port
        self.writer = ResponseWriter(port, context.clock)
        self.peer = peer
        self.local = local
        self.exchange: Exchange | None = None
        self.blocked = False
        self.close_after = False
        self._stream = stream
        self._intake = Intake(context, peer[0], certificate)
        self._buffer = b""
        self._offset = 0  # of the first byte in the buffer, counted from the connection's first
        self._framing: Framing | None = None  # of the request's body, while it is not complete
        self._searched = 0  # before this, counted likewise, the head that is due does not end
        self._followed = True  # the NIC knows where the next head begins
        self.held = 0
        self._running = False
        self._deaf = False  # whatever still comes is not wanted: lingering, or closed
        self._closed = False
        clock = context.clock
        self.touched = clock.now
        self._alarm = clock.call_at(clock.now + STREAM_IDLE, self._idle_check)

    # Events of the connection.

    def received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self.exchange is not None or not self._buffer:  # a head has its time as a whole
            self.touched = self.context.clock.now
        data = self._stream.received(data)
        if self._framing is not None:
            data = self._body(data)
            if not data:
                return
        self._buffer = self._buffer + data if self._buffer else data
        if self.exchange is None:
            self._run()
        elif len(self._buffer) > _AHEAD:
            self.hold(self.AHEAD)

    def blocked_by_client(self) -> None:
        """What is written does not leave: the client does not read."""
        self.blocked = True
        if self.exchange is not None:
            self.exchange.downstream_blocked(True)

    def unblocked_by_client(self) -> None:
        self.blocked = False
        self.touched = self.context.clock.now
        if self.exchange is not None:
            self.exchange.downstream_blocked(False)
        elif self._buffer:
            self._run()

    def lost(self) -> None:
        """The connection is closed, by whichever side."""
        if self._closed:
            self.context.clock.cancel(self._alarm, self.port.abort)
            return
        self._closed = True
        exchange = self.exchange
        if exchange is not None:
            stats = self.context.stats
            stats.downstream_cx_destroy_remote_active_rq += 1
            stats.downstream_rq_rx_reset += 1
            exchange.cancel()
        self._leave()

    def drain(self) -> None:
        """Finish the request under way or on its way, then close."""
        self.close_after = True
        if self.exchange is None and not self._buffer:
            self._close()

    # Commands of the exchange.

    def hold(self, reason: int) -> None:
        """Stop reading from the client, for one more *reason*."""
        if self._deaf:
            return
        if not self.held:
            self.context.stats.downstream_flow_control_paused_reading_total += 1
            self.port.pause_reading()
        self.held |= reason

    def unhold(self, reason: int) -> None:
        """The *reason* is gone; go on reading if it was the last."""
        if self.held & reason:
            self.held &= ~reason
            if not self.held and not self._closed:
                self.port.resume_reading()

    def connection_line(self, minor: int) -> bytes:
        """The ``connection`` line of the response under way."""
        if self.close_after:
            return b"connection: close\r\n"
        return b"" if minor else b"connection: keep-alive\r\n"

    def close_early(self) -> None:
        """The response begins before the request has ended: nobody will read the rest of it."""
        self.context.stats.downstream_rq_response_before_rq_complete += 1
        self.close_after = True

    def exchange_over(self, *, close: bool) -> None:
        """The response is complete, or with *close* will never be."""
        exchange = self.exchange
        assert exchange is not None
        self.exchange = None
        context = self.context
        stats = context.stats
        stats.downstream_rq_active -= 1
        stats.downstream_rq_completed += 1
        stats.downstream_rq_xx[exchange.status // 100] += 1
        self.touched = context.clock.now
        if self._log is not None:
            self._log.record(exchange)
        if self._closed:
            return
        if close:
            stats.downstream_rq_tx_reset += 1
            self._close()
        elif self._framing is not None or (self.close_after and self._buffer):
            self._linger()
        elif self.close_after:
            self._close()
        else:
            if self.held:
                self.unhold(self.AHEAD)
            if self._buffer and not self._running:
                self._run()

    # Heads.

    def _run(self) -> None:
        """Begin as many exchanges as the buffer has heads for; each must end before the next."""
        self._running = True
        try:
            while self._buffer and self.exchange is None and not (self.blocked or self._deaf):
                if not self._next():
                    break
        finally:
            self._running = False

    def _next(self) -> bool:
        """Begin the exchange of the head that the buffer starts with; False: not all there."""
        data = self._buffer
        if data[0] == 0x0D:  # RFC 9112, 2.2: empty lines before the request line are ignored
            start = 0
            while data.startswith(b"\r\n", start):
                start += 2
            self._consume(data, start)
            data = self._buffer
            if not data:
                self._expect()
                return False
        offset = self._offset
        came = self._intake.read(data, self._stream.verdict(offset), self._searched - offset)
        if came is None:
            self._searched = offset + len(data)
            return False
        if isinstance(came, Refusal):
            self._refuse(came)
        else:
            self._begin(came, data)
        return True

    def _begin(self, request: Request, data: bytes) -> None:
        """Start the exchange of *request*, with what there is of its body behind the head."""
        context = self.context
        stats = context.stats
        stats.downstream_rq_total += 1
        stats.downstream_rq_active += 1
        plan = None if request.route is None else context.plan(request.route)
        self.exchange = exchange = Exchange(self, plan, request)
        self._followed = request.followed
        if not request.keep_alive:
            self.close_after = True
        end, framing = len(request.raw), request.framing
        body: list[Buffer] = []
        if framing is not None:
            try:
                end = framing.feed(data, end, body)
            except FramingError as error:
                self._framing = framing
                self._protocol_error(str(error))
                return
            if not framing.done:
                self._framing = framing
        self._consume(data, end)
        done = self._framing is None
        if done and not self._followed:
            self._expect()
        if plan is None:
            stats.no_route += 1
            exchange.request_done = done
            exchange.reply(replies.NOT_FOUND)
        else:
            exchange.begin(body, done=done)

    def _body(self, data: bytes) -> bytes:
        """More of the request's body; returns what comes after it."""
        framing = self._framing
        exchange = self.exchange
        assert framing is not None
        assert exchange is not None
        out: list[Buffer] = []
        try:
            end = framing.feed(data, 0, out)
        except FramingError as error:
            self._protocol_error(str(error))
            return b""
        self._offset += end
        if framing.done:
            self._framing = None
            if not (self._followed or end < len(data)):
                self._expect()
        if out:
            exchange.body(out)
        if framing.done and self.exchange is exchange:
            exchange.request_complete()
        return data[end:] if end < len(data) else b""

    def _expect(self) -> None:
        """A head is due, and the NIC does not know: tell it, if none of it has been received."""
        if not (self._buffer or self.close_after):
            self._stream.head_at(self._offset)

    def _consume(self, data: bytes, end: int) -> None:
        self._buffer = data[end:] if end < len(data) else b""
        self._offset += end

    def _protocol_error(self, detail: str) -> None:
        """The body breaks its framing."""
        exchange = self.exchange
        assert exchange is not None
        self.context.stats.downstream_cx_protocol_error += 1
        if exchange.status:
            exchange.break_off(ResponseFlag.DPE, f"http1.codec_error: {detail}")
        else:
            exchange.reply(bad_request(400, detail))

    def _refuse(self, refusal: Refusal) -> None:
        """The head cannot be read: say so and close."""
        stats = self.context.stats
        if refusal.reply.flags & ResponseFlag.DPE:
            stats.downstream_cx_protocol_error += 1
        stats.downstream_rq_total += 1
        stats.downstream_rq_active += 1
        self.exchange = exchange = Exchange(self, None, refusal.request)
        self._framing = UntilClose()  # where a next head would begin, nobody knows
        exchange.request_done = True
        exchange.reply(refusal.reply)

    # The end of the connection.

    def _linger(self) -> None:
        """Send FIN, and take no notice of what the client still sends, for a while."""
        if not self.port.can_write_eof():  # TLS has no such thing
            self._close()
            return
        self._deaf = True
        self._framing = None
        self._buffer = b""
        self.unhold(self.held)
        self.port.write_eof()
        clock = self.context.clock
        clock.cancel(self._alarm, self._idle_check)
        self._alarm = clock.call_at(clock.now + _LINGER, self._idle_check)

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._leave()
            self.port.close()
            # The client may never take what is written; there is an end to that, too.
            clock = self.context.clock
            self._alarm = clock.call_at(clock.now + STREAM_IDLE, self.port.abort)

    def _leave(self) -> None:
        """Out of all books."""
        self._deaf = True
        self.context.clock.cancel(self._alarm, self._idle_check)
        self._buffer = b""
        self._stream.close()
        self._left(self)

    def _idle_check(self) -> None:
        """The alarm: idle for too long, or look again later."""
        clock = self.context.clock
        stats = self.context.stats
        if self._deaf:  # lingered long enough
            self._close()
            return
        limit = STREAM_IDLE if self.exchange is not None or self._buffer else CONNECTION_IDLE
        if self.exchange is not None and self.exchange.waits:
            limit = math.inf
        if clock.now >= self.touched + limit:
            if self.exchange is not None:
                stats.downstream_rq_idle_timeout += 1
                self.exchange.idle_timeout()
            elif self._buffer:
                stats.downstream_rq_idle_timeout += 1
                self._refuse(self._intake.refuse(self._buffer, None, replies.REQUEST_TIMEOUT))
            else:
                stats.downstream_cx_idle_timeout += 1
                self._close()
            if self._deaf:
                return
            self.touched = clock.now
        self._alarm = clock.call_at(
            max(clock.now + 1.0, min(self.touched + limit, clock.now + STREAM_IDLE)),
            self._idle_check,
        )
