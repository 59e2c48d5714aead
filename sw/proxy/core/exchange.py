"""One request's life: its attempts, retries and deadlines, up to the last byte of the answer.

The downstream side makes an exchange when it has a head and a route; the cluster gives it a
connection or refuses; the upstream side hands it the response.  Whatever goes wrong on the way
ends either in another attempt (:mod:`.retry`) or in a local reply (:mod:`.reply`).
"""

from typing import TYPE_CHECKING

from hybridmesh.contract.verdict import Verdict
from hybridmesh.reference.head import Head

from . import reply as replies
from .cluster import ClusterState, HostState
from .flags import ResponseFlag
from .framing import Chunked, Framing, UntilClose
from .plan import Plan
from .ports import Buffer
from .reply import Reply
from .response import ResponseHead
from .retry import Reset, RetryState
from .upstream import Upstream

if TYPE_CHECKING:
    from .downstream import Downstream

__all__ = ["BODY_BUFFER", "Exchange"]

BODY_BUFFER = 1024 * 1024
"""Bytes of a request's body kept for another attempt, as Envoy's ``per_connection_buffer_limit``;
a longer one is sent once.  Also what may wait for a connection to open."""

_SMALL = 16 * 1024
"""Up to here joining two pieces is cheaper than writing them one by one."""


