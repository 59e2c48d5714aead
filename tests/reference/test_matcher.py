"""The route matcher: each rule of Envoy by example, and random tables against a linear matcher."""

import random
import time

import pytest
from routing import head, linear_host, linear_match, random_head, random_table, route, table

from hybridmesh.compiler import CompileError
from hybridmesh.reference.matcher import RouteMatcher

HOSTS = {
    "exact": "a.example.com",
    "suffix": "*.example.com",
    "longer suffix": "*.b.example.com",
    "bare suffix": "*-canary.example.com",
    "prefix": "shop.*",
    "longer prefix": "shop.eu.*",
}


@pytest.mark.parametrize(
    ("host", "chosen"),
    [
        ("a.example.com", "exact"),
        ("A.EXAMPLE.com:8080", "exact"),
        ("z.example.com", "suffix"),
        ("y.z.example.com", "suffix"),
        ("z.b.example.com", "longer suffix"),
        ("b.example.com", "suffix"),
        ("my-canary.example.com", "bare suffix"),
        ("-canary.example.com", "suffix"),
        (".example.com", None),
        ("example.com", None),
        ("shop.com", "prefix"),
        ("shop.", None),
        ("shop.eu.org", "longer prefix"),
        ("shop.example.com", "suffix"),
    ],
)
def test_a_virtual_host_is_exact_then_longest_suffix_then_longest_prefix(host, chosen):
    hosts = table({domain: (route("^/", name=name),) for name, domain in HOSTS.items()})
    hit = RouteMatcher(hosts).match(head(host=host))
    assert (hit and hit.route.id) == chosen


def test_a_star_takes_what_no_other_virtual_host_takes():
    matcher = RouteMatcher(table({"*": (route("^/"),), "a.b": ()}))
    assert matcher.match(head(host="z")).virtual_host.domain == "*"
    assert matcher.virtual_host("").domain == "*"


def test_a_miss_in_the_chosen_virtual_host_does_not_go_back_to_another():
    matcher = RouteMatcher(table({"*": (route("^/"),), "a.b": (route("=/x"),)}))
    assert matcher.match(head("/y", host="a.b")) is None


@pytest.mark.parametrize(
    ("condition", "matching", "other"),
    [
        ("=/api", ["/api", "/api?x=1"], ["/api/", "/apiary", "/AP", "/"]),
        ("^/api", ["/api", "/api/x", "/apiary", "/api?/x"], ["/ap", "/Api", "/x/api"]),
        ("~/a.c", ["/abc", "/abc?q"], ["/abcd", "/x/abc", "/ac"]),
        ("~a|/b", ["/b"], ["/bc", "/a"]),
    ],
)
def test_a_path_is_compared_without_its_query(condition, matching, other):
    matcher = RouteMatcher(table({"*": (route(condition),)}))
    assert [p for p in matching + other if matcher.match(head(p))] == matching


@pytest.mark.parametrize(
    ("condition", "matching", "other"),
    [
        ("=/Ab[~", ["/Ab[~", "/aB[~"], ["/ab{~", "/ab[^", "/ab[~x"]),
        ("^/Ab@", ["/AB@", "/ab@x"], ["/ab`"]),
        ("~/Ab", ["/Ab"], ["/ab"]),
    ],
)
def test_only_ascii_letters_are_alike_and_never_in_a_regex(condition, matching, other):
    matcher = RouteMatcher(table({"*": (route(condition, ignore_case=True),)}))
    assert [p for p in matching + other if matcher.match(head(p))] == matching


