"""What is to be done with the requests of one route: the route, joined to the clusters at work."""

import random
from collections.abc import Mapping

from hybridmesh.config.model import (
    DirectResponse,
    Forward,
    HeaderOps,
    Mirror,
    Redirect,
    Route,
    WeightedCluster,
)

from .action import lines
from .action.cors import Cors
from .action.edit import HeadEdit, HostEdit
from .action.fault import Faults
from .action.redirect import Redirection
from .action.rewrite import PathRewrite, replace_host, replace_target, target_of
from .action.values import Values
from .balancing import Hasher
from .cluster import ClusterState
from .reply import Reply
from .request import Request

__all__ = ["Plan", "Target"]


class Target:
    """A destination: its cluster, and what its requests and responses are changed by.

    Attributes
    ----------
    cluster : ClusterState or None
        None where the mesh has none of that name.
    edits : list of HeadEdit and HostEdit
        Of the request, in the order in which they are made.
    marks : list of HeadEdit
        Of the response.
    """

    __slots__ = ("cluster", "edits", "marks", "weight")

    def __init__(
        self, cluster: ClusterState | None, share: WeightedCluster, route: HeaderOps
    ) -> None:
        self.cluster = cluster
        self.weight = share.weight
        edits: list[HeadEdit | HostEdit] = [
            HeadEdit(share.headers.request),
            HostEdit(share.authority),
            HeadEdit(route.request),
        ]
        marks = [HeadEdit(share.headers.response), HeadEdit(route.response)]
        self.edits = [edit for edit in edits if edit]
        self.marks = [mark for mark in marks if mark]


class Plan:
    """A route's clusters and policies, made once per route.

    Attributes
    ----------
    plain : bool
        Nothing is done but forwarding.
    tail : bytes
        The last lines of every request's head at its first attempt.
    hasher : Hasher or None
        Where a request belongs, in clusters that go by that.
    local : bool
        The answer is :meth:`answer`, nothing is forwarded.
    marks : list of HeadEdit
        Changes of a response before there is a target.
    """

    __slots__ = (
        "_body",
        "_host",
        "_redirection",
        "_scheme",
        "_status",
        "_targets",
        "_total",
        "cors",
        "faults",
        "hasher",
        "local",
        "marks",
        "mirrors",
        "plain",
        "retry",
        "rewrite",
        "route",
        "tail",
        "timeout",
        "try_timeout",
    )

    def __init__(self, route: Route, clusters: Mapping[str, ClusterState], scheme: str) -> None:
        action = route.action
        self.route = route
        self._scheme = scheme
        self.local = not isinstance(action, Forward)
        self.marks = [edit] if (edit := HeadEdit(route.headers.response)) else []
        self.faults = None if route.fault is None else Faults(route.fault)
        self.cors = None if route.cors is None or self.local else Cors(route.cors)
        self._redirection: Redirection | None = None
        self._status, self._body = 0, b""
        if isinstance(action, Redirect):
            self._redirection = Redirection(action, route.match.path)
            self._status = action.code
        elif isinstance(action, DirectResponse):
            self._status, self._body = action.status, action.body
        forward = action if isinstance(action, Forward) else Forward(clusters=(), retry=None)
        self.timeout = forward.timeout
        self.retry = forward.retry
        self.try_timeout = forward.retry.per_try_timeout if forward.retry else None
        self.hasher = Hasher(forward.hash) if forward.hash else None
        self.rewrite = PathRewrite.of(forward, route.match.path)
        self._host = lines.wire(forward.authority)
        self.mirrors: list[tuple[ClusterState, Mirror]] = [
            (clusters[mirror.cluster], mirror)
            for mirror in forward.mirrors
            if mirror.cluster in clusters
        ]
        self._targets = [
            Target(clusters.get(share.cluster), share, route.headers) for share in forward.clusters
        ]
        self._total = sum(target.weight for target in self._targets)
        self.tail = self.numbered(0.0, 1) + b"\r\n"
        self.plain = not (
            self.local
            or self.marks
            or self.faults
            or self.cors
            or self.hasher
            or self.rewrite
            or self.mirrors
            or self._host
            or any(target.edits or target.marks for target in self._targets)
        )

    def numbered(self, elapsed: float, attempt: int) -> bytes:
        """The lines that tell a pod how long it has, *elapsed* seconds after the request came, and
        which *attempt* it is."""
        limits = [self.try_timeout] if self.try_timeout else []
        if self.timeout:
            limits.append(max(self.timeout - elapsed, 0.001))
        lines = b"x-envoy-attempt-count: %d\r\n" % attempt
        if not limits:
            return lines
        return b"x-envoy-expected-rq-timeout-ms: %d\r\n%b" % (round(min(limits) * 1000), lines)

    def choose(self, rng: random.Random) -> Target:
        """A destination, by weight."""
        targets = self._targets
        if len(targets) == 1:
            return targets[0]
        ticket = rng.random() * self._total
        for target in targets:
            ticket -= target.weight
            if ticket < 0:
                return target
        return targets[-1]

    def change(self, target: Target, head: bytes, values: Values) -> bytes:
        """The request *head* as the route and its destination want it."""
        for edit in target.edits:
            head = edit.apply(head, values)
        if self._host:
            before = lines.value(head, "host")
            head = replace_host(head, self._host)
            if before:
                head = lines.add(head, "x-envoy-original-host", before)
        if self.rewrite is not None:
            head = replace_target(head, self.rewrite.apply(target_of(head)))
        return head

    def answer(self, request: Request) -> Reply:
        """The answer of a route that does not forward."""
        fields = b""
        if self._redirection is not None:
            scheme = self._scheme if request.head is None else request.head.scheme
            location = self._redirection.location(scheme, request.authority or "", request.path)
            fields = b"location: %b\r\n" % location.encode("latin-1")
        return Reply(self._status, self._body, "direct_response", fields=fields)