class Exchange:
    """A request and its response.

    Parameters
    ----------
    down : Downstream
        Whose request it is.
    plan : Plan or None
        What to do with it; None: the answer is a local reply.
    raw : bytes
        The head as it came.
    verdict : Verdict or None
        What the NIC said of it.
    head : Head or None
        The parsed head; None where it goes on unparsed.
    prefix : bytes
        The head for the pod, but for the lines of the route and of the attempt.
    head_only : bool
        Whether the method is HEAD.
    minor : int
        The client's HTTP version is 1.minor.

    Attributes
    ----------
    request_done : bool
        Whether the whole request is here.
    tried : list of int
        Hosts of the cluster that have had an attempt.
    """

    __slots__ = (
        "_back_off",
        "_body",
        "_buffered",
        "_deadline",
        "_keep",
        "_retry",
        "_retrying",
        "_try_deadline",
        "_wrap",
        "attempts",
        "bytes_received",
        "bytes_sent",
        "cluster",
        "details",
        "done_at",
        "down",
        "failure",
        "flags",
        "head",
        "head_only",
        "host",
        "minor",
        "plan",
        "prefix",
        "raw",
        "request_done",
        "service_time",
        "started",
        "status",
        "tried",
        "upstream",
        "verdict",
        "wall",
    )

    def __init__(
        self,
        down: "Downstream",
        plan: Plan | None,
        raw: bytes,
        verdict: Verdict | None,
        head: Head | None,
        prefix: bytes,
        *,
        head_only: bool,
        minor: int,
    ) -> None:
        self.down = down
        self.plan = plan
        self.raw = raw
        self.verdict = verdict
        self.head = head
        self.prefix = prefix
        self.head_only = head_only
        self.minor = minor
        self.started = self.done_at = down.proxy.clock.now
        self.request_done = False
        self.cluster: ClusterState | None = None
        self.host: HostState | None = None
        self.upstream: Upstream | None = None
        self.attempts = 0
        self.tried: list[int] = []
        self.status = 0
        self.flags = 0
        self.details = ""
        self.failure = ""
        self.service_time = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self._body: list[Buffer] = []
        self._buffered = 0
        self._keep = plan is not None and plan.retry is not None
        self._retry: RetryState | None = None
        self._retrying = False
        self._deadline: int | None = None
        self._try_deadline: int | None = None
        self._back_off: int | None = None
        self._wrap = False

    # Events from the downstream side.

    def begin(self, body: list[Buffer], *, done: bool) -> None:
        """Make the first attempt; *body* is what of the body came together with the head."""
        if body:
            self._body = body
            self._buffered = self.bytes_received = sum(map(len, body))
        plan = self.plan
        assert plan is not None
        proxy = self.down.proxy
        if done:
            self.request_complete()
        self.cluster = cluster = plan.choose(proxy.rng)
        if cluster is None:
            proxy.stats.no_cluster += 1
            self.reply(replies.NO_CLUSTER)
            return
        self.attempts = 1
        cluster.acquire(self)

    def body(self, pieces: list[Buffer]) -> None:
        """More of the request's body."""
        size = sum(map(len, pieces))
        self.bytes_received += size
        upstream = self.upstream
        if upstream is not None:
            for piece in pieces:
                upstream.port.write(piece)
            if not self._keep:
                return
        self._body += pieces
        self._buffered += size
        if self._buffered > BODY_BUFFER:
            if upstream is None:
                self.down.hold(self.down.WAITING)
            else:
                self._abandon_retry()

    def request_complete(self) -> None:
        """The last byte of the request has come; the deadlines count from here."""
        self.request_done = True
        clock = self.down.proxy.clock
        self.done_at = clock.now
        plan = self.plan
        assert plan is not None
        if plan.timeout is not None:
            self._deadline = clock.call_at(clock.now + plan.timeout, self._timeout)
        if self.upstream is not None and plan.try_timeout is not None:
            self._start_try()

    def cancel(self) -> None:
        """The client has gone."""
        self.flags |= ResponseFlag.DC
        self.details = "downstream_remote_disconnect"
        self._drop_attempt()
        self._end()

    def downstream_blocked(self, blocked: bool) -> None:
        """The client does not take the response as fast as it comes, or does so again."""
        if self.upstream is not None:
            self.upstream.pause(blocked)

    # Events from the cluster and the upstream side.

    def ready(self, upstream: Upstream) -> None:
        """A connection is there: send what there is of the request."""
        self.upstream = upstream
        plan = self.plan
        assert plan is not None
        down = self.down
        if down.blocked:
            upstream.pause(True)
        head = b"%b%bx-envoy-attempt-count: %d\r\n\r\n" % (self.prefix, plan.lines, self.attempts)
        body = self._body
        if not body:
            upstream.port.write(head)
        elif self._buffered <= _SMALL:
            upstream.port.write(b"".join((head, *body)))
        else:
            upstream.port.write(head)
            for piece in body:
                upstream.port.write(piece)
        if body and not (self._keep and self._buffered <= BODY_BUFFER):
            self._abandon_retry()
        if down.held:
            down.unhold(down.WAITING)
        if plan.try_timeout is not None and self.request_done:
            self._start_try()

    def no_endpoint(self) -> None:
        """The cluster has no endpoint at all."""
        self.reply(replies.NO_ENDPOINT)

    def reset(self, reset: Reset, detail: str = "") -> None:
        """The attempt has ended without a response, or in the middle of it."""
        self._stop_try()
        cluster = self.cluster
        assert cluster is not None
        self.failure = detail
        if reset in (Reset.TERMINATION, Reset.PROTOCOL_ERROR):
            cluster.stats.upstream_rq_rx_reset += 1
        if self.status:
            self.flags |= replies.reset_reply(reset).flags
            self.details = f"upstream_reset_after_response_started{{{reset.word}}}"
            self._end(close=True)
        elif (retry := self._retry_state()) and retry.wants_reset(reset) and self._decide(retry):
            self.retry()
        else:
            self.reply(replies.reset_reply(reset, retried=self.attempts > 1))

    def rejects(self, head: ResponseHead) -> bool:
        """Whether the response is dropped in favour of another attempt."""
        if head.status < 400 and head.grpc_status is None and self.attempts == 1:
            return False
        retry = self._retry_state()
        if retry is None:
            return False
        if retry.wants_status(head.status, head.grpc_status):
            return self._decide(retry)
        if self.attempts > 1:
            assert self.cluster is not None
            self.cluster.stats.upstream_rq_retry_success += 1
        return False

    def interim(self, head: ResponseHead) -> None:
        """A 1xx response: on to the client, if it knows what that is."""
        if self.minor:
            self.down.port.write(head.render_interim())

    def upstream_blocked(self, blocked: bool) -> None:
        """The pod does not take the body as fast as it comes, or does so again."""
        down = self.down
        if blocked:
            down.hold(down.UPSTREAM)
        else:
            down.unhold(down.UPSTREAM)

    def respond(
        self, head: ResponseHead, framing: Framing, out: list[Buffer], *, done: bool
    ) -> None:
        """The response begins: *head*, and what came of the body together with it."""
        if self._try_deadline is not None:
            self._stop_try()
        down = self.down
        clock = down.proxy.clock
        down.touched = clock.now
        self.status = status = head.status
        self.details = "via_upstream"
        self.service_time = int((clock.now - self.done_at) * 1000)
        coding = b""
        if self.minor:
            self._wrap = isinstance(framing, UntilClose)
            if self._wrap or (head.chunked and (self.head_only or isinstance(framing, Chunked))):
                coding = b"transfer-encoding: chunked\r\n"
        elif isinstance(framing, UntilClose | Chunked):
            down.close_after = True
        if not self.request_done:
            down.close_early()
        cluster = self.cluster
        assert cluster is not None
        cluster.stats.upstream_rq_xx[status // 100] += 1
        cluster.stats.upstream_rq_completed += 1
        rendered = head.render(
            self.minor, clock.date(), self.service_time, coding, down.connection_line(self.minor)
        )
        if len(out) == 1 and not self._wrap and len(out[0]) <= _SMALL:
            self.bytes_sent += len(out[0])
            down.port.write(rendered + out[0])
            if done:
                self._end()
        else:
            down.port.write(rendered)
            self.forward(out, done=done)

    def forward(self, out: list[Buffer], *, done: bool) -> None:
        """More of the response's body, and whether it ends here."""
        down = self.down
        down.touched = down.proxy.clock.now
        write = down.port.write
        for piece in out:
            self.bytes_sent += len(piece)
            if self._wrap:
                write(b"%x\r\n" % len(piece))
                write(piece)
                write(b"\r\n")
            else:
                write(piece)
        if done:
            if self._wrap:
                write(b"0\r\n\r\n")
            self._end()

    # Decisions.

    def retry(self) -> None:
        """Make another attempt after the back-off."""
        self._stop_try()
        self._drop_attempt()
        retry = self._retry_state()
        assert retry is not None
        clock = self.down.proxy.clock
        self._back_off = clock.call_at(clock.now + retry.back_off(), self._again)

    def reply(self, reply: Reply) -> None:
        """Answer with a local reply."""
        self._drop_attempt()
        self.status = reply.status
        self.flags |= reply.flags
        self.details = reply.details
        down = self.down
        if reply.close:
            down.close_after = True
        if not self.request_done:
            down.close_early()
        down.port.write(
            reply.render(
                self.minor,
                down.proxy.clock.date(),
                down.connection_line(self.minor),
                head_only=self.head_only,
            )
        )
        self.bytes_sent = 0 if self.head_only else len(reply.body)
        self._end()

    def break_off(self, flag: ResponseFlag, details: str) -> None:
        """The response has begun and cannot end well: all that is left is to close."""
        self.flags |= flag
        self.details = details
        self._drop_attempt()
        self._end(close=True)

    def idle_timeout(self) -> None:
        """Nothing has moved for as long as Envoy lets a stream be idle."""
        if self.status:
            self.break_off(ResponseFlag.SI, "stream_idle_timeout")
        else:
            self.reply(replies.IDLE_TIMEOUT if self.request_done else replies.REQUEST_TIMEOUT)

    # Within.

    def _retry_state(self) -> RetryState | None:
        """What is left of the route's retries; made when first asked for."""
        if self._retry is None and self.plan is not None and self.plan.retry is not None:
            self._retry = RetryState(self.plan.retry, self.down.proxy.rng)
        return self._retry

    def _decide(self, retry: RetryState) -> bool:
        """Whether the attempt that went wrong may be followed by another one."""
        cluster = self.cluster
        assert cluster is not None
        stats = cluster.stats
        self._end_retry()
        if not self._keep:
            return False
        if not retry.left:
            stats.upstream_rq_retry_limit_exceeded += 1
            self.flags |= ResponseFlag.URX
            return False
        if not cluster.breaker.may_retry:
            stats.upstream_rq_retry_overflow += 1
            self.flags |= ResponseFlag.UO
            return False
        retry.left -= 1
        self._retrying = True
        cluster.breaker.retries += 1
        stats.upstream_rq_retry += 1
        stats.upstream_rq_retry_backoff_exponential += 1
        return True

    def _end_retry(self) -> None:
        if self._retrying:
            self._retrying = False
            assert self.cluster is not None
            self.cluster.breaker.retries -= 1

    def _abandon_retry(self) -> None:
        """Forget the body: it is on its way and will not be sent again."""
        if self._keep:
            self._keep = False
            assert self.cluster is not None
            self.cluster.stats.retry_or_shadow_abandoned += 1
        self._body = []
        self._buffered = 0

    def _again(self) -> None:
        """The back-off is over."""
        self._back_off = None
        self.attempts += 1
        assert self.cluster is not None
        self.cluster.acquire(self)

    def _start_try(self) -> None:
        plan = self.plan
        assert plan is not None
        assert plan.try_timeout is not None
        if not self.status:
            clock = self.down.proxy.clock
            self._try_deadline = clock.call_at(clock.now + plan.try_timeout, self._try_timeout)

    def _stop_try(self) -> None:
        if self._try_deadline is not None:
            self.down.proxy.clock.cancel(self._try_deadline, self._try_timeout)
            self._try_deadline = None

    def _try_timeout(self) -> None:
        self._try_deadline = None
        assert self.cluster is not None
        self.cluster.stats.upstream_rq_per_try_timeout += 1
        self._drop_attempt()
        self.reset(Reset.PER_TRY_TIMEOUT)

    def _timeout(self) -> None:
        self._deadline = None
        assert self.cluster is not None
        self.cluster.stats.upstream_rq_timeout += 1
        if self.status:
            self.break_off(ResponseFlag.UT, "response_timeout")
        else:
            self.reply(replies.TIMEOUT)

    def _drop_attempt(self) -> None:
        """Stop whatever is under way towards the pod."""
        self._stop_try()
        upstream = self.upstream
        if upstream is not None:
            self.upstream = None
            assert self.cluster is not None
            self.cluster.stats.upstream_rq_tx_reset += 1
            upstream.close()
        elif self._back_off is not None:
            self.down.proxy.clock.cancel(self._back_off, self._again)
            self._back_off = None
        elif self.cluster is not None:
            self.cluster.cancel(self)
        self.down.unhold(self.down.UPSTREAM)

    def _end(self, *, close: bool = False) -> None:
        """The exchange is over; with *close* the connection cannot be used any further."""
        if self._deadline is not None:
            self.down.proxy.clock.cancel(self._deadline, self._timeout)
            self._deadline = None
        if self._try_deadline is not None:
            self._stop_try()
        if self._retrying:
            self._end_retry()
        self.down.exchange_over(close=close)
