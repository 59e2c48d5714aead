"""VirtualServices that delegate to others: what comes out, and what is left out."""

from textwrap import dedent, indent

import pytest

from hybridmesh.config.model import Fault, MatchKind, RetryPolicy, RouteMatch, StringMatch

from .conftest import GATEWAY, PODS, TO_A, service

EXACT, PREFIX, *_ = MatchKind

OTHER = PODS.replace("pods, namespace: shop", "pods, namespace: team").replace(
    "a.shop.svc", "a.team.svc"
)


def delegate(http: str, name: str = "part", namespace: str = "team", more: str = "") -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        "spec:\n" + more + "  http:\n" + indent(dedent(http).strip("\n"), "  ") + "\n"
    )


ROOT = "- {match: [{uri: {prefix: /team/}}], delegate: {name: part, namespace: team}}"


def test_a_delegates_entries_take_the_place_of_the_one_that_delegates(read, findings):
    documents = (
        GATEWAY,
        PODS,
        OTHER,
        service(f"- name: first\n  match: [{{uri: {{exact: /}}}}]\n  {TO_A}\n{ROOT}\n- {TO_A}"),
        delegate(f"- name: x\n  match: [{{uri: {{exact: /team/x}}}}]\n  {TO_A}\n- {TO_A}"),
    )
    mesh = read(*documents)
    (host,) = mesh.table.virtual_hosts
    assert [route.id for route in host.routes] == [
        "shop/vs/first",
        "shop/vs/1-x",
        "shop/vs/1-1",
        "shop/vs/2",
    ]
    assert [route.match.path for route in host.routes] == [
        StringMatch(EXACT, "/"),
        StringMatch(EXACT, "/team/x"),
        StringMatch(PREFIX, "/team/"),
        StringMatch(PREFIX, "/"),
    ]
    # A short host is a service of the namespace where it is written.
    assert [route.action.clusters[0].cluster for route in host.routes] == [
        "outbound|8080||a.shop.svc.cluster.local",
        "outbound|8080||a.team.svc.cluster.local",
        "outbound|8080||a.team.svc.cluster.local",
        "outbound|8080||a.shop.svc.cluster.local",
    ]
    assert findings(*documents) == []


def test_a_route_of_a_delegate_stands_where_its_block_is_written(read):
    mesh = read(
        GATEWAY,
        OTHER,
        delegate(f"- match: [{{uri: {{exact: /team/x}}}}]\n  {TO_A}\n- {TO_A}"),
        service(ROOT),
    )
    first, second = mesh.table.virtual_hosts[0].routes
    assert first.location.path == "spec.http[0].match[0]"
    assert (first.location.line, second.location.line) == (26, 37)


INHERITED = (
    "timeout: 3s\n  retries: {attempts: 7}\n  headers: {request: {set: {x: root}}}\n"
    "  fault: {abort: {httpStatus: 500, percentage: {value: 100}}}\n"
    "  mirror: {host: a}\n  mirrorPercentage: {value: 10}\n  rewrite: {uri: /r}\n"
    "  corsPolicy: {allowOrigin: [a]}"
)


def test_what_a_delegate_does_not_say_the_root_says_for_it(read):
    root = f"- delegate: {{name: part, namespace: team}}\n  {INHERITED}"
    (route,) = (
        read(GATEWAY, PODS, OTHER, service(root), delegate(f"- {TO_A}"))
        .table.virtual_hosts[0]
        .routes
    )
    assert route.headers.request.set == (("x", "root"),)
    assert route.fault is not None
    assert route.cors is not None
    action = route.action
    assert (action.timeout, action.retry, action.prefix_rewrite) == (3.0, RetryPolicy(7), "/r")
    # The root's mirror is a service of the root's namespace.
    assert [(m.cluster, m.share) for m in action.mirrors] == [
        ("outbound|8080||a.shop.svc.cluster.local", 0.1)
    ]


def test_what_a_delegate_says_goes_before_the_root(read):
    root = f"- delegate: {{name: part, namespace: team}}\n  {INHERITED}"
    own = (
        f"- {TO_A}\n  timeout: 1s\n  retries: {{attempts: 0}}\n  headers: {{}}\n"
        "  fault: {delay: {fixedDelay: 1s, percentage: {value: 100}}}\n"
        "  mirrors: [{destination: {host: a}}]\n  mirrorPercentage: {value: 20}\n"
        "  rewrite: {uri: /d}\n  corsPolicy: {allowOrigin: [b]}"
    ).replace("  mirrors: [{destination: {host: a}}]\n", "  mirror: {host: a}\n")
    (route,) = (
        read(GATEWAY, PODS, OTHER, service(root), delegate(own)).table.virtual_hosts[0].routes
    )
    assert route.headers.request.set == ()
    assert isinstance(route.fault, Fault)
    assert route.fault.abort is None
    assert route.cors.origins == (StringMatch(EXACT, "b"),)
    action = route.action
    assert (action.timeout, action.retry, action.prefix_rewrite) == (1.0, None, "/d")
    assert [(m.cluster, m.share) for m in action.mirrors] == [
        ("outbound|8080||a.team.svc.cluster.local", 0.2)
    ]


@pytest.mark.parametrize(
    ("own", "expected"),
    [("", ["a.shop"]), ("\n  mirrors: [{destination: {host: a}}]", ["a.team"])],
)
def test_several_mirrors_are_inherited_together(read, own, expected):
    root = "- delegate: {name: part, namespace: team}\n  mirrors: [{destination: {host: a}}]"
    mesh = read(GATEWAY, PODS, OTHER, service(root), delegate(f"- {TO_A}{own}"))
    (route,) = mesh.table.virtual_hosts[0].routes
    assert [m.cluster for m in route.action.mirrors] == [
        f"outbound|8080||{name}.svc.cluster.local" for name in expected
    ]


