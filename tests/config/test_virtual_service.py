"""Istio's HTTPRoute and HTTPMatchRequest become routes, in Istio's order."""

import pytest

from hybridmesh.config.model import (
    FieldMatch,
    MatchKind,
    RetryPolicy,
    RouteMatch,
    StringMatch,
    WeightedCluster,
)

from .conftest import GATEWAY, PODS, SUBSETS, TO_A, service

EXACT, PREFIX, REGEX, PRESENT = MatchKind
ANY = StringMatch(PREFIX, "/")

MATCHES = [
    ("{}", RouteMatch(path=ANY)),
    ("{uri: {}}", RouteMatch(path=ANY)),
    ("{uri: {exact: /a}}", RouteMatch(path=StringMatch(EXACT, "/a"))),
    ("{uri: {prefix: /a}}", RouteMatch(path=StringMatch(PREFIX, "/a"))),
    ("{uri: {regex: '/a/.*'}}", RouteMatch(path=StringMatch(REGEX, "/a/.*"))),
    ("{uri: {exact: /a, prefix: null}}", RouteMatch(path=StringMatch(EXACT, "/a"))),
    (
        "{uri: {prefix: /A}, ignoreUriCase: true}",
        RouteMatch(path=StringMatch(PREFIX, "/A", ignore_case=True)),
    ),
    (
        "{uri: {regex: '/A'}, ignoreUriCase: true}",
        RouteMatch(path=StringMatch(REGEX, "/A", ignore_case=False)),
    ),
    ("{method: {exact: GET}}", RouteMatch(path=ANY, method=StringMatch(EXACT, "GET"))),
    ("{scheme: {prefix: http}}", RouteMatch(path=ANY, scheme=StringMatch(PREFIX, "http"))),
    (
        "{authority: {regex: '.*[.]org'}}",
        RouteMatch(path=ANY, authority=StringMatch(REGEX, ".*[.]org")),
    ),
    (
        "{headers: {X-User: {exact: bob}}}",
        RouteMatch(path=ANY, headers=(FieldMatch("x-user", StringMatch(EXACT, "bob")),)),
    ),
    (
        "{headers: {x-time: {exact: 12:30}}}",
        RouteMatch(path=ANY, headers=(FieldMatch("x-time", StringMatch(EXACT, "12:30")),)),
    ),
    (
        "{headers: {x-user: {}}}",
        RouteMatch(path=ANY, headers=(FieldMatch("x-user", StringMatch(PRESENT)),)),
    ),
    (
        "{headers: {x-user: {regex: '*'}}}",
        RouteMatch(path=ANY, headers=(FieldMatch("x-user", StringMatch(PRESENT)),)),
    ),
    (
        "{headers: {a: {exact: '1'}}, withoutHeaders: {b: {prefix: x}}}",
        RouteMatch(
            path=ANY,
            headers=(
                FieldMatch("a", StringMatch(EXACT, "1")),
                FieldMatch("b", StringMatch(PREFIX, "x"), invert=True),
            ),
        ),
    ),
    (
        "{queryParams: {Debug: {exact: ''}, q: {}}}",
        RouteMatch(
            path=ANY,
            query=(
                FieldMatch("Debug", StringMatch(EXACT, "")),
                FieldMatch("q", StringMatch(PRESENT)),
            ),
        ),
    ),
    ("{statPrefix: x, name: y, port: 80}", RouteMatch(path=ANY)),
    ("{gateways: [gw]}", RouteMatch(path=ANY)),
    ("{gateways: [shop/gw], sourceLabels: {no: such}}", RouteMatch(path=ANY)),
    ("{sourceLabels: {istio: ingressgateway}}", RouteMatch(path=ANY)),
    ("{sourceNamespace: shop}", RouteMatch(path=ANY)),
]


@pytest.mark.parametrize(("block", "expected"), MATCHES)
def test_a_match_block_becomes_the_conditions_of_a_route(read, block, expected):
    mesh = read(GATEWAY, PODS, service(f"- match: [{block}]\n  {TO_A}"))
    (route,) = mesh.table.virtual_hosts[0].routes
    assert route.match == expected


@pytest.mark.parametrize(
    "block",
    [
        "{port: 81}",
        "{gateways: [other]}",
        "{gateways: [mesh]}",
        "{sourceLabels: {app: web}}",
        "{sourceNamespace: prod}",
    ],
)
def test_a_block_for_another_place_is_left_out_and_warned_of(read, findings, block):
    documents = (
        GATEWAY,
        PODS,
        service(f"- match: [{block}, {{uri: {{exact: /x}}}}]\n  {TO_A}"),
    )
    (route,) = read(*documents).table.virtual_hosts[0].routes
    assert route.match.path == StringMatch(EXACT, "/x")
    (finding,) = findings(*documents)
    assert finding.severity == "warning"
    assert finding.message.startswith("never matches at Gateway shop/gw: ")


