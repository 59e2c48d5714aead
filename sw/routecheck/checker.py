"""What the gateway would do with a request, held against a test.

The request is read, matched and changed by the very parts that serve it; only no pod gets it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hybridmesh.config.model import Endpoint, Forward, Mesh, RouteTable
from hybridmesh.proxy.core.action import lines
from hybridmesh.proxy.core.action.rewrite import target_of
from hybridmesh.proxy.core.action.values import Values
from hybridmesh.proxy.core.clock import Clock
from hybridmesh.proxy.core.context import Context
from hybridmesh.proxy.core.intake import Intake, Refusal
from hybridmesh.proxy.core.plan import Plan, Target
from hybridmesh.proxy.core.request import Request
from hybridmesh.proxy.core.request_ids import RequestIds
from hybridmesh.proxy.core.stats import ListenerStats
from hybridmesh.reference.resolver import Resolver

from .header_match import holds, words
from .schema import HeaderMatcher, HeaderValue
from .tests import Input, RouteTest

__all__ = ["Checker", "Mismatch"]

_PEER = "192.0.2.1"
"""A client's address that is nobody's (RFC 5737)."""


@dataclass(frozen=True)
class Mismatch:
    """Something that is not as a test wants it; ``what`` is the test's word for it."""

    what: str
    wanted: str
    found: str


@dataclass(frozen=True)
class _Outcome:
    """What became of a request.

    Attributes
    ----------
    names : dict
        By the test's words; those that are missing are ``""``.
    request, response : bytes
        Heads, as the pod gets the one and the client the other.
    """

    names: dict[str, str]
    request: bytes
    response: bytes


class Checker:
    """Puts tests to the routes of *mesh*."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._contexts: dict[tuple[int, str], Context] = {}

    def check(self, test: RouteTest) -> list[Mismatch]:
        """All that is not as *test* wants it."""
        context = self._context(test.input)
        request = Intake(context, _PEER).read(_head(test.input), None)
        assert request is not None  # all of the head is there
        if isinstance(request, Refusal):
            reply = request.reply
            return [Mismatch("input", "a request", f"{reply.status}: {reply.details}")]
        head = request.head
        assert head is not None  # only a NIC lets it go by unread
        host = context.resolver.matcher.virtual_host(head.host)
        plan = None if request.route is None else context.plan(request.route)
        outcome = _outcome(request, plan, test.input, host.name if host else "")
        wanted = test.validate
        found = [
            Mismatch(word, repr(text), repr(outcome.names.get(word, "")))
            for word, text in wanted.names().items()
            if outcome.names.get(word, "") != text
        ]
        found += _fields("request_header_fields", wanted.request_header_fields, outcome.request)
        found += _fields("response_header_fields", wanted.response_header_fields, outcome.response)
        found += _matches("request_header_matches", wanted.request_header_matches, outcome.request)
        found += _matches(
            "response_header_matches", wanted.response_header_matches, outcome.response
        )
        return found

    def _context(self, request: Input) -> Context:
        table, scheme = self._table(request), "https" if request.ssl else "http"
        key = id(table), scheme
        if key not in self._contexts:
            self._contexts[key] = Context(
                clusters={},
                resolver=Resolver(table),
                clock=Clock(),
                rng=random.Random(0),
                ids=RequestIds(random.Random(0)),
                stats=ListenerStats(),
                scheme=scheme,
                paths=self._mesh.paths,
                topology=self._mesh.topology,
            )
        return self._contexts[key]

    def _table(self, request: Input) -> RouteTable:
        """With ``ssl``, that of the certificate for the host, if there is any TLS at all."""
        servers = [server for listener in self._mesh.listeners for server in listener.servers]
        if not request.ssl or not servers:
            return self._mesh.table
        host = request.authority.partition(":")[0].lower()
        tables = (s.table for s in servers if any(_covers(name, host) for name in s.names))
        return next(tables, _NOTHING)


_NOTHING = RouteTable(0, ())


def _covers(name: str, host: str) -> bool:
    return name == "*" or name == host or (name.startswith("*.") and host.endswith(name[1:]))


def _head(request: Input) -> bytes:
    fields = [("host", request.authority)]
    fields += [(header.key, header.value) for header in request.additional_request_headers]
    if request.internal:
        fields.append(("x-envoy-internal", "true"))
    text = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{request.method} {request.path} HTTP/1.1\r\n{text}\r\n".encode()


# ------------------------------------------------------------------ what the route does
@dataclass(frozen=True)
class _Subject:
    """What values in fields are of: a request that gets its answer at once."""

    scheme: str
    cluster_name: str = ""
    status: int = 200
    flags: int = 0
    details: str = ""
    attempts: int = 1
    minor: int = 1
    wall: float = 0.0
    endpoint: Endpoint | None = None
    peer: tuple[str, int] = (_PEER, 0)
    local: tuple[str, int] = ("192.0.2.2", 0)


class _Die(random.Random):
    """Falls as Envoy's random value says, modulo the sum of the weights."""

    def __init__(self, value: int, total: int) -> None:
        super().__init__()
        self._share = (value % total + 0.5) / total

    def random(self) -> float:
        return self._share


