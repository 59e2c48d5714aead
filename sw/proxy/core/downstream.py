"""One client connection: from its bytes to exchanges, one after the other.

Requests may be pipelined; they are answered in order, so the next head is looked at when the
exchange before it is over.  A head takes one of two ways:

* the NIC has decided it and saw no field that a proxy must interpret: the head goes on unparsed,
  its body framing is the verdict's;
* anything else: it is parsed (:mod:`hybridmesh.reference.head`), resolved and built anew.

Where a request ends of whose end the NIC knew nothing, it is told where the next head begins, if
that is still to come.
"""

from typing import TYPE_CHECKING

from hybridmesh.config.model import Route
from hybridmesh.contract.verdict import Flag, Method, State, Verdict
from hybridmesh.reference.head import Head, HeadError, find_end, parse
from hybridmesh.reference.resolver import SOFTWARE

from . import reply as replies
from .exchange import Exchange
from .flags import ResponseFlag
from .framing import Chunked, Framing, FramingError, Sized, UntilClose
from .headers import forwarded, make_request_id, pass_through, rebuild
from .ports import Buffer, Port
from .reply import Reply, bad_request
from .response import MAX_HEAD

if TYPE_CHECKING:
    from ..source import VerdictStream
    from .proxy import Proxy

__all__ = ["Downstream"]

_DECIDED = int(Flag.DECIDED)
_DECIDED_OR_TOUCH = int(Flag.DECIDED | Flag.TOUCH)
_LENGTH = int(Flag.BODY_LENGTH)
_CHUNKED = int(Flag.BODY_CHUNKED)
_BODY = _LENGTH | _CHUNKED
_HEAD = int(Method.HEAD)
_BODILESS = frozenset(map(int, (Method.GET, Method.HEAD, Method.DELETE, Method.TRACE)))
_BODILESS_NAMES = frozenset(("GET", "HEAD", "DELETE", "TRACE"))
_NO_BODY_LINE = b"content-length: 0\r\n"
"""Added, as Envoy does, where a method that usually has a body comes without one."""

_AHEAD = 64 * 1024
"""Bytes that a client may send ahead of the request that is being answered."""

_LINGER = 1.0
"""Seconds that a connection is kept after its last answer while the client still sends, so that
the answer is not lost to a reset (RFC 9112, 9.6); Envoy's ``delayed_close_timeout``."""

STREAM_IDLE = 300.0
"""Seconds without a byte of the request or the response: Envoy's ``stream_idle_timeout``."""

CONNECTION_IDLE = 3600.0
"""Seconds without a request: Envoy's ``idle_timeout``."""