def test_each_block_is_a_route_and_the_first_that_matches_everything_ends_the_list(read, findings):
    documents = (
        GATEWAY,
        PODS,
        service(
            f"""
            - name: one
              match: [{{uri: {{exact: /1}}}}, {{uri: {{exact: /2}}}}]
              {TO_A}
            - {TO_A}
            - match: [{{uri: {{exact: /4}}}}]
              {TO_A}
            """
        ),
    )
    routes = read(*documents).table.virtual_hosts[0].routes
    assert [route.id for route in routes] == ["shop/vs/one", "shop/vs/one", "shop/vs/1"]
    (finding,) = findings(*documents)
    assert finding.message.startswith("never reached: the route at ")
    assert finding.location.path == "spec.http[2].match[0]"


def test_a_route_knows_the_line_and_path_of_its_block(read):
    mesh = read(
        service(
            f"""
            - match:
              - uri:
                  exact: /1
              - uri:
                  exact: /2
              {TO_A}
            - {TO_A}
            """
        ),
        GATEWAY,
        PODS,
    )
    places = [(r.location.line, r.location.path) for r in mesh.table.virtual_hosts[0].routes]
    assert places == [
        (9, "spec.http[0].match[0]"),
        (11, "spec.http[0].match[1]"),
        (14, "spec.http[1]"),
    ]


DEFAULT_ON = frozenset({"connect-failure", "refused-stream", "unavailable", "cancelled"})

RETRIES = [
    ("", RetryPolicy(2, DEFAULT_ON, frozenset({503}), None)),
    ("retries: {attempts: 0}", None),
    ("retries: {attempts: 5}", RetryPolicy(5, DEFAULT_ON, frozenset({503}), None)),
    (
        "retries: {attempts: 3, perTryTimeout: 1s, retryOn: '5xx, reset,connect-failure'}",
        RetryPolicy(3, frozenset({"5xx", "reset", "connect-failure"}), frozenset(), 1.0),
    ),
    (
        "retries: {attempts: 1, retryOn: 'gateway-error,429,retriable-status-codes,500'}",
        RetryPolicy(1, frozenset({"gateway-error"}), frozenset({429, 500}), None),
    ),
    (
        "retries: {attempts: 1, retryOn: ''}",
        RetryPolicy(1, DEFAULT_ON, frozenset({503}), None),
    ),
]


@pytest.mark.parametrize(("retries", "expected"), RETRIES)
def test_retries_have_the_defaults_of_istio(read, retries, expected):
    mesh = read(GATEWAY, PODS, service(f"- {TO_A}\n  {retries}"))
    assert mesh.table.virtual_hosts[0].routes[0].action.retry == expected


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("1.5s", 1.5), ("250ms", 0.25), ("1m30s", 90.0), ("1h", 3600.0), ("0s", None), ("null", None)],
)
def test_a_timeout_is_a_duration_as_go_writes_it(read, timeout, seconds):
    mesh = read(GATEWAY, PODS, service(f"- {TO_A}\n  timeout: {timeout}"))
    assert mesh.table.virtual_hosts[0].routes[0].action.timeout == seconds


def test_weights_are_kept_and_a_destination_of_weight_0_is_dropped(read):
    mesh = read(
        GATEWAY,
        PODS,
        SUBSETS,
        service(
            """
            - route:
              - {destination: {host: a, subset: v1}, weight: 90}
              - {destination: {host: a, subset: v2}, weight: 10}
              - {destination: {host: b}, weight: 0}
            """
        ),
    )
    assert mesh.table.virtual_hosts[0].routes[0].action.clusters == (
        WeightedCluster("outbound|8080|v1|a.shop.svc.cluster.local", 90),
        WeightedCluster("outbound|8080|v2|a.shop.svc.cluster.local", 10),
    )


def test_the_weight_of_an_only_destination_does_not_matter(read):
    mesh = read(GATEWAY, PODS, service("- route: [{destination: {host: a}, weight: 0}]"))
    (target,) = mesh.table.virtual_hosts[0].routes[0].action.clusters
    assert target.weight == 100


@pytest.mark.parametrize(
    ("destination", "name"),
    [
        ("{host: a}", "outbound|8080||a.shop.svc.cluster.local"),
        ("{host: a, port: {number: 9}}", "outbound|9||a.shop.svc.cluster.local"),
        ("{host: b}", "outbound|80||b.shop.svc.cluster.local"),
        ("{host: b.org}", "outbound|80||b.org"),
        ("{host: a.shop.svc.cluster.local}", "outbound|8080||a.shop.svc.cluster.local"),
    ],
)
def test_a_destination_is_named_as_istio_names_its_clusters(read, destination, name):
    mesh = read(GATEWAY, PODS, service(f"- route: [{{destination: {destination}}}]"))
    assert list(mesh.clusters) == [name]