def _outcome(request: Request, plan: Plan | None, asked: Input, virtual_host: str) -> _Outcome:
    head = request.prefix
    answer = _answer_head(asked)
    if plan is None:
        return _Outcome({}, head, answer)
    scheme = "https" if asked.ssl else "http"
    if isinstance(plan.route.action, Forward):
        cluster, target = _chosen(plan, plan.route.action, asked.random_value)
        subject = _Subject(scheme, cluster)
        head = plan.change(target, head, Values(subject))
        for edit in target.marks:
            answer = edit.apply(answer, Values(subject, head))
        names = {
            "cluster_name": cluster,
            "virtual_host_name": virtual_host,
            "host_rewrite": lines.value(head, "host"),
            "path_rewrite": target_of(head),
        }
        return _Outcome(names, head, answer)
    reply = plan.answer(request)
    answer = reply.head(1)
    answer = reply.with_body_lines(answer)
    subject = _Subject(scheme, status=reply.status, details=reply.details)
    names = {"path_redirect": lines.value(answer, "location")}
    for edit in plan.marks:
        answer = edit.apply(answer, Values(subject, head))
    return _Outcome(names, head, answer)


def _chosen(plan: Plan, action: Forward, value: int) -> tuple[str, Target]:
    """The destination: name of its cluster, and what it changes."""
    total = sum(share.weight for share in action.clusters)
    left = value % total
    for share in action.clusters:
        if left < share.weight:
            break
        left -= share.weight
    return share.cluster, plan.choose(_Die(value, total))


def _answer_head(asked: Input) -> bytes:
    fields = "".join(f"{h.key}: {h.value}\r\n" for h in asked.additional_response_headers)
    return b"HTTP/1.1 200 OK\r\n" + fields.encode()


# ------------------------------------------------------------------ fields
def _values(head: bytes, name: str) -> list[str]:
    """Values of the lines called *name*, or of a pseudo header (RFC 9113, 8.3)."""
    first, *rest = head.decode("latin-1").removesuffix("\r\n").split("\r\n")
    words = first.split(" ")
    if name.lower() in (":authority", "host"):
        return [lines.value(head, "host")]
    if name.startswith(":"):
        pseudo = {":method": 0, ":path": 1} if not first.startswith("HTTP/") else {":status": 1}
        return [words[pseudo[name]]] if name in pseudo else []
    pairs = (line.partition(": ") for line in rest)
    return [value for own, _, value in pairs if own.lower() == name.lower()]


def _fields(what: str, wanted: Sequence[HeaderValue], head: bytes) -> Iterator[Mismatch]:
    for header in wanted:
        value = ",".join(_values(head, header.key))
        if value != header.value:
            yield Mismatch(what, f"{header.key}: {header.value}", f"{header.key}: {value}")


def _matches(what: str, wanted: Sequence[HeaderMatcher], head: bytes) -> Iterator[Mismatch]:
    for matcher in wanted:
        values = _values(head, matcher.name)
        if not holds(matcher, values):
            yield Mismatch(what, words(matcher), ", ".join(map(repr, values)) or "no such field")