# As seen in Envoy 1.40 with the matchers that Istio sets up; "|" stands between lines.
HEADERS = {
    "x-a=1": {
        "1": True,
        "2": False,
        "": False,
        None: False,
        "1|1": True,
        "2|1": True,
        "|1": True,
        "2|3": False,
    },
    "x-a=": {"": True, "1": False, None: False},
    "x-a=1,2": {"1|2": False, "1,2": True, "1, 2": False},
    "x-a^1": {"12": True, "2": False, None: False, "2|1": True},
    "x-a^": {"12": True, "": True, None: False},
    "x-a~x.y": {"x\xe9y": True, "x\xc3\xa9y": False, "xzy": True, None: False},
    "x-a~.*": {"": True, "1": True, None: False},
    "x-a=\xe9": {"\xc3\xa9": True, "\xe9": False},
    "x-a?": {"": True, "2": True, None: False},
    "!x-a?": {"": False, "2": False, None: True},
    "!x-a=1": {"": True, "1": False, "2": True, None: True, "2|1": False, "3|2": True},
    "!x-a=1,2": {"1|2": True},
    "!x-a=": {"": False, "1": True, None: False, "1|": False, "1|2": True},
    "!x-a~.*": {"": False, "1": False, None: False},
    "!x-a^1": {"12": False, "2": True, None: True},
    "host=Ab.c": {None: False, "HOST Ab.c": True, "HOST ab.c": False, "HOST Ab.c:80": False},
    ":authority=Ab.c": {"HOST Ab.c": True, "HOST ab.c": False},
    "accept=1,2": {"ACCEPT 1|2": True, "ACCEPT 2|1": False},
    "accept=1": {"ACCEPT 1|2": False},
    ":path=/": {None: True},
    ":method=GET": {None: True},
}


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [(c, v, e) for c, cases in HEADERS.items() for v, e in cases.items()],
)
def test_a_header_condition_holds_as_in_envoy(condition, values, expected):
    lines, host = [], "h"
    if values is not None and values.startswith("HOST "):
        host = values[5:]
    elif values is not None and values.startswith("ACCEPT "):
        lines = [f"Accept: {value}" for value in values[7:].split("|")]
    elif values is not None:
        lines = [f"X-A: {value}" for value in values.split("|")]
    matcher = RouteMatcher(table({"*": (route(None, condition),)}))
    assert (matcher.match(head("/", *lines, host=host)) is not None) is expected


@pytest.mark.parametrize(
    ("condition", "line", "expected"),
    [
        ("connection?", "connection: keep-alive", False),
        ("keep-alive?", "keep-alive: 5", False),
        ("expect?", "expect: 100-continue", False),
        ("transfer-encoding=chunked", "transfer-encoding: chunked", False),
        ("te?", "te: gzip", False),
        ("te=trailers", "te: gzip, trailers", True),
        ("x-forwarded-proto=http", "x-forwarded-proto: https", True),
        ("x-request-id?", "x-b: 1", True),
        ("x-forwarded-for?", "x-b: 1", True),
        ("content-length=0", "content-length: 0", True),
    ],
)
def test_routes_see_fields_as_envoy_leaves_them(condition, line, expected):
    matcher = RouteMatcher(table({"*": (route(None, condition),)}))
    assert (matcher.match(head("/", line)) is not None) is expected


# As seen in Envoy 1.40.
QUERIES = {
    "a=b": {"a=b": 1, "a=%62": 0, "%61=b": 0, "a=c&a=b": 0, "a=b&a=c": 1, "&a=b": 1, "A=b": 0,
            "a=b;c": 0, "a=b+": 0, "a=b=c": 0, "x=1&a=b": 1},
    "a=b=c": {"a=b=c": 1},
    "a=": {"a": 1, "a=": 1, "b=a": 0, "": 0, "a&a=x": 1},
    "a?": {"a": 1, "a=": 1, "a=1": 1, "b": 0, "b=1&a": 1},
    "a~b.*": {"a=bcd": 1, "a=cb": 0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "query", "expected"),
    [(c, q, e) for c, cases in QUERIES.items() for q, e in cases.items()],
)
def test_a_query_condition_takes_the_first_value_undecoded(condition, query, expected):
    matcher = RouteMatcher(table({"*": (route(None, query=[condition]),)}))
    assert (matcher.match(head(f"/?{query}")) is not None) == bool(expected)