class Downstream:
    """A client's connection.

    Parameters
    ----------
    proxy : Proxy
    port : Port
    stream : VerdictStream
        Where its bytes come through, and their verdicts.
    peer, local : tuple of str and int
        Addresses of the client and of the gateway.

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

    UPSTREAM, WAITING, AHEAD, CLOSING = 1, 2, 4, 8
    """Reasons for :attr:`held`."""

    __slots__ = (
        "_alarm",
        "_buffer",
        "_closed",
        "_deaf",
        "_followed",
        "_forwarded",
        "_forwarded_for",
        "_framing",
        "_offset",
        "_running",
        "_stream",
        "blocked",
        "close_after",
        "exchange",
        "held",
        "local",
        "peer",
        "port",
        "proxy",
        "touched",
    )

    def __init__(
        self,
        proxy: "Proxy",
        port: Port,
        stream: "VerdictStream",
        peer: tuple[str, int],
        local: tuple[str, int],
    ) -> None:
        self.proxy = proxy
        self.port = port
        self.peer = peer
        self.local = local
        self.exchange: Exchange | None = None
        self.blocked = False
        self.close_after = False
        self._stream = stream
        self._forwarded_for, self._forwarded = forwarded(peer[0])
        self._buffer = b""
        self._offset = 0  # of the first byte in the buffer, counted from the connection's first
        self._framing: Framing | None = None  # of the request's body, while it is not complete
        self._followed = True  # the NIC knows where the next head begins
        self.held = 0
        self._running = False
        self._deaf = False  # whatever still comes is not wanted: lingering, or closed
        self._closed = False
        clock = proxy.clock
        self.touched = clock.now
        self._alarm = clock.call_at(clock.now + STREAM_IDLE, self._idle_check)

    # Events of the connection.

    def received(self, data: bytes) -> None:
        if self._deaf:
            return
        self.touched = self.proxy.clock.now
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
        self.touched = self.proxy.clock.now
        if self.exchange is not None:
            self.exchange.downstream_blocked(False)
        elif self._buffer:
            self._run()

    def lost(self) -> None:
        """The connection is closed, by whichever side."""
        if self._closed:
            self.proxy.clock.cancel(self._alarm, self.port.abort)
            return
        self._closed = True
        exchange = self.exchange
        if exchange is not None:
            stats = self.proxy.stats
            stats.downstream_cx_destroy_remote_active_rq += 1
            stats.downstream_rq_rx_reset += 1
            exchange.cancel()
        self._leave()

    def drain(self) -> None:
        """Finish the request under way, then close."""
        self.close_after = True
        if self.exchange is None:
            self._close()

    # Commands of the exchange.

    def hold(self, reason: int) -> None:
        """Stop reading from the client, for one more *reason*."""
        if self._deaf:
            return
        if not self.held:
            self.proxy.stats.downstream_flow_control_paused_reading_total += 1
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
        self.proxy.stats.downstream_rq_response_before_rq_complete += 1
        self.close_after = True

    def exchange_over(self, *, close: bool) -> None:
        """The response is complete, or with *close* will never be."""
        exchange = self.exchange
        assert exchange is not None
        self.exchange = None
        proxy = self.proxy
        stats = proxy.stats
        stats.downstream_rq_active -= 1
        stats.downstream_rq_completed += 1
        stats.downstream_rq_xx[exchange.status // 100] += 1
        self.touched = proxy.clock.now
        if proxy.log is not None:
            proxy.log.record(exchange)
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
            data = data.lstrip(b"\r\n") if data.startswith(b"\r\n") else data
            self._consume(self._buffer, len(self._buffer) - len(data))
            if not data:
                self._expect()
                return False
        verdict = self._stream.verdict(self._offset)
        if verdict is not None and verdict.flags & _DECIDED_OR_TOUCH == _DECIDED:
            route = self.proxy.resolver.route_of(verdict)
            end = verdict.head_length
            if (
                route is not SOFTWARE
                and data[end - 4 : end] == b"\r\n\r\n"
                # HTTP/1.0 needs more than a look: the connection closes, no chunks come back.
                and data.startswith(b"1\r\n", data.find(b"\r\n", verdict.path_offset) - 1)
            ):
                self._pass_through(data, verdict, route)
                return True
        end = find_end(data)
        if end < 0:
            if len(data) > MAX_HEAD:
                self._refuse(data, verdict, replies.HEAD_TOO_LARGE)
                return True
            return False
        raw = data[:end]
        self._count(verdict)
        try:
            head = parse(raw)
        except HeadError as error:
            self._refuse(raw, verdict, bad_request(error.status, error.detail))
            return True
        self._interpret(data, end, head, verdict)
        return True

    def _pass_through(self, data: bytes, verdict: Verdict, route: Route | None) -> None:
        """A decided head without touch: on it goes, unparsed."""
        proxy = self.proxy
        proxy.stats.verdict_unparsed += 1
        flags = verdict.flags
        end = verdict.head_length
        method = verdict.method
        self._followed = not flags & _CHUNKED
        raw = data[:end]
        lines = b"%b%b%b\r\n" % (
            self._forwarded_for,
            self._forwarded,
            make_request_id(proxy.rng),
        )
        framing: Framing | None = None
        if flags & _LENGTH:
            framing = Sized(verdict.body_length)
        elif flags & _CHUNKED:
            framing = Chunked()
        elif method not in _BODILESS:
            lines += _NO_BODY_LINE
        self._begin(
            Exchange(
                self,
                proxy.plan(route) if route is not None else None,
                raw,
                verdict,
                None,
                pass_through(raw, lines),
                head_only=method == _HEAD,
                minor=1,
            ),
            data,
            end,
            framing,
        )

    def _interpret(self, data: bytes, end: int, head: Head, verdict: Verdict | None) -> None:
        """A parsed head: resolve it, and build it anew."""
        proxy = self.proxy
        route = proxy.resolver.resolve(head, verdict).route
        lines = b"%b%b\r\n" % (self._forwarded, make_request_id(proxy.rng))
        self._followed = verdict is not None and verdict.framed and not head.chunked
        framing: Framing | None = None
        if head.chunked:
            framing = Chunked()
        elif head.content_length is not None:
            framing = Sized(head.content_length)
        elif head.method not in _BODILESS_NAMES:
            lines += _NO_BODY_LINE
        if not head.keep_alive:
            self.close_after = True
        self._begin(
            Exchange(
                self,
                proxy.plan(route) if route is not None else None,
                head.raw,
                verdict,
                head,
                rebuild(head, self._forwarded_for, lines),
                head_only=head.method == "HEAD",
                minor=head.minor,
            ),
            data,
            end,
            framing,
        )

    def _begin(self, exchange: Exchange, data: bytes, end: int, framing: Framing | None) -> None:
        """Start *exchange* with what there is of its body behind the head."""
        stats = self.proxy.stats
        stats.downstream_rq_total += 1
        stats.downstream_rq_active += 1
        self.exchange = exchange
        body: list[Buffer] = []
        if framing is not None:
            self._framing = framing
            try:
                end = framing.feed(data, end, body)
            except FramingError as error:
                self._protocol_error(str(error))
                return
            if framing.done:
                self._framing = None
        self._consume(data, end)
        if self._framing is None and not self._followed:
            self._expect()
        if exchange.plan is None:
            stats.no_route += 1
            exchange.request_done = self._framing is None
            exchange.reply(replies.NOT_FOUND)
        else:
            exchange.begin(body, done=self._framing is None)

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
        self.proxy.stats.downstream_cx_protocol_error += 1
        if exchange.status:
            exchange.break_off(ResponseFlag.DPE, f"http1.codec_error: {detail}")
        else:
            exchange.reply(bad_request(400, detail))

    def _refuse(self, raw: bytes, verdict: Verdict | None, reply: Reply) -> None:
        """The head cannot be read: say so and close."""
        stats = self.proxy.stats
        stats.downstream_cx_protocol_error += 1
        stats.downstream_rq_total += 1
        stats.downstream_rq_active += 1
        self.exchange = Exchange(self, None, raw, verdict, None, b"", head_only=False, minor=1)
        self._framing = UntilClose()  # where a next head would begin, nobody knows
        self.exchange.request_done = True
        self.exchange.reply(reply)

    def _count(self, verdict: Verdict | None) -> None:
        """Of a head that is parsed: what the NIC had said."""
        stats = self.proxy.stats
        if verdict is None:
            stats.verdict_none += 1
        elif (state := verdict.state) is State.DECIDED:
            stats.verdict_parsed += 1
        elif state is State.PROVISIONAL:
            stats.verdict_provisional += 1
        elif state is State.UNDECIDED:
            stats.verdict_undecided += 1
        else:
            stats.verdict_malformed += 1

    # The end of the connection.

    def _linger(self) -> None:
        """Send FIN, and take no notice of what the client still sends, for a while."""
        self._deaf = True
        self._framing = None
        self._buffer = b""
        self.unhold(self.held)
        self.port.write_eof()
        clock = self.proxy.clock
        clock.cancel(self._alarm, self._idle_check)
        self._alarm = clock.call_at(clock.now + _LINGER, self._idle_check)

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._leave()
            self.port.close()
            # The client may never take what is written; there is an end to that, too.
            clock = self.proxy.clock
            self._alarm = clock.call_at(clock.now + STREAM_IDLE, self.port.abort)

    def _leave(self) -> None:
        """Out of all books."""
        self._deaf = True
        self.proxy.clock.cancel(self._alarm, self._idle_check)
        self._buffer = b""
        self._stream.close()
        self.proxy.left(self)

    def _idle_check(self) -> None:
        """The alarm: idle for too long, or look again later."""
        clock = self.proxy.clock
        stats = self.proxy.stats
        if self._deaf:  # lingered long enough
            self._close()
            return
        limit = STREAM_IDLE if self.exchange is not None or self._buffer else CONNECTION_IDLE
        if clock.now >= self.touched + limit:
            if self.exchange is not None:
                stats.downstream_rq_idle_timeout += 1
                self.exchange.idle_timeout()
            elif self._buffer:
                stats.downstream_rq_idle_timeout += 1
                self._refuse(self._buffer, None, replies.REQUEST_TIMEOUT)
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
