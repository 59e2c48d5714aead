"""One request's life: its attempts, retries and deadlines, up to the last byte of the answer.

The downstream side makes an exchange when it has a head and a plan; the cluster gives it a
connection or refuses; the upstream side hands it the response.  Whatever goes wrong on the way
ends either in another attempt (:mod:`.retry`) or in a local reply (:mod:`.reply`).
"""

from typing import Protocol

from hybridmesh.config.model import Endpoint

from . import reply as replies
from .action import lines
from .action.cors import PREFLIGHT
from .action.values import Values
from .attempt import Stream
from .balancing import Host, Tried
from .cluster import ClusterState
from .context import Context
from .flags import ResponseFlag
from .framing import Chunked, Framing, UntilClose
from .mirror import Shadow, shadowed
from .plan import Plan, Target
from .ports import Buffer, Port
from .reply import Reply
from .request import Request
from .response import ResponseHead
from .retry import Reset, RetryState
from .upload import Upload
from .writer import ResponseWriter

__all__ = ["Client", "Exchange"]


class Client(Protocol):
    """Whose request it is: the client's connection, as an exchange sees it."""

    UPSTREAM: int
    WAITING: int

    context: Context
    port: Port
    peer: tuple[str, int]
    local: tuple[str, int]
    blocked: bool
    close_after: bool
    held: int
    touched: float
    writer: ResponseWriter

    def hold(self, reason: int) -> None:
        """Stop reading from the client, for one more *reason*."""

    def unhold(self, reason: int) -> None:
        """The *reason* is gone."""

    def connection_line(self, minor: int) -> bytes:
        """The ``connection`` line of the response."""
        ...

    def close_early(self) -> None:
        """The response begins before the request has ended."""

    def exchange_over(self, *, close: bool) -> None:
        """The response is complete, or with *close* will never be."""