def test_the_first_route_that_matches_wins_and_start_skips_routes():
    routes = (
        route("=/a", "x-a=1", name="0"),
        route("^/a", name="1"),
        route("=/a", name="2"),
        route("~/a", name="3"),
        route("^/", name="4"),
        route("=/a", name="5"),
    )
    matcher = RouteMatcher(table({"*": routes}))
    found = [matcher.match(head("/a", "x-a: 1"), start) for start in range(7)]
    assert [hit and hit.route.id for hit in found] == ["0", "1", "2", "3", "4", "5", None]


def test_a_method_an_authority_and_a_scheme_must_agree():
    matcher = RouteMatcher(
        table({"*": (route("^/", method="=GET", authority="=h:80", scheme="=http"),)})
    )
    assert matcher.match(head(host="h:80"))
    assert not matcher.match(head(host="h"))
    assert not matcher.match(head(host="h:80", method="PUT"))


def test_a_broken_regex_is_refused_by_name():
    with pytest.raises(CompileError, match=r"The regex '\(' is not RE2 syntax"):
        RouteMatcher(table({"*": (route("~("),)}))


def test_what_was_passed_over_is_said_in_words():
    routes = (
        route("^/api/cart", name="0"),
        route("=/x", ignore_case=True, name="1"),
        route(None, "x-user-group=beta", name="2"),
        route(None, "x-a=2", name="3"),
        route(None, "!x-a^1", name="4"),
        route(None, "!x-b=", name="5"),
        route(None, method="=POST", name="6"),
        route(None, query=["v~2+"], name="7"),
        route("^/", name="8"),
        route("^/", name="9"),
    )
    matcher = RouteMatcher(table({"*": routes}))
    passed = matcher.passed_over(head("/api/apples?v=1", "x-a: 1"))
    assert [(r.id, why) for r, why in passed] == [
        ("0", "path does not begin with '/api/cart'"),
        ("1", "path is not '/x', letters of either case alike"),
        ("2", "header x-user-group is absent"),
        ("3", "header x-a is not '2'"),
        ("4", "header x-a begins with '1'"),
        ("5", "header x-b is '' (absent)"),
        ("6", "method is not 'POST'"),
        ("7", "query parameter v does not match the regex '2+'"),
    ]


def test_nothing_is_passed_over_without_a_virtual_host():
    assert RouteMatcher(table({"a.b": (route("^/x"),)})).passed_over(head()) == []


@pytest.mark.parametrize("seed", range(8))
def test_random_tables_and_heads_get_the_answer_of_a_linear_matcher(seed):
    rng = random.Random(seed)
    hits = 0
    for _ in range(25):
        routes = random_table(rng, most=30)
        matcher = RouteMatcher(routes)
        for _ in range(40):
            request, start = random_head(rng), rng.choice((0, 0, rng.randint(0, 30)))
            hit = matcher.match(request, start)
            assert matcher.virtual_host(request.host) is linear_host(routes, request.host)
            assert (hit and hit.index) == linear_match(routes, request, start)
            if hit:
                hits += 1
                assert hit.route is hit.virtual_host.routes[hit.index]
            passed = matcher.passed_over(request)
            first = linear_match(routes, request)
            assert first is None or len(passed) == first
    assert hits > 200


def _cost(matcher, request):
    """Best of several runs: seconds for a thousand matches."""

    def run():
        began = time.perf_counter()
        for _ in range(1000):
            matcher.match(request)
        return time.perf_counter() - began

    return min(run() for _ in range(5))


@pytest.mark.parametrize(
    "make",
    [
        lambda i: route(f"^/svc-{i}/"),
        lambda i: route(f"=/svc-{i}/"),
        lambda i: route(f"~/svc-{i}/.*"),
        lambda i: route("^/", f"x-user-group={i}"),
    ],
    ids=["prefix", "exact", "regex", "header"],
)
def test_five_thousand_routes_cost_no_more_than_five(make):
    requests = [head(f"/svc-{n - 1}/", f"x-user-group: {n - 1}") for n in (5, 5000)]
    few, many = (
        RouteMatcher(table({"*": tuple(make(i) for i in range(count))})) for count in (5, 5000)
    )
    assert few.match(requests[0]).index == 4
    assert many.match(requests[1]).index == 4999
    assert _cost(many, requests[1]) < 3 * _cost(few, requests[0])
