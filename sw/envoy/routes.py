"""Routes: what istiod writes into ``envoy.config.route.v3`` for a VirtualService."""

from ..config.model import (
    CookieHash,
    CorsPolicy,
    DirectResponse,
    Fault,
    FieldHash,
    FieldMatch,
    Forward,
    HashPolicy,
    HeaderChange,
    HeaderOps,
    MatchKind,
    Mirror,
    ParameterHash,
    Redirect,
    RetryPolicy,
    Route,
    RouteMatch,
    RouteTable,
    SourceAddressHash,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)
from .proto import Json, duration, fraction, fractional_percent, regex, string_match, typed

__all__ = ["route_configuration"]

_RETRIED_HOSTS = 5
"""``host_selection_retry_max_attempts``, as Istio always has it."""

_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": typed(
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    ),
}
_PREVIOUS_PRIORITIES = {
    "name": "envoy.retry_priorities.previous_priorities",
    "typed_config": typed(
        "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        update_frequency=2,
    ),
}

_REDIRECT_CODES = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def route_configuration(table: RouteTable) -> Json:
    return {
        "name": f"http.{table.port}",
        "virtual_hosts": [_virtual_host(host) for host in table.virtual_hosts],
        "validate_clusters": False,
        "ignore_port_in_host_matching": True,
        "max_direct_response_body_size_bytes": 1 << 20,
    }


def _virtual_host(host: VirtualHost) -> Json:
    return {
        "name": host.name,
        "domains": [host.domain],
        "include_request_attempt_count": True,
        "routes": [_route(route) for route in host.routes],
    }


def _route(route: Route) -> Json:
    message: Json = {"name": route.id, "match": _match(route.match)}
    filters: Json = {}
    match route.action:
        case Redirect():
            message["redirect"] = _redirect(route.action)
        case DirectResponse():
            message["direct_response"] = _direct_response(route.action)
        case Forward():
            message["route"] = _forward(route.action)
    if route.fault is not None:
        filters["envoy.filters.http.fault"] = _fault(route.fault)
    if route.cors is not None:
        filters["envoy.filters.http.cors"] = _cors(route.cors)
    if filters:
        message["typed_per_filter_config"] = filters
    return message | _header_ops(route.headers)


# ------------------------------------------------------------------ conditions
def _match(match: RouteMatch) -> Json:
    path = match.path or StringMatch(MatchKind.PREFIX, "")
    message = _path(path)
    attributes = {":method": match.method, ":authority": match.authority, ":scheme": match.scheme}
    headers = [_header(field) for field in match.headers] + [
        {"name": name, "string_match": string_match(text)}
        for name, text in attributes.items()
        if text is not None
    ]
    if headers:
        message["headers"] = headers
    if match.query:
        message["query_parameters"] = [_parameter(field) for field in match.query]
    return message


def _path(path: StringMatch) -> Json:
    key = {MatchKind.EXACT: "path", MatchKind.PREFIX: "prefix", MatchKind.REGEX: "safe_regex"}
    value = regex(path.value) if path.kind is MatchKind.REGEX else path.value
    return {key[path.kind]: value, "case_sensitive": not path.ignore_case}


def _header(field: FieldMatch) -> Json:
    message: Json = {"name": field.name} | _field(field)
    if field.invert:
        message["invert_match"] = True
        # Envoy refuses the two together.
        message["treat_missing_header_as_empty"] = field.match.kind is not MatchKind.PRESENT
    return message


def _parameter(field: FieldMatch) -> Json:
    return {"name": field.name} | _field(field)


def _field(field: FieldMatch) -> Json:
    if field.match.kind is MatchKind.PRESENT:
        return {"present_match": True}
    return {"string_match": string_match(field.match)}


# ------------------------------------------------------------------ changes of heads
def _header_ops(changes: HeaderOps) -> Json:
    message: Json = {}
    for side, change in (("request", changes.request), ("response", changes.response)):
        if added := _added(change):
            message[f"{side}_headers_to_add"] = added
        if change.remove:
            message[f"{side}_headers_to_remove"] = list(change.remove)
    return message


def _added(change: HeaderChange) -> list[Json]:
    kinds = ("OVERWRITE_IF_EXISTS_OR_ADD", change.set), ("APPEND_IF_EXISTS_OR_ADD", change.add)
    return [
        {"header": {"key": name, "value": value}, "append_action": kind}
        for kind, pairs in kinds
        for name, value in pairs
    ]