REFUSED = [
    (f"timeuot: 1s\n  {TO_A}", "spec.http[0].timeuot: unknown field 'timeuot'; did you mean 'time"),
    (f"xyzzy: 1s\n  {TO_A}", "unknown field 'xyzzy'; Istio knows no such field here"),
    ("name: x", "spec.http[0]: the http entry has no 'route'; add 'route' with a destination"),
    (f"timeout: 1\n  {TO_A}", "timeout: expected a string, found a number; put the value in quo"),
    (f"timeout: 1 s\n  {TO_A}", "timeout: '1 s' is not a duration; write it as 250ms"),
    (f"timeout: -1s\n  {TO_A}", "timeout: '-1s' is not a duration"),
    (f"timeout: 10us\n  {TO_A}", "timeout: '10us' is finer than a millisecond"),
    (f"match: {{uri: {{}}}}\n  {TO_A}", "spec.http[0].match: expected a list, found a mapping"),
    (f"match: [uri]\n  {TO_A}", "spec.http[0].match[0]: expected a mapping, found a string"),
    (f"match: [{{uri: /a}}]\n  {TO_A}", "match[0].uri: expected a mapping, found a string"),
    (f"match: [{{uri: {{regex: '('}}}}]\n  {TO_A}", "uri.regex: not a regular expression: missin"),
    (f"match: [{{uri: {{regex: '*'}}}}]\n  {TO_A}", "'*' is not a regular expression; write .*"),
    (f"match: [{{uri: {{regex: '(?=a)'}}}}]\n  {TO_A}", "write it in RE2's syntax"),
    (f"match: [{{uri: {{prefix: ''}}}}]\n  {TO_A}", "uri: a prefix must not be empty"),
    (f"match: [{{uri: {{exact: a, regex: b}}}}]\n  {TO_A}", "'exact' and 'regex' do not go toget"),
    (f"match: [{{uri: {{suffix: a}}}}]\n  {TO_A}", "uri.suffix: unknown field 'suffix'"),
    (f"match: [{{method: {{}}}}]\n  {TO_A}", "match[0].method: a condition that always holds"),
    (f"match: [{{headers: {{x: {{exact: 1}}}}}}]\n  {TO_A}", "headers.x.exact: expected a string,"),
    (f"match: [{{headers: {{x: null}}}}]\n  {TO_A}", "headers.x: expected a mapping, found nothin"),
    (f"match: [{{headers: {{':method': {{}}}}}}]\n  {TO_A}", "use the field 'method'"),
    (f"match: [{{headers: {{'@request.auth.claims.a': {{}}}}}}]\n  {TO_A}", "JWT claims is not"),
    (f"match: [{{port: 0}}]\n  {TO_A}", "match[0].port: 0 is not between 1 and 65535"),
    (f"retries: {{attempts: -1}}\n  {TO_A}", "attempts: -1 is not between 0 and 2147483647"),
    (f"retries: {{perTryTimeout: 1s}}\n  {TO_A}", "'attempts' is 0 (its default), which disables"),
    (f"retries: {{attempts: 1, perTryTimeout: 0s}}\n  {TO_A}", "must be at least 1ms"),
    (f"retries: {{attempts: 1, retryOn: '5xx,,reset'}}\n  {TO_A}", "'' is neither a retry condi"),
    (f"retries: {{attempts: 1, retryOn: '5xx,999'}}\n  {TO_A}", "'999' is neither a retry condi"),
    (
        f"retries: {{attempts: 1, backoff: 0s}}\n  {TO_A}",
        "retries.backoff: the duration must be at",
    ),
    ("route: [{destination: {}}]", "destination: the field 'host' is missing; add 'host'"),
    ("route: [{destination: {host: '*'}}]", "destination.host: '*' is not a host name"),
    (
        "route: [{destination: {host: a, subset: v9}}]",
        "a.shop.svc.cluster.local has no subset 'v9'",
    ),
    (
        "route: [{destination: {host: a}, weight: '9'}]",
        "weight: expected a whole number, found a s",
    ),
    ("route: [{destination: {host: a}, weight: true}]", "a whole number, found a boolean"),
    ("route: [{destination: {host: a}}, {destination: {host: b}}]", "weights of the destinations"),
]


@pytest.mark.parametrize(("entry", "text"), REFUSED)
def test_what_cannot_be_honoured_is_refused_by_name_with_its_place(problem, entry, text):
    message = problem(GATEWAY, PODS, service(f"- {entry}"))
    assert text in message
    assert message.startswith("mesh.yaml:")


@pytest.mark.parametrize("field", ["tcp", "tls"])
def test_routes_other_than_http_are_refused(problem, field):
    text = service(f"- {TO_A}") + f"  {field}: []\n"
    assert f"spec.{field}: Istio's field '{field}' is not supported yet" in problem(GATEWAY, text)
