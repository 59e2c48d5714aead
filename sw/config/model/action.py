"""What a route does with a request: forward it, redirect the client, or answer by itself; and what
it changes on the way.  Words and defaults are those of ``envoy.config.route.v3`` as Istio fills it.
"""

from dataclasses import dataclass, field

from .matching import StringMatch

__all__ = [
    "NO_CHANGE",
    "Abort",
    "Action",
    "CookieHash",
    "CorsPolicy",
    "Delay",
    "DirectResponse",
    "Fault",
    "FieldHash",
    "Forward",
    "HashPolicy",
    "HeaderChange",
    "HeaderOps",
    "Mirror",
    "ParameterHash",
    "Redirect",
    "RegexRewrite",
    "RetryPolicy",
    "SourceAddressHash",
    "WeightedCluster",
]


@dataclass(frozen=True)
class HeaderChange:
    """Changes to the fields of one head, names in lower case.

    Removed first, then set (in place of what there is, the last of a name counts), then added
    (beside what there is), each in order.  Values are format strings: ``%REQ(x-user)%``, ``%%``
    for a percent sign (:mod:`hybridmesh.config.template`).
    """

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeaderOps:
    """``headers`` of an http entry or of a destination."""

    request: HeaderChange = HeaderChange()
    response: HeaderChange = HeaderChange()


NO_CHANGE = HeaderOps()


@dataclass(frozen=True)
class RetryPolicy:
    """``retries``, with Istio's defaults.

    Attributes
    ----------
    attempts : int
        Retries beyond the first try, at least 1.
    on : frozenset of str
        Conditions, in Envoy's words.
    on_status : frozenset of int
        Status codes to retry on besides.
    per_try_timeout : float or None
        None: the route's own timeout.
    back_off : float
        The first retry comes at random within this time, each later one within twice the time of
        the one before, up to ten times this.
    other_hosts : bool
        A host that had an attempt is avoided (``previous_hosts``).
    other_localities : bool
        So is, after two attempts, its priority (``previous_priorities``).
    """

    attempts: int = 2
    on: frozenset[str] = frozenset(
        {"connect-failure", "refused-stream", "unavailable", "cancelled"}
    )
    on_status: frozenset[int] = frozenset({503})
    per_try_timeout: float | None = None
    back_off: float = 0.025
    other_hosts: bool = True
    other_localities: bool = False


@dataclass(frozen=True)
class WeightedCluster:
    """A destination: name of the cluster, its share of the requests, and its own changes.

    ``authority``: what the pod sees as host, unless the route itself rewrites it; "": no change.
    """

    cluster: str
    weight: int = 100
    headers: HeaderOps = NO_CHANGE
    authority: str = ""


@dataclass(frozen=True)
class RegexRewrite:
    """What of the path matches ``pattern`` (RE2), every time, becomes ``substitution``, in which
    ``\\1`` to ``\\9`` stand for its groups."""

    pattern: str
    substitution: str


@dataclass(frozen=True)
class Mirror:
    """A copy of ``share`` (0 to 1) of the requests goes to ``cluster``, whose answers are dropped.

    Its host gets ``-shadow`` appended.
    """

    cluster: str
    share: float = 1.0


@dataclass(frozen=True)
class FieldHash:
    """The values of a header field, lower-case name."""

    name: str


@dataclass(frozen=True)
class CookieHash:
    """A cookie; one that is missing is made where ``ttl`` (seconds; 0: of the session) is given."""

    name: str
    path: str = ""
    ttl: float | None = None


@dataclass(frozen=True)
class SourceAddressHash:
    """The client's address."""


@dataclass(frozen=True)
class ParameterHash:
    """The first value of a query parameter."""

    name: str


HashPolicy = FieldHash | CookieHash | SourceAddressHash | ParameterHash
"""What of a request says which endpoint it belongs to (``consistentHash``)."""


@dataclass(frozen=True)
class Forward:
    """To a pod.

    Attributes
    ----------
    clusters : tuple of WeightedCluster
        At least one; the weights' sum is above 0.
    timeout : float or None
        For the whole request, retries included; None: no limit.
    retry : RetryPolicy or None
        None where ``attempts`` is 0.
    prefix_rewrite : str
        What takes the place of the part of the path that matched: the prefix, or all of the path
        where the match is exact or a regular expression; "": no change.
    regex_rewrite : RegexRewrite or None
        Instead of ``prefix_rewrite``.
    authority : str
        What the pod sees as host; "": no change.
    mirrors : tuple of Mirror
    hash : tuple of HashPolicy
        Of the destinations whose clusters want it.
    """

    clusters: tuple[WeightedCluster, ...]
    timeout: float | None = None
    retry: RetryPolicy | None = field(default_factory=RetryPolicy)
    prefix_rewrite: str = ""
    regex_rewrite: RegexRewrite | None = None
    authority: str = ""
    mirrors: tuple[Mirror, ...] = ()
    hash: tuple[HashPolicy, ...] = ()


@dataclass(frozen=True)
class Redirect:
    """Tell the client to ask elsewhere; whatever is empty stays as in the request.

    Attributes
    ----------
    path : str
        The whole path, with or without a query; the request's query is lost only where this one has
        its own.
    prefix : str or None
        Instead of ``path``: what takes the place of the prefix that matched.
    port : int
        0: none is written, and that of the request is taken off if it was its scheme's default.
    code : int
        301, 302, 303, 307 or 308.
    """

    authority: str = ""
    path: str = ""
    prefix: str | None = None
    scheme: str = ""
    port: int = 0
    code: int = 301


@dataclass(frozen=True)
class DirectResponse:
    """Answer with ``status`` and ``body``."""

    status: int
    body: bytes = b""


Action = Forward | Redirect | DirectResponse


@dataclass(frozen=True)
class Delay:
    """``share`` (0 to 1) of the requests wait for ``seconds`` before anything else happens."""

    seconds: float
    share: float


@dataclass(frozen=True)
class Abort:
    """``share`` (0 to 1) of the requests are answered with ``status``, or this status of gRPC."""

    share: float
    status: int = 0
    grpc_status: int | None = None


@dataclass(frozen=True)
class Fault:
    """``fault``: faults on purpose."""

    delay: Delay | None = None
    abort: Abort | None = None


@dataclass(frozen=True)
class CorsPolicy:
    """``corsPolicy`` (https://fetch.spec.whatwg.org/#http-cors-protocol), as Envoy's filter has it.

    Attributes
    ----------
    origins : tuple of StringMatch
        Of which one must agree with the Origin field.
    methods, headers, expose : str
        Field values, joined by commas; "": the response lacks the field.
    max_age : int or None
        Seconds.
    credentials : bool
    forward_unmatched : bool
        A preflight of another origin goes on to the pod; else it is answered without CORS fields.
    """

    origins: tuple[StringMatch, ...] = ()
    methods: str = ""
    headers: str = ""
    expose: str = ""
    max_age: int | None = None
    credentials: bool = False
    forward_unmatched: bool = True