# ------------------------------------------------------------------ actions
def _forward(action: Forward) -> Json:
    message: Json = {
        "timeout": duration(action.timeout),
        "max_grpc_timeout": duration(action.timeout),
    }
    name = action.clusters[0].cluster
    if action.clusters == (WeightedCluster(name),):
        message["cluster"] = name
    else:
        message["weighted_clusters"] = {"clusters": [_weighted(c) for c in action.clusters]}
    if action.authority:
        message["host_rewrite_literal"] = action.authority
    if action.prefix_rewrite:
        message["prefix_rewrite"] = action.prefix_rewrite
    if action.regex_rewrite is not None:
        message["regex_rewrite"] = {
            "pattern": regex(action.regex_rewrite.pattern),
            "substitution": action.regex_rewrite.substitution,
        }
    if action.retry is not None:
        message["retry_policy"] = _retry(action.retry)
    if action.mirrors:
        message["request_mirror_policies"] = [_mirror(mirror) for mirror in action.mirrors]
    if action.hash:
        message["hash_policy"] = [_hash(policy) for policy in action.hash]
    return message


def _weighted(cluster: WeightedCluster) -> Json:
    message = {"name": cluster.cluster, "weight": cluster.weight} | _header_ops(cluster.headers)
    if cluster.authority:
        message["host_rewrite_literal"] = cluster.authority
    return message


def _retry(policy: RetryPolicy) -> Json:
    on = set(policy.on) | ({"retriable-status-codes"} if policy.on_status else set())
    message: Json = {
        "retry_on": ",".join(sorted(on)),
        "num_retries": policy.attempts,
        "retriable_status_codes": sorted(policy.on_status),
        "host_selection_retry_max_attempts": _RETRIED_HOSTS,
        "retry_back_off": {"base_interval": duration(policy.back_off)},
    }
    if policy.per_try_timeout is not None:
        message["per_try_timeout"] = duration(policy.per_try_timeout)
    if policy.other_hosts:
        message["retry_host_predicate"] = [_PREVIOUS_HOSTS]
    if policy.other_localities:
        message["retry_priority"] = _PREVIOUS_PRIORITIES
    return message


def _mirror(mirror: Mirror) -> Json:
    return {
        "cluster": mirror.cluster,
        "runtime_fraction": fraction(mirror.share),
        "trace_sampled": False,
    }


def _hash(policy: HashPolicy) -> Json:
    match policy:
        case FieldHash(name):
            return {"header": {"header_name": name}}
        case CookieHash(name, path, ttl):
            cookie: Json = {"name": name, "path": path}
            return {"cookie": cookie if ttl is None else cookie | {"ttl": duration(ttl)}}
        case SourceAddressHash():
            return {"connection_properties": {"source_ip": True}}
        case ParameterHash(name):
            return {"query_parameter": {"name": name}}


def _redirect(action: Redirect) -> Json:
    message: Json = {
        "host_redirect": action.authority,
        "scheme_redirect": action.scheme,
        "port_redirect": action.port,
        "response_code": _REDIRECT_CODES[action.code],
    }
    if action.prefix is not None:
        message["prefix_rewrite"] = action.prefix
    else:
        message["path_redirect"] = action.path
    return {key: value for key, value in message.items() if value or key == "prefix_rewrite"}


def _direct_response(action: DirectResponse) -> Json:
    message: Json = {"status": action.status}
    if action.body:
        message["body"] = {"inline_string": action.body.decode()}
    return message


# ------------------------------------------------------------------ filters
def _fault(fault: Fault) -> Json:
    message = typed("envoy.extensions.filters.http.fault.v3.HTTPFault")
    if fault.delay is not None:
        message["delay"] = {
            "fixed_delay": duration(fault.delay.seconds),
            "percentage": fractional_percent(fault.delay.share),
        }
    if fault.abort is not None:
        abort = message["abort"] = {"percentage": fractional_percent(fault.abort.share)}
        if fault.abort.grpc_status is None:
            abort["http_status"] = fault.abort.status
        else:
            abort["grpc_status"] = fault.abort.grpc_status
    return message


def _cors(policy: CorsPolicy) -> Json:
    message = typed(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[string_match(origin) for origin in policy.origins],
        allow_methods=policy.methods,
        allow_headers=policy.headers,
        expose_headers=policy.expose,
        allow_credentials=policy.credentials,
        forward_not_matching_preflights=policy.forward_unmatched,
        filter_enabled=fraction(1.0),
    )
    if policy.max_age is not None:
        message["max_age"] = str(policy.max_age)
    return message
