"""What lint says of meshes that are legal, and what it keeps quiet about."""

from pathlib import Path

import pytest

from hybridmesh.config import lint, load
from hybridmesh.config.model import (
    FieldMatch,
    Forward,
    Location,
    MatchKind,
    Route,
    RouteMatch,
    StringMatch,
    WeightedCluster,
)
from hybridmesh.config.shadow import covers, first_covers

from .conftest import GATEWAY, PODS, SUBSETS, TO_A, service

EXACT, PREFIX, REGEX, PRESENT = MatchKind


def entry(*blocks: str) -> str:
    return f"- match: [{', '.join(blocks)}]\n  {TO_A}"


WARNINGS = [
    (entry("{uri: {prefix: /foo}}"), ["prefix '/foo' also matches '/foobar'"]),
    (entry("{uri: {prefix: /foo/}}"), []),
    (entry("{uri: {prefix: /foo-}}"), []),
    (entry("{uri: {exact: foo}}"), ["exact 'foo' never matches: a path begins with '/'"]),
    (entry("{uri: {prefix: foo}}"), ["prefix 'foo' never matches"]),
    (entry("{uri: {regex: 'api/.*'}}"), ["regex 'api/.*' never matches"]),
    (entry("{uri: {regex: '!/api/.*'}}"), ["regex '!/api/.*' never matches"]),
    (entry("{uri: {regex: '(?i)/api/.*'}}"), []),
    (entry("{uri: {regex: '.*[.]png'}}"), []),
    (entry("{uri: {regex: '[^a]*'}}"), []),
    (entry("{uri: {prefix: /a/}}") + "\n" + entry("{uri: {exact: /a/b}}"), ["never reached"]),
    (entry("{uri: {exact: /a/b}}") + "\n" + entry("{uri: {prefix: /a/}}"), []),
    (entry("{uri: {prefix: /a/}}", "{uri: {exact: /a/b}}"), ["never reached"]),
    (
        "- route: [{destination: {host: a}, weight: 50}, {destination: {host: a}, weight: 49}]",
        ["the weights add up to 99"],
    ),
    (
        "- route: [{destination: {host: a}, weight: 100}, {destination: {host: a}}]",
        ["a destination without weight among several gets no request"],
    ),
    (
        "- route: [{destination: {host: a, port: {number: 1}}}]",
        ["a.shop.svc.cluster.local has no port 1"],
    ),
]


@pytest.mark.parametrize(("http", "expected"), WARNINGS)
def test_surprises_are_warned_of_and_nothing_else_is(findings, http, expected):
    messages = [finding.message for finding in findings(GATEWAY, PODS, service(http))]
    assert len(messages) == len(expected), messages
    for message, start in zip(messages, expected, strict=True):
        assert message.startswith(start)


MESHES = [
    (
        (GATEWAY, PODS, service(f"- {TO_A}", hosts="[www.example.com, nope.net]")),
        "warning: no server of its Gateway has the host 'nope.net'",
    ),
    (
        (GATEWAY.replace("other.org", "'*'"), PODS, service(f"- {TO_A}", hosts="[localhost]")),
        "warning: the host 'localhost' is short for 'localhost.shop.svc.cluster.local'",
    ),
    (
        (GATEWAY, PODS, SUBSETS, service(f"- {TO_A}")),
        None,
    ),
    (
        (
            GATEWAY.replace("other.org", "www.example.com"),
            PODS,
            service(f"- {TO_A}", hosts="['*.example.com']"),
        ),
        None,
    ),
    (
        (GATEWAY, PODS, SUBSETS.replace("host: a", "host: b"), service(f"- {TO_A}")),
        "note: DestinationRule shop/rule is not used by any route",
    ),
    (
        (
            GATEWAY,
            PODS,
            SUBSETS.replace("{version: v1}", "{version: v7}"),
            service("- route: [{destination: {host: a, subset: v1}}]"),
        ),
        "warning: the subset 'v1' selects no endpoint of ServiceEntry shop/pods",
    ),
    (
        (
            GATEWAY,
            PODS.replace("a.shop.svc.cluster.local", "a"),
            service(f"- {TO_A}"),
        ),
        "write 'a.shop.svc.cluster.local' in its ServiceEntry: hosts there are not expanded",
    ),
    (
        (
            GATEWAY,
            PODS,
            service(f"- {TO_A}"),
            service(f"- {TO_A}", name="wild", hosts="['*.example.com']"),
        ),
        "note: requests for 'www.example.com' never try the routes of '*.example.com'",
    ),
    (
        (
            GATEWAY,
            PODS,
            service(f"- {TO_A}"),
            service(f"- {TO_A}", name="mine").replace("  gateways: [gw]\n", ""),
        ),
        "warning: VirtualService shop/mine is not bound to a gateway: it is not served here",
    ),
    (
        (
            GATEWAY,
            PODS,
            service(f"- {TO_A}"),
            service(f"- {TO_A}", name="mine").replace("[gw]", "[mesh]"),
        ),
        "note: VirtualService shop/mine is not bound to a gateway",
    ),
    (
        (GATEWAY, service(f"- {TO_A}").replace("[gw]", "[wg]")),
        "warning: there is no Gateway shop/wg: VirtualService shop/vs is not served",
    ),
    ((GATEWAY,), "warning: no VirtualService is served on Gateway shop/gw"),
]


