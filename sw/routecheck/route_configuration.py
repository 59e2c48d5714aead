"""Routes as Envoy itself is given them: ``envoy.config.route.v3.RouteConfiguration``, as far as the
gateway can do what they say.  What cannot change a check is passed over."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from hybridmesh.config.document import Node
from hybridmesh.config.findings import Report
from hybridmesh.config.message import Also, Choice, FieldError, Message, Read, expect
from hybridmesh.config.message import read as read_message
from hybridmesh.config.model import (
    Action,
    DirectResponse,
    FieldMatch,
    Forward,
    HeaderChange,
    HeaderOps,
    MatchKind,
    Mesh,
    Redirect,
    RegexRewrite,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)

from .schema import HeaderMatcher, HeaderValue, Regex, StringMatcher, filled

__all__ = ["read_route_configuration"]

_UNSEEN = "a check does not look at it"
_NOT_DONE = "the gateway has nothing like it"


def _refused(*names: str) -> Mapping[str, str]:
    return dict.fromkeys(_both(names), _NOT_DONE)


def _passed_over(*names: str) -> Mapping[str, str]:
    return dict.fromkeys(_both(names), _UNSEEN)


def _both(names: Sequence[str]) -> list[str]:
    """Names in both spellings."""
    return [*names, *(re.sub("_(.)", lambda found: found[1].upper(), name) for name in names)]


# ------------------------------------------------------------------ conditions
@dataclass(frozen=True)
class _Parameter(Message):
    """``QueryParameterMatcher``."""

    name: Annotated[str, Read(filled)]
    string_match: Annotated[StringMatcher, Also("string_match")] | None = None
    present_match: Annotated[bool, Also("present_match")] = True

    @property
    def match(self) -> FieldMatch:
        text = self.string_match
        return FieldMatch(self.name, _string(text) if text else StringMatch(MatchKind.PRESENT))


@dataclass(frozen=True)
class _Match(
    Message,
    name="RouteMatch",
    not_done=_refused(
        "path_separated_prefix", "path_match_policy", "connect_matcher", "runtime_fraction", "grpc",
        "tls_context", "dynamic_metadata", "filter_state", "cookies",
    ),
):  # fmt: skip
    prefix: str | None = None
    path: str | None = None
    safe_regex: Annotated[Regex, Also("safe_regex")] | None = None
    case_sensitive: Annotated[bool, Also("case_sensitive")] = True
    headers: tuple[HeaderMatcher, ...] = ()
    query_parameters: Annotated[tuple[_Parameter, ...], Also("query_parameters")] = ()

    def check(self) -> None:
        given = [text for text in (self.prefix, self.path, self.safe_regex) if text is not None]
        if len(given) != 1:
            raise FieldError("one of 'prefix', 'path' and 'safe_regex' is needed")

    @property
    def match(self) -> RouteMatch:
        fold = not self.case_sensitive
        if self.safe_regex is not None:
            path = StringMatch(MatchKind.REGEX, self.safe_regex.regex)
        elif self.path is not None:
            path = StringMatch(MatchKind.EXACT, self.path, fold)
        else:
            path = StringMatch(MatchKind.PREFIX, self.prefix or "", fold)
        return RouteMatch(
            path,
            headers=tuple(_field(header) for header in self.headers),
            query=tuple(parameter.match for parameter in self.query_parameters),
        )


def _field(header: HeaderMatcher) -> FieldMatch:
    name, invert = header.name.lower(), header.invert_match
    if header.range_match is not None:
        raise FieldError("'range_match' cannot be checked", "remove it", header.node)
    match = _header_string(header)
    if match is None:
        return FieldMatch(
            name, StringMatch(MatchKind.PRESENT), (header.present_match is False) != invert
        )
    if invert and not header.treat_missing_header_as_empty:
        raise FieldError(
            "'invert_match' without 'treat_missing_header_as_empty' cannot be checked",
            "add it, as Istio does",
            header.node,
        )
    return FieldMatch(name, match, invert)


def _header_string(header: HeaderMatcher) -> StringMatch | None:
    if header.string_match is not None:
        return _string(header.string_match)
    if header.safe_regex_match is not None:
        return StringMatch(MatchKind.REGEX, header.safe_regex_match.regex)
    if header.exact_match is not None:
        return StringMatch(MatchKind.EXACT, header.exact_match)
    if header.prefix_match is not None:
        return StringMatch(MatchKind.PREFIX, header.prefix_match)
    if header.suffix_match is not None:
        return _regex(f".*{re.escape(header.suffix_match)}")
    if header.contains_match is not None:
        return _regex(f".*{re.escape(header.contains_match)}.*")
    return None


def _string(text: StringMatcher) -> StringMatch:
    if text.safe_regex is not None:
        return StringMatch(MatchKind.REGEX, text.safe_regex.regex)
    fold = "(?i)" if text.ignore_case else ""
    if text.suffix is not None:
        return _regex(f"{fold}.*{re.escape(text.suffix)}")
    if text.contains is not None:
        return _regex(f"{fold}.*{re.escape(text.contains)}.*")
    kind = MatchKind.PREFIX if text.prefix is not None else MatchKind.EXACT
    value = text.prefix or text.exact or ""
    if text.ignore_case:
        return _regex(f"{fold}{re.escape(value)}{'.*' if text.prefix is not None else ''}")
    return StringMatch(kind, value)


def _regex(text: str) -> StringMatch:
    return StringMatch(MatchKind.REGEX, text)


# ------------------------------------------------------------------ changes of heads
_ADDED = Choice(
    {"APPEND_IF_EXISTS_OR_ADD": False, "OVERWRITE_IF_EXISTS_OR_ADD": True},
    dict.fromkeys(("ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS"), _NOT_DONE),
)


@dataclass(frozen=True)
class _Option(Message, name="HeaderValueOption", no_effect=_passed_over("keep_empty_value")):
    header: HeaderValue
    append_action: Annotated[bool, Read(_ADDED), Also("append_action")] = False
    """Whether it takes the place of what is there."""
    append: bool = True

    @property
    def replaces(self) -> bool:
        return self.append_action or not self.append


_Options = tuple[_Option, ...]
_Names = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Changes(Message):
    """Of a route, or of one of its clusters."""

    request_headers_to_add: Annotated[_Options, Also("request_headers_to_add")] = ()
    request_headers_to_remove: Annotated[_Names, Also("request_headers_to_remove")] = ()
    response_headers_to_add: Annotated[_Options, Also("response_headers_to_add")] = ()
    response_headers_to_remove: Annotated[_Names, Also("response_headers_to_remove")] = ()

    @property
    def ops(self) -> HeaderOps:
        return HeaderOps(
            _change(self.request_headers_to_add, self.request_headers_to_remove),
            _change(self.response_headers_to_add, self.response_headers_to_remove),
        )


def _change(options: _Options, remove: _Names) -> HeaderChange:
    added: list[tuple[str, str]] = []
    replaced: dict[str, str] = {}
    for option in options:
        name, value = option.header.key.lower(), option.header.value
        if option.replaces:
            replaced[name] = value
            added = [pair for pair in added if pair[0] != name]
        else:
            added.append((name, value))
    return HeaderChange(tuple(replaced.items()), tuple(added), tuple(map(str.lower, remove)))


# ------------------------------------------------------------------ actions
@dataclass(frozen=True)
class _Weight(
    _Changes,
    name="WeightedCluster.ClusterWeight",
    not_done=_refused("cluster_header"),
    no_effect=_passed_over("metadata_match", "typed_per_filter_config"),
):
    name: Annotated[str, Read(filled)]
    weight: int = 0
    host_rewrite_literal: Annotated[str, Also("host_rewrite_literal")] = ""


@dataclass(frozen=True)
class _Weights(
    Message,
    name="WeightedCluster",
    not_done=_refused("header_name", "use_hash_policy"),
    no_effect=_passed_over("total_weight", "runtime_key_prefix"),
):
    clusters: tuple[_Weight, ...]


@dataclass(frozen=True)
class _Substitution(Message, name="RegexMatchAndSubstitute"):
    pattern: Regex
    substitution: str = ""


@dataclass(frozen=True)
class _Forward(
    Message,
    name="RouteAction",
    not_done=_refused(
        "cluster_header", "cluster_specifier_plugin", "inline_cluster_specifier_plugin",
        "auto_host_rewrite", "host_rewrite_header", "host_rewrite_path_regex",
        "append_x_forwarded_host", "path_rewrite_policy", "internal_redirect_policy",
    ),
    no_effect=_passed_over(
        "timeout", "idle_timeout", "flush_timeout", "retry_policy", "retry_policy_typed_config",
        "request_mirror_policies", "priority", "rate_limits", "include_vh_rate_limits",
        "hash_policy", "cors", "max_grpc_timeout", "grpc_timeout_offset", "upgrade_configs",
        "hedge_policy", "max_stream_duration", "metadata_match", "early_data_policy",
        "cluster_not_found_response_code",
    ),
    one_of=("cluster weighted_clusters weightedClusters",),
):  # fmt: skip
    cluster: str = ""
    weighted_clusters: Annotated[_Weights, Also("weighted_clusters")] | None = None
    prefix_rewrite: Annotated[str, Also("prefix_rewrite")] = ""
    regex_rewrite: Annotated[_Substitution, Also("regex_rewrite")] | None = None
    host_rewrite_literal: Annotated[str, Also("host_rewrite_literal"), Also("host_rewrite")] = ""

    def check(self) -> None:
        if not self.cluster and self.weighted_clusters is None:
            raise FieldError("it has neither 'cluster' nor 'weighted_clusters'")
        if self.weighted_clusters and not sum(c.weight for c in self.weighted_clusters.clusters):
            raise FieldError("the weights add up to 0")

    @property
    def action(self) -> Forward:
        shares = self.weighted_clusters.clusters if self.weighted_clusters else ()
        rewrite = self.regex_rewrite
        return Forward(
            clusters=tuple(
                WeightedCluster(share.name, share.weight, share.ops, share.host_rewrite_literal)
                for share in shares
            )
            or (WeightedCluster(self.cluster),),
            prefix_rewrite=self.prefix_rewrite,
            regex_rewrite=(
                RegexRewrite(rewrite.pattern.regex, rewrite.substitution) if rewrite else None
            ),
            authority=self.host_rewrite_literal,
        )


_CODES = Choice(
    {
        "MOVED_PERMANENTLY": 301,
        "FOUND": 302,
        "SEE_OTHER": 303,
        "TEMPORARY_REDIRECT": 307,
        "PERMANENT_REDIRECT": 308,
    }
)


@dataclass(frozen=True)
class _Redirect(
    Message,
    name="RedirectAction",
    not_done=_refused("regex_rewrite", "strip_query"),
    one_of=("path_redirect pathRedirect prefix_rewrite prefixRewrite",),
):
    https_redirect: Annotated[bool, Also("https_redirect")] = False
    scheme_redirect: Annotated[str, Also("scheme_redirect")] = ""
    host_redirect: Annotated[str, Also("host_redirect")] = ""
    port_redirect: Annotated[int, Also("port_redirect")] = 0
    path_redirect: Annotated[str, Also("path_redirect")] = ""
    prefix_rewrite: Annotated[str, Also("prefix_rewrite")] | None = None
    response_code: Annotated[int, Read(_CODES), Also("response_code")] = 301

    @property
    def action(self) -> Redirect:
        return Redirect(
            self.host_redirect,
            self.path_redirect,
            self.prefix_rewrite,
            "https" if self.https_redirect else self.scheme_redirect,
            self.port_redirect,
            self.response_code,
        )


@dataclass(frozen=True)
class _Body(Message, name="DataSource", not_done=_refused("filename", "environment_variable")):
    inline_string: Annotated[str, Also("inline_string")] = ""
    inline_bytes: Annotated[str, Also("inline_bytes")] = ""

    @property
    def content(self) -> bytes:
        try:
            return self.inline_string.encode() or base64.b64decode(self.inline_bytes)
        except binascii.Error:
            raise FieldError("'inline_bytes' is not base64", "", self.node) from None


@dataclass(frozen=True)
class _DirectResponse(Message, name="DirectResponseAction", not_done=_refused("body_format")):
    status: int
    body: _Body | None = None

    @property
    def action(self) -> DirectResponse:
        return DirectResponse(self.status, self.body.content if self.body else b"")


# ------------------------------------------------------------------ tables
@dataclass(frozen=True)
class _Route(
    _Changes,
    name="Route",
    not_done=_refused("filter_action", "non_forwarding_action"),
    no_effect=_passed_over(
        "metadata", "decorator", "typed_per_filter_config", "tracing", "stat_prefix",
        "per_request_buffer_limit_bytes", "request_body_buffer_limit",
    ),
    one_of=("route redirect direct_response directResponse",),
):  # fmt: skip
    match: _Match
    name: str = ""
    route: _Forward | None = None
    redirect: _Redirect | None = None
    direct_response: Annotated[_DirectResponse, Also("direct_response")] | None = None

    def to_model(self, name: str) -> Route:
        message = self.route or self.redirect or self.direct_response
        if message is None:
            raise FieldError("the route does nothing", "add 'route'", self.node)
        action: Action = message.action
        return Route(self.name or name, self.match.match, action, self.node.location, self.ops)


@dataclass(frozen=True)
class _VirtualHost(
    Message,
    name="VirtualHost",
    not_done=_refused(
        "require_tls", "virtual_clusters", "matcher", "request_headers_to_add",
        "request_headers_to_remove", "response_headers_to_add", "response_headers_to_remove",
    ),
    no_effect=_passed_over(
        "rate_limits", "cors", "typed_per_filter_config", "include_request_attempt_count",
        "include_attempt_count_in_response", "retry_policy", "retry_policy_typed_config",
        "hedge_policy", "include_is_timeout_retry_header", "per_request_buffer_limit_bytes",
        "request_mirror_policies", "metadata",
    ),
):  # fmt: skip
    name: Annotated[str, Read(filled)]
    domains: tuple[Annotated[str, Read(filled)], ...]
    routes: tuple[_Route, ...] = ()


@dataclass(frozen=True)
class _RouteConfiguration(
    Message,
    name="RouteConfiguration",
    not_done=_refused(
        "vhds", "request_headers_to_add", "request_headers_to_remove", "response_headers_to_add",
        "response_headers_to_remove", "most_specific_header_mutations_wins",
    ),
    no_effect=_passed_over(
        "internal_only_headers", "validate_clusters", "max_direct_response_body_size_bytes",
        "cluster_specifier_plugins", "request_mirror_policies", "ignore_port_in_host_matching",
        "ignore_path_parameters_in_path_matching", "typed_per_filter_config", "metadata",
    ),
):  # fmt: skip
    name: str = ""
    virtual_hosts: Annotated[tuple[_VirtualHost, ...], Also("virtual_hosts")] = ()


def read_route_configuration(node: Node, report: Report) -> Mesh:
    """The mesh that has the routes at *node*, and no clusters."""
    expect(node, dict)
    configuration = read_message(_RouteConfiguration, node, report)
    hosts = []
    for host in configuration.virtual_hosts:
        routes = tuple(
            route.to_model(f"{host.name}/{number}") for number, route in enumerate(host.routes)
        )
        hosts += [VirtualHost(host.name, domain.lower(), routes) for domain in host.domains]
    return Mesh.of(RouteTable(0, tuple(hosts)), {})