class Exchange:
    """A request and its response; an :class:`~.attempt.Attempt` as often as it is tried.

    Parameters
    ----------
    down : Client
    plan : Plan or None
        What to do with it; None: the answer is a local reply.
    request : Request

    Attributes
    ----------
    request_done : bool
        Whether the whole request is here.
    """

    # Most requests leave most of these as they are; here they cost nothing.
    request_done = False
    cluster: ClusterState | None = None
    hash: int | None = None
    host: Host | None = None
    attempts = 0
    tried: Tried | None = None
    status = 0
    flags = 0
    details = ""
    failure = ""
    service_time = 0
    bytes_received = 0
    bytes_sent = 0
    _target: Target | None = None
    _upload: Upload | None = None  # None: no byte of a body has come
    _retry: RetryState | None = None
    _cookies = b""  # lines that give the client its cookie
    _changed = False  # the route has changed the head for the pod
    _cors = False  # the response is marked for the browser
    _deadline: int | None = None
    _try_deadline: int | None = None
    _wait: int | None = None  # until a fault's delay or a back-off is over

    def __init__(self, down: Client, plan: Plan | None, request: Request) -> None:
        self.down = down
        self.plan = plan
        self.request = request
        self.upstream: Stream | None = None
        self.started = self.done_at = down.context.clock.now

    @property
    def head_only(self) -> bool:
        return self.request.head_only

    @property
    def minor(self) -> int:
        return self.request.minor

    @property
    def upgrade(self) -> bool:
        return self.request.upgrade

    @property
    def peer(self) -> tuple[str, int]:
        return self.request.client or self.down.peer

    @property
    def local(self) -> tuple[str, int]:
        return self.down.local

    @property
    def wall(self) -> float:
        """When it began, in seconds since 1970."""
        clock = self.down.context.clock
        return clock.wall - (clock.now - self.started)

    @property
    def scheme(self) -> str:
        head = self.request.head
        return self.down.context.scheme if head is None else head.scheme

    @property
    def endpoint(self) -> Endpoint | None:
        return None if self.host is None else self.host.endpoint

    @property
    def cluster_name(self) -> str:
        return "" if self.cluster is None else self.cluster.name

    # Events from the downstream side.

    def begin(self, body: list[Buffer], *, done: bool) -> None:
        """Do what the plan says; *body* is what of the body came together with the head."""
        if body:
            self._upload = Upload(body)
            self.bytes_received = sum(map(len, body))
        plan = self.plan
        assert plan is not None
        if done:
            self.request_done = True
        if plan.faults is not None:
            context = self.down.context
            seconds = plan.faults.delay(context.rng)
            if seconds:
                self.flags |= ResponseFlag.DI
                context.stats.fault_delays_injected += 1
                clock = context.clock
                self._wait = clock.call_at(clock.now + seconds, self._delayed)
                return
        self._delayed()

    def body(self, pieces: list[Buffer]) -> None:
        """More of the request's body."""
        self.bytes_received += sum(map(len, pieces))
        upload, upstream = self._upload, self.upstream
        if upstream is not None:
            for piece in pieces:
                upstream.send(piece)
            if self.status or (upload is not None and not upload.kept):
                return
        if upload is None:
            self._upload = upload = Upload(pieces)
        else:
            upload.add(pieces)
        if upstream is None:
            if upload.full:
                self.down.hold(self.down.WAITING)
        elif upload.full or not self._keeps():
            self._forget_body()

    def request_complete(self) -> None:
        """The last byte of the request has come; the deadlines count from here."""
        self.request_done = True
        if self._target is not None:
            self._start_deadline()
            if self.upstream is not None:
                self._start_try()
            self._mirror()

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

    # Towards the pod.

    def _delayed(self) -> None:
        """Whatever had to be waited for is over: answer, or go on to a pod."""
        self._wait = None
        plan = self.plan
        assert plan is not None
        if not plan.plain and (reply := self._own_answer(plan)) is not None:
            self.reply(reply)
            return
        context = self.down.context
        self._target = target = plan.choose(context.rng)
        self.cluster = cluster = target.cluster
        if self.request_done:
            self._start_deadline()
        if cluster is None:
            context.stats.no_cluster += 1
            self.reply(replies.NO_CLUSTER)
            return
        self.attempts = 1
        if not plan.plain:
            self._change_request(plan, target)
            if plan.hasher is not None and cluster.hashing:
                prefix = self.request.prefix
                self.hash, self._cookies = plan.hasher.hash(prefix, self.peer, self.local)
            if self.request_done:
                self._mirror()
        cluster.acquire(self)

    def _own_answer(self, plan: Plan) -> Reply | None:
        """The answer of a route that needs no pod for it."""
        context, request = self.down.context, self.request
        if plan.faults is not None and (reply := plan.faults.abort(context.rng)) is not None:
            context.stats.fault_aborts_injected += 1
            return reply
        if plan.cors is not None:
            if (reply := plan.cors.preflight(request)) is not None:
                return reply
            self._cors = True
        return plan.answer(request) if plan.local else None

    def _change_request(self, plan: Plan, target: Target) -> None:
        """The head as the route and the destination want it."""
        request = self.request
        head = request.prefix + plan.numbered(0.0, 1)  # a route may change these, too
        self._changed = True
        request.prefix = plan.change(target, head, Values(self))

    def _mirror(self) -> None:
        """Send copies, now that all of the request is here."""
        plan = self.plan
        assert plan is not None
        upload = self._upload
        if not plan.mirrors or (upload is not None and not upload.kept):
            return
        for cluster, mirror in plan.mirrors:
            if self.down.context.rng.random() < mirror.share:
                head = self.request.prefix
                head = shadowed(head, self.local[0], plan.timeout) + b"\r\n"
                pieces: list[Buffer] = [head] if upload is None else upload.behind(head)
                Shadow(cluster, pieces, head_only=self.head_only, timeout=plan.timeout)

    def _head(self, plan: Plan) -> bytes:
        """The head for this attempt."""
        prefix = self.request.prefix
        if self.attempts == 1:
            return prefix + (b"\r\n" if self._changed else plan.tail)
        if self._changed:
            for name in ("x-envoy-expected-rq-timeout-ms", "x-envoy-attempt-count"):
                prefix = lines.drop(prefix, name)
        elapsed = self.down.context.clock.now - self.done_at
        return b"%b%b\r\n" % (prefix, plan.numbered(elapsed, self.attempts))

    # Events from the cluster and the upstream side.

    def ready(self, upstream: Stream) -> None:
        """A connection is there: send what there is of the request."""
        self.upstream = upstream
        plan = self.plan
        assert plan is not None
        down = self.down
        if down.blocked:
            upstream.pause(True)
        head = self._head(plan)
        upload = self._upload
        if upload is None:
            upstream.send(head)
        else:
            for piece in upload.behind(head):
                upstream.send(piece)
            if upload.full or not self._keeps():
                self._forget_body()
        if down.held:
            down.unhold(down.WAITING)
        if self.request_done:
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
        plain = head.grpc_status is None and not head.rate_limited
        if head.status < 400 and plain and self.attempts == 1:
            return False
        retry = self._retry_state()
        if retry is None:
            return False
        if retry.wants_status(head.status, head.grpc_status, limited=head.rate_limited):
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
        self, head: ResponseHead, framing: Framing | None, out: list[Buffer], *, done: bool
    ) -> None:
        """The response begins: *head*, and what came of the body together with it."""
        if self._try_deadline is not None:
            self._stop_try()
        down = self.down
        clock = down.context.clock
        down.touched = clock.now
        self.status = status = head.status
        self.details = "via_upstream"
        time = self.service_time = int((clock.now - self.done_at) * 1000)
        request_done = self.request_done
        if not (request_done or status == 101):
            down.close_early()
        minor = self.request.minor
        wraps = bool(minor) and isinstance(framing, UntilClose) and status != 101
        if not minor and isinstance(framing, UntilClose | Chunked):
            down.close_after = True
        cluster = self.cluster
        assert cluster is not None
        cluster.stats.upstream_rq_xx[status // 100] += 1
        cluster.stats.upstream_rq_completed += 1
        text, dated = head.render(minor, time if request_done else None), head.dated
        plan = self.plan
        if plan is not None and not plan.plain:
            text = self._marked(plan, text)
            dated = bool(lines.value(text, "date"))
        if minor and (wraps or (head.chunked and (self.head_only or isinstance(framing, Chunked)))):
            text += b"transfer-encoding: chunked\r\n"
        for piece in out:
            self.bytes_sent += len(piece)
        last = down.connection_line(minor)
        down.writer.begin(text, last, out, dated=dated, wraps=wraps, done=done)
        if done:
            self._end()

    def forward(self, out: list[Buffer], *, done: bool) -> None:
        """More of the response's body, and whether it ends here."""
        down = self.down
        down.touched = down.context.clock.now
        for piece in out:
            self.bytes_sent += len(piece)
        down.writer.forward(out, done=done)
        if done:
            self._end()

    # Decisions.

    def retry(self) -> None:
        """Make another attempt after the back-off."""
        self._stop_try()
        self._drop_attempt()
        retry = self._retry_state()
        assert retry is not None
        assert self.host is not None
        if self.tried is None:
            assert self.plan is not None
            assert self.plan.retry is not None
            self.tried = Tried(self.plan.retry)
        self.tried.add(self.host)
        clock = self.down.context.clock
        self._wait = clock.call_at(clock.now + retry.back_off(), self._again)

    def reply(self, reply: Reply) -> None:
        """Answer with a local reply."""
        self._drop_attempt()
        request = self.request
        if request.prefix or request.head is not None:
            reply = reply.to(request)
        self.status = reply.status
        self.flags |= reply.flags
        self.details = reply.details
        down, minor, plan = self.down, self.minor, self.plan
        if reply.close or reply.status == 400 or not (minor or reply.body):
            down.close_after = True
        if not self.request_done:
            down.close_early()
        head = reply.head(minor)
        if plan is not None and not plan.plain:
            head = self._marked(plan, head)
        head = reply.with_body_lines(head)
        body: list[Buffer] = [] if self.head_only or not reply.body else [reply.body]
        self.bytes_sent = sum(map(len, body))
        dated = bool(lines.value(head, "date"))
        down.writer.begin(head, down.connection_line(minor), body, dated=dated, done=True)
        self._end()

    def break_off(self, flag: ResponseFlag, details: str) -> None:
        """The response has begun and cannot end well: all that is left is to close."""
        self.flags |= flag
        self.details = details
        self._drop_attempt()
        self._end(close=True)

    @property
    def waits(self) -> bool:
        """Whether the client has nothing more to send, or may send when it likes."""
        return self.request_done or self.status == 101

    def idle_timeout(self) -> None:
        """Nothing more has come of the request for too long."""
        if self.status:
            self.break_off(ResponseFlag.SI, "stream_idle_timeout")
        else:
            self.reply(replies.REQUEST_TIMEOUT)

    # Within.

    def _marked(self, plan: Plan, head: bytes) -> bytes:
        """The response *head* as the route and the destination want it, but for its server."""
        if self._cookies and self.details == "via_upstream":
            head += self._cookies * self.attempts  # one for each, as Envoy does
        target = self._target
        if target is None and not plan.local:  # a fault came first, but Envoy has chosen by then
            target = plan.choose(self.down.context.rng)
        marks = plan.marks if target is None else target.marks
        if marks and self.details != PREFLIGHT:
            values = Values(self, self.request.prefix)
            for mark in marks:
                head = mark.apply(head, values)
        if self._cors:
            assert plan.cors is not None
            head = plan.cors.mark(self.request, head)
        return lines.drop(head, "server")

    def _keeps(self) -> bool:
        """Whether the body may be needed once more."""
        plan = self.plan
        assert plan is not None
        return plan.retry is not None or (bool(plan.mirrors) and not self.request_done)

    def _forget_body(self) -> None:
        """The body is on its way and will not be sent again."""
        assert self._upload is not None
        if self._keeps():
            assert self.cluster is not None
            self.cluster.stats.retry_or_shadow_abandoned += 1
        self._upload.forget()

    def _retry_state(self) -> RetryState | None:
        """What is left of the route's retries; made when first asked for."""
        if self._retry is None and self.plan is not None and self.plan.retry is not None:
            assert self.cluster is not None
            self._retry = RetryState(
                self.plan.retry, self.down.context.rng, self.cluster.breaker, self.cluster.stats
            )
        return self._retry

    def _decide(self, retry: RetryState) -> bool:
        """Whether the attempt that went wrong may be followed by another one."""
        retry.end()
        if self._upload is not None and not self._upload.kept:
            return False
        flag = retry.begin()
        self.flags |= flag
        return not flag

    def _again(self) -> None:
        """The back-off is over."""
        self._wait = None
        self.attempts += 1
        assert self.cluster is not None
        self.cluster.acquire(self)

    def _start_deadline(self) -> None:
        plan = self.plan
        assert plan is not None
        clock = self.down.context.clock
        self.done_at = clock.now
        if plan.timeout is not None:
            self._deadline = clock.call_at(clock.now + plan.timeout, self._timeout)

    def _start_try(self) -> None:
        plan = self.plan
        assert plan is not None
        if plan.try_timeout is not None and not self.status:
            clock = self.down.context.clock
            self._try_deadline = clock.call_at(clock.now + plan.try_timeout, self._try_timeout)

    def _stop_try(self) -> None:
        if self._try_deadline is not None:
            self.down.context.clock.cancel(self._try_deadline, self._try_timeout)
            self._try_deadline = None

    def _try_timeout(self) -> None:
        self._try_deadline = None
        assert self.cluster is not None
        self.cluster.stats.upstream_rq_per_try_timeout += 1
        if self.upstream is not None:
            self.upstream.late()
        self._drop_attempt()
        self.reset(Reset.PER_TRY_TIMEOUT)

    def _timeout(self) -> None:
        self._deadline = None
        assert self.cluster is not None
        self.cluster.stats.upstream_rq_timeout += 1
        if self.upstream is not None:
            self.upstream.late()
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
        elif self._wait is not None:
            clock = self.down.context.clock
            clock.cancel(self._wait, self._again)
            clock.cancel(self._wait, self._delayed)
            self._wait = None
        elif self.cluster is not None:
            self.cluster.cancel(self)
        self.down.unhold(self.down.UPSTREAM)

    def _end(self, *, close: bool = False) -> None:
        """The exchange is over; with *close* the connection cannot be used any further."""
        if self._deadline is not None:
            self.down.context.clock.cancel(self._deadline, self._timeout)
            self._deadline = None
        if self._try_deadline is not None:
            self._stop_try()
        if self._retry is not None:
            self._retry.end()
        self.down.exchange_over(close=close)