MERGED = [
    ("{uri: {prefix: /a}}", "{uri: {prefix: /a/b}}", RouteMatch(path=StringMatch(PREFIX, "/a/b"))),
    ("{uri: {prefix: /a}}", "{uri: {exact: /ab}}", RouteMatch(path=StringMatch(EXACT, "/ab"))),
    ("{uri: {exact: /a}}", "{uri: {exact: /a}}", RouteMatch(path=StringMatch(EXACT, "/a"))),
    (
        "{uri: {prefix: /a}}",
        "{method: {exact: GET}}",
        RouteMatch(path=StringMatch(PREFIX, "/a"), method=StringMatch(EXACT, "GET")),
    ),
    ("{uri: {prefix: /a}, port: 80}", "{}", RouteMatch(path=StringMatch(PREFIX, "/a"))),
    ("{uri: {prefix: /a/b}}", "{uri: {prefix: /a}}", None),
    ("{uri: {exact: /a}}", "{uri: {prefix: /a}}", None),
    ("{uri: {exact: /a}}", "{uri: {exact: /b}}", None),
    ("{uri: {regex: '/a.*'}}", "{uri: {exact: /ab}}", None),
    ("{uri: {prefix: /a}}", "{uri: {regex: '/a.*'}}", None),
    ("{uri: {prefix: /a}}", "{uri: {prefix: /a}, ignoreUriCase: true}", None),
    ("{headers: {x: {exact: a}}}", "{headers: {x: {exact: b}}}", None),
    ("{queryParams: {x: {}}}", "{queryParams: {x: {exact: b}}}", None),
    ("{port: 80}", "{port: 81}", None),
    ("{sourceNamespace: shop}", "{}", None),
    ("{gateways: [gw]}", "{gateways: [shop/gw, team/gw]}", None),
]


@pytest.mark.parametrize(("root", "leaf", "expected"), MERGED)
def test_a_delegates_conditions_must_lie_within_the_roots(read, findings, root, leaf, expected):
    documents = (
        GATEWAY,
        OTHER,
        service(f"- {{match: [{root}], delegate: {{name: part, namespace: team}}}}"),
        delegate(f"- match: [{leaf}]\n  {TO_A}"),
    )
    hosts = read(*documents).table.virtual_hosts
    assert [route.match for host in hosts for route in host.routes] == (
        [] if expected is None else [expected]
    )
    messages = [finding.message for finding in findings(*documents)]
    assert any("left out: its conditions do not lie" in m for m in messages) is (expected is None)


def test_conditions_of_both_are_joined(read):
    documents = (
        GATEWAY,
        OTHER,
        service(
            "- match: [{headers: {a: {exact: '1'}}, withoutHeaders: {no: {}}, "
            "queryParams: {q: {}}}, {uri: {prefix: /b}}]\n"
            "  delegate: {name: part, namespace: team}"
        ),
        delegate(
            "- match: [{uri: {exact: /b}, headers: {c: {}}, withoutHeaders: {never: {}}, "
            f"queryParams: {{p: {{}}}}}}]\n  {TO_A}"
        ),
    )
    matches = [route.match for route in read(*documents).table.virtual_hosts[0].routes]
    assert [m.path.value for m in matches] == ["/b", "/b"]
    assert [[(h.name, h.invert) for h in m.headers] for m in matches] == [
        [("a", False), ("c", False), ("no", True), ("never", True)],
        [("c", False), ("never", True)],
    ]
    assert [[q.name for q in m.query] for m in matches] == [["q", "p"], ["p"]]


@pytest.mark.parametrize("block", ["{port: 81}", "{gateways: [other]}", "{sourceLabels: {no: x}}"])
def test_a_block_of_the_root_for_another_place_is_for_no_delegate_here(read, block):
    documents = (
        GATEWAY,
        OTHER,
        service(f"- {{match: [{block}], delegate: {{name: part, namespace: team}}}}"),
        delegate(f"- match: [{{uri: {{exact: /b}}}}]\n  {TO_A}"),
    )
    assert read(*documents).table.virtual_hosts == ()


LEFT_OUT = [
    (
        (service(ROOT),),
        "there is no VirtualService team/part without hosts: the entry is left out",
    ),
    (
        (service(ROOT), delegate(f"- {TO_A}", more="  exportTo: ['.']\n")),
        "VirtualService team/part is not exported to 'shop': the entry is left out",
    ),
    (
        (service(f"- {TO_A}"), delegate(f"- {TO_A}")),
        "VirtualService team/part has no hosts, and no other delegates to it",
    ),
]


@pytest.mark.parametrize(("services", "expected"), LEFT_OUT)
def test_a_delegation_that_leads_nowhere_is_warned_of(findings, services, expected):
    messages = [finding.message for finding in findings(GATEWAY, PODS, OTHER, *services)]
    assert any(message.startswith(expected) for message in messages), messages


REFUSED = [
    (
        service(f"- {TO_A}\n  delegate: {{name: x}}"),
        "an entry with 'delegate' has no route of its own",
    ),
    (service("- delegate: {}"), "delegate: the field 'name' is missing"),
    (
        delegate(f"- {TO_A}", more="  gateways: [gw]\n"),
        "spec: the VirtualService has no hosts; add 'hosts', or remove 'gateways'",
    ),
    (delegate("- delegate: {name: x}"), "http[0].delegate: a delegate cannot delegate further"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_a_delegation_that_istio_refuses_is_refused(problem, text, expected):
    assert expected in problem(GATEWAY, text)