@pytest.mark.parametrize(("documents", "expected"), MESHES)
def test_what_has_no_effect_is_said(findings, documents, expected):
    texts = [str(finding) for finding in findings(*documents)]
    if expected is None:
        assert texts == []
    else:
        assert [text for text in texts if expected in text], texts


def text(kind: MatchKind, value: str, ignore_case: bool = False) -> StringMatch:
    return StringMatch(kind, value, ignore_case)


def path(kind: MatchKind, value: str, ignore_case: bool = False) -> RouteMatch:
    return RouteMatch(path=text(kind, value, ignore_case))


def header(name: str, match: StringMatch, invert: bool = False) -> RouteMatch:
    return RouteMatch(headers=(FieldMatch(name, match, invert),))


COVERS = [
    (RouteMatch(), path(EXACT, "/a"), True),
    (path(EXACT, "/a"), RouteMatch(), False),
    (path(PREFIX, "/a"), path(EXACT, "/abc"), True),
    (path(PREFIX, "/a"), path(PREFIX, "/a"), True),
    (path(PREFIX, "/ab"), path(PREFIX, "/a"), False),
    (path(PREFIX, "/A", True), path(EXACT, "/ab"), True),
    (path(PREFIX, "/A"), path(EXACT, "/ab"), False),
    (path(EXACT, "/a"), path(EXACT, "/a", True), False),
    (path(EXACT, "/A", True), path(EXACT, "/a"), True),
    (path(REGEX, ".*"), path(REGEX, "/a.*"), True),
    (path(REGEX, "/a.*"), path(EXACT, "/ab"), True),
    (path(REGEX, "/a"), path(EXACT, "/ab"), False),
    (path(REGEX, "/a.*"), path(PREFIX, "/ab"), False),
    (path(REGEX, "/a.*"), path(EXACT, "/ab", True), False),
    (path(PREFIX, "/"), path(REGEX, "/a.*"), False),
    (header("x", text(PRESENT, "")), header("x", text(REGEX, "a")), True),
    (header("x", text(PRESENT, "")), header("y", text(EXACT, "a")), False),
    (header("x", text(EXACT, "a")), header("x", text(EXACT, "a")), True),
    (header("x", text(EXACT, "a")), header("x", text(PREFIX, "a")), False),
    (header("x", text(EXACT, "a"), True), header("x", text(EXACT, "a"), True), True),
    (header("x", text(EXACT, "a"), True), header("x", text(EXACT, "a")), False),
    (header("x", text(PRESENT, "")), header("x", text(EXACT, "a"), True), False),
    (RouteMatch(method=text(EXACT, "GET")), RouteMatch(), False),
    (RouteMatch(), RouteMatch(method=text(EXACT, "GET")), True),
    (RouteMatch(method=text(EXACT, "GET")), RouteMatch(method=text(EXACT, "GET")), True),
]


@pytest.mark.parametrize(("wide", "narrow", "expected"), COVERS)
def test_a_match_covers_another_only_if_that_is_sure(wide, narrow, expected):
    assert covers(wide, narrow) is expected
    routes = [
        Route("r", match, Forward((WeightedCluster("c"),)), Location("f", 1))
        for match in (wide, narrow)
    ]
    assert list(first_covers(routes)) == ([(1, 0)] if expected else [])


def test_the_shop_lints_with_nothing_but_the_warning_it_explains():
    shop = Path(__file__).parents[2] / "examples" / "shop"
    (finding,) = lint([shop])
    assert finding.message.startswith("prefix '/api/products' also matches")
    mesh = load([shop])
    assert [host.name for host in mesh.table.virtual_hosts] == [
        "shop.example.com:80",
        "*.shop.example.com:80",
    ]
    assert all(cluster.endpoints for cluster in mesh.clusters.values())


def test_the_example_of_actions_lints_with_nothing_to_say():
    file = Path(__file__).parents[2] / "examples" / "actions.yaml"
    assert lint([file]) == ()
    (host,) = load([file]).table.virtual_hosts
    assert [route.id.rpartition("/")[2] for route in host.routes] == [
        "moved",
        "secure",
        "robots",
        "flaky",
        "api-item",
        "api-1",
        "pages",
    ]


def test_five_thousand_routes_are_read_in_seconds(write, benchmark_seconds):
    http = "\n".join(
        f"- match: [{{uri: {{prefix: /api/v{n}/}}, headers: {{x-user: {{exact: beta}}}}}}]\n"
        f"  {TO_A}"
        for n in range(5000)
    )
    file = write(GATEWAY, PODS, service(http))
    with benchmark_seconds(10):
        assert len(load([file]).table.virtual_hosts[0].routes) == 5000
    with benchmark_seconds(15):
        assert lint([file]) == ()
