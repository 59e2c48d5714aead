"""Redirects, direct responses, rewrites, headers, faults, CORS, mirrors and retries of a route."""

import pytest

from hybridmesh.config.model import (
    Abort,
    CorsPolicy,
    Delay,
    DirectResponse,
    Fault,
    Forward,
    HeaderChange,
    HeaderOps,
    MatchKind,
    Mirror,
    Redirect,
    RegexRewrite,
    RetryPolicy,
    Route,
    StringMatch,
    WeightedCluster,
)

from .conftest import GATEWAY, PODS, SUBSETS, TO_A, service

A = "outbound|8080||a.shop.svc.cluster.local"
V1 = "outbound|8080|v1|a.shop.svc.cluster.local"
V2 = "outbound|8080|v2|a.shop.svc.cluster.local"


@pytest.fixture
def route(read):
    """The only route of an http entry."""

    def route(entry: str) -> Route:
        mesh = read(GATEWAY, PODS, SUBSETS, service(f"- {entry}"))
        (only,) = mesh.table.virtual_hosts[0].routes
        return only

    return route


REDIRECTS = [
    ("{uri: /new}", Redirect(path="/new")),
    ("{authority: other.org}", Redirect(authority="other.org")),
    ("{scheme: https}", Redirect(scheme="https")),
    ("{scheme: https, redirectCode: 308}", Redirect(scheme="https", code=308)),
    ("{uri: /new, redirectCode: 0}", Redirect(path="/new", code=301)),
    ("{port: 8443}", Redirect(port=8443)),
    # The port of the scheme is never written: that of http where the redirect names none.
    ("{port: 80}", Redirect(port=0)),
    ("{scheme: http, port: 80}", Redirect(scheme="http", port=0)),
    ("{scheme: https, port: 443}", Redirect(scheme="https", port=0)),
    ("{scheme: https, port: 80}", Redirect(scheme="https", port=80)),
    ("{port: 443}", Redirect(port=443)),
    ("{scheme: https, derivePort: FROM_REQUEST_PORT}", Redirect(scheme="https", port=80)),
    ("{uri: /a, derivePort: FROM_REQUEST_PORT}", Redirect(path="/a", port=0)),
    ("{uri: /a, derivePort: FROM_PROTOCOL_DEFAULT}", Redirect(path="/a", port=0)),
    ("{uri: '/%PREFIX()%'}", Redirect(path="/%PREFIX()%")),
]


@pytest.mark.parametrize(("redirect", "expected"), REDIRECTS)
def test_a_redirect_is_as_istio_tells_envoy(route, redirect, expected):
    assert route(f"redirect: {redirect}").action == expected


RESPONSES = [
    ("{status: 503}", DirectResponse(503)),
    ("{status: 200, body: {string: 'grüße'}}", DirectResponse(200, "grüße".encode())),
    ("{status: 200, body: {bytes: AAEC}}", DirectResponse(200, b"\x00\x01\x02")),
    ("{status: 200, body: {}}", DirectResponse(200)),
]


@pytest.mark.parametrize(("response", "expected"), RESPONSES)
def test_a_direct_response_has_a_status_and_a_body(route, response, expected):
    assert route(f"directResponse: {response}").action == expected


REWRITES = [
    ("{uri: /v2}", {"prefix_rewrite": "/v2"}),
    ("{authority: b.org}", {"authority": "b.org"}),
    ("{uri: /v2, authority: b.org}", {"prefix_rewrite": "/v2", "authority": "b.org"}),
    (
        r"{uriRegexRewrite: {match: '/(\d+)/(.*)', rewrite: '/\2?id=\1&all=\0'}}",
        {"regex_rewrite": RegexRewrite(r"/(\d+)/(.*)", r"/\2?id=\1&all=\0")},
    ),
]


@pytest.mark.parametrize(("rewrite", "expected"), REWRITES)
def test_a_rewrite_names_what_the_pod_sees(route, rewrite, expected):
    action = route(f"{TO_A}\n  rewrite: {rewrite}").action
    assert action == Forward((WeightedCluster(A),), **expected)


def test_headers_of_a_route_are_sorted_and_in_lower_case(route):
    found = route(
        f"{TO_A}\n  headers: {{request: {{set: {{B: '1', A: '2'}}, add: {{d: '%REQ(x)%', C: '3'}}, "
        "remove: [E]}, response: {remove: [Server], set: {x-f: 100%%}}}"
    )
    assert found.headers == HeaderOps(
        request=HeaderChange(
            set=(("a", "2"), ("b", "1")), add=(("c", "3"), ("d", "%REQ(x)%")), remove=("e",)
        ),
        response=HeaderChange(set=(("x-f", "100%%"),), remove=("server",)),
    )
    assert found.action == Forward((WeightedCluster(A),))


def test_headers_of_an_only_destination_are_made_after_those_of_the_route(route):
    found = route(
        "route: [{destination: {host: a}, headers: {request: {set: {a: pod}, add: {b: pod}, "
        "remove: [c]}, response: {add: {d: pod}}}}]\n"
        "  headers: {request: {set: {a: route}, add: {b: route}, remove: [e]}}"
    )
    assert found.headers == HeaderOps(
        request=HeaderChange(
            set=(("a", "route"), ("a", "pod")),
            add=(("b", "route"), ("b", "pod")),
            remove=("e", "c"),
        ),
        response=HeaderChange(add=(("d", "pod"),)),
    )
    assert found.action.clusters == (WeightedCluster(A),)


def test_headers_of_weighted_destinations_stay_with_them(route):
    found = route(
        "route:\n"
        "  - {destination: {host: a, subset: v1}, weight: 60,"
        " headers: {request: {set: {x: '1', Host: one.org}}}}\n"
        "  - {destination: {host: a, subset: v2}, weight: 40}\n"
        "  headers: {response: {add: {y: '2'}}}"
    )
    assert found.headers == HeaderOps(response=HeaderChange(add=(("y", "2"),)))
    assert found.action.clusters == (
        WeightedCluster(V1, 60, HeaderOps(request=HeaderChange(set=(("x", "1"),))), "one.org"),
        WeightedCluster(V2, 40),
    )
    assert found.action.authority == ""


AUTHORITIES = [
    ("headers: {request: {set: {Host: a.org}}}", "", "a.org"),
    ("headers: {request: {add: {':authority': a.org}}}", "", "a.org"),
    ("rewrite: {authority: a.org}", "", "a.org"),
    ("name: x", "{request: {set: {host: b.org}}}", "b.org"),
    # The route's goes before the destination's.
    ("headers: {request: {set: {HOST: a.org}}}", "{request: {set: {host: b.org}}}", "a.org"),
    ("rewrite: {authority: a.org}", "{request: {set: {host: b.org}}}", "a.org"),
    ("rewrite: {uri: /a}", "{request: {add: {host: c.org}, set: {host: b.org}}}", "b.org"),
]


@pytest.mark.parametrize(("of_route", "of_target", "expected"), AUTHORITIES)
def test_host_among_the_headers_of_a_request_is_its_authority(route, of_route, of_target, expected):
    headers = f", headers: {of_target}" if of_target else ""
    found = route(f"route: [{{destination: {{host: a}}{headers}}}]\n  {of_route}")
    assert found.action.authority == expected
    assert found.headers == HeaderOps()


FAULTS = [
    (
        "{delay: {fixedDelay: 2s, percentage: {value: 0.25}}}",
        Fault(delay=Delay(2.0, 0.0025)),
    ),
    ("{delay: {fixedDelay: 10ms, percent: 7}}", Fault(delay=Delay(0.01, 0.07))),
    # Where both are given the newer counts.
    (
        "{delay: {fixedDelay: 1s, percent: 7, percentage: {value: 100}}}",
        Fault(delay=Delay(1.0, 1.0)),
    ),
    ("{abort: {httpStatus: 500, percentage: {value: 50}}}", Fault(abort=Abort(0.5, 500))),
    (
        "{abort: {grpcStatus: UNAVAILABLE, percentage: {value: 0.0001}}}",
        Fault(abort=Abort(0.000001, 0, 14)),
    ),
    # Down to millionths, and what is smaller is cut off.
    ("{abort: {httpStatus: 500, percentage: {value: 0.00019}}}", Fault(abort=Abort(0.000001, 500))),
    (
        "{delay: {fixedDelay: 1s, percentage: {value: 1}},"
        " abort: {httpStatus: 418, percentage: {value: 0}}}",
        Fault(delay=Delay(1.0, 0.01)),
    ),
    ("{delay: {fixedDelay: 1s}}", None),
    ("{abort: {httpStatus: 500}}", None),
    ("{abort: {percentage: {value: 50}}}", None),
    ("{delay: {percentage: {value: 50}}}", None),
]


@pytest.mark.parametrize(("fault", "expected"), FAULTS)
def test_a_fault_touches_the_share_that_its_percentage_says(route, fault, expected):
    assert route(f"{TO_A}\n  fault: {fault}").fault == expected


EXACT, PREFIX, REGEX, _ = MatchKind
CORS = [
    (
        "{allowOrigins: [{exact: 'https://a.org'}, {prefix: 'https://b'}, {regex: '.*c'}]}",
        CorsPolicy(
            origins=(
                StringMatch(EXACT, "https://a.org"),
                StringMatch(PREFIX, "https://b"),
                StringMatch(REGEX, ".*c"),
            )
        ),
    ),
    ("{allowOrigin: ['*']}", CorsPolicy(origins=(StringMatch(EXACT, "*"),))),
    (
        "{allowOrigin: [a], allowOrigins: [{exact: b}]}",
        CorsPolicy(origins=(StringMatch(EXACT, "b"),)),
    ),
    (
        "{allowOrigins: [{exact: a}], allowMethods: [GET, POST], allowHeaders: [x-a, '*'],"
        " exposeHeaders: [x-b], maxAge: 1h30m, allowCredentials: true,"
        " unmatchedPreflights: IGNORE}",
        CorsPolicy(
            origins=(StringMatch(EXACT, "a"),),
            methods="GET,POST",
            headers="x-a,*",
            expose="x-b",
            max_age=5400,
            credentials=True,
            forward_unmatched=False,
        ),
    ),
    (
        "{allowOrigins: [{exact: a}], unmatchedPreflights: FORWARD}",
        CorsPolicy(origins=(StringMatch(EXACT, "a"),)),
    ),
]


@pytest.mark.parametrize(("policy", "expected"), CORS)
def test_a_cors_policy_reaches_the_route(route, policy, expected):
    assert route(f"{TO_A}\n  corsPolicy: {policy}").cors == expected


def test_what_concerns_the_answer_holds_for_answers_of_the_gateway_too(route):
    found = route(
        "redirect: {uri: /a}\n  corsPolicy: {allowOrigin: [a]}\n"
        "  headers: {response: {set: {x: '1'}}}"
    )
    assert found.cors == CorsPolicy(origins=(StringMatch(EXACT, "a"),))
    assert found.headers == HeaderOps(response=HeaderChange(set=(("x", "1"),)))


MIRRORS = [
    ("mirror: {host: a}", (Mirror(A, 1.0),)),
    ("mirror: {host: a, subset: v1}\n  mirrorPercentage: {value: 0.5}", (Mirror(V1, 0.005),)),
    ("mirror: {host: a}\n  mirrorPercent: 20", (Mirror(A, 0.2),)),
    ("mirror: {host: a}\n  mirror_percent: 20", (Mirror(A, 0.2),)),
    ("mirror: {host: a}\n  mirrorPercent: 20\n  mirrorPercentage: {value: 1}", (Mirror(A, 0.01),)),
    ("mirror: {host: a}\n  mirrorPercentage: {}", ()),
    ("mirror: {host: a}\n  mirrorPercent: 0", ()),
    ("mirrorPercent: 20", ()),
    (
        "mirrors: [{destination: {host: a, subset: v2}}, {destination: {host: a}, percentage: "
        "{value: 10}}, {destination: {host: a}, percentage: {value: 0}}]",
        (Mirror(V2, 1.0), Mirror(A, 0.1)),
    ),
]


@pytest.mark.parametrize(("mirrors", "expected"), MIRRORS)
def test_copies_go_to_the_mirrors(read, mirrors, expected):
    mesh = read(GATEWAY, PODS, SUBSETS, service(f"- {TO_A}\n  {mirrors}"))
    assert mesh.table.virtual_hosts[0].routes[0].action.mirrors == expected
    assert {mirror.cluster for mirror in expected} <= set(mesh.clusters)


RETRIES = [
    (
        "retryOn: reset-before-request",
        RetryPolicy(1, frozenset({"reset-before-request"}), frozenset()),
    ),
    # Codes that are not named are none, whatever the word promises.
    ("retryOn: retriable-status-codes", RetryPolicy(1, frozenset(), frozenset())),
    ("backoff: 100ms", RetryPolicy(1, back_off=0.1)),
    ("retryIgnorePreviousHosts: false", RetryPolicy(1, other_hosts=False)),
    ("retryIgnorePreviousHosts: true", RetryPolicy(1, other_hosts=True)),
    ("retryRemoteLocalities: true", RetryPolicy(1, other_localities=True)),
    ("retryRemoteLocalities: false", RetryPolicy(1)),
]


@pytest.mark.parametrize(("retries", "expected"), RETRIES)
def test_every_field_of_retries_counts(route, retries, expected):
    assert route(f"{TO_A}\n  retries: {{attempts: 1, {retries}}}").action.retry == expected


def test_all_conditions_of_envoy_are_known(route):
    words = (
        "5xx,gateway-error,reset,reset-before-request,connect-failure,envoy-ratelimited,"
        "retriable-4xx,refused-stream,retriable-headers,http3-post-connect-failure,cancelled,"
        "deadline-exceeded,internal,resource-exhausted,unavailable"
    )
    retry = route(f"{TO_A}\n  retries: {{attempts: 1, retryOn: '{words}'}}").action.retry
    assert retry.on == frozenset(words.split(","))


REFUSED = [
    ("redirect: {}", "redirect: the redirect says nothing of where to"),
    ("redirect: {uri: /a, redirectCode: 300}", "redirectCode: 300 is not a redirect that Envoy kn"),
    ("redirect: {scheme: ftp}", "scheme: 'ftp' is not one of"),
    ("redirect: {port: 1, derivePort: FROM_REQUEST_PORT}", "'port' and 'derivePort' do not go tog"),
    ('redirect: {uri: "/a\\r\\nx: y"}', "uri: a control character cannot stand in a head"),
    (f"redirect: {{uri: /a}}\n  {TO_A}", "'redirect' and 'route' do not go together; keep one of"),
    ("redirect: {uri: /a}\n  fault: {delay: {}}", "'redirect' and 'fault' do not go together"),
    ("redirect: {uri: /a}\n  rewrite: {uri: /b}", "'redirect' and 'rewrite' do not go together"),
    ("directResponse: {status: 200}\n  rewrite: {uri: /b}", "'directResponse' and 'rewrite' do no"),
    ("directResponse: {}", "directResponse: the field 'status' is missing"),
    ("directResponse: {status: 600}", "status: 600 is not between 200 and 599"),
    ("directResponse: {status: 200, body: {bytes: '*'}}", "body.bytes: not base64"),
    ("directResponse: {status: 200, body: {string: a, bytes: ''}}", "'string' and 'bytes' do not"),
    (f"rewrite: {{}}\n  {TO_A}", "rewrite: the rewrite says nothing"),
    (
        f"rewrite: {{uri: /a b}}\n  {TO_A}",
        "uri: a blank would end the path that the pod reads; write %20",
    ),
    (f'rewrite: {{uri: "/a\\tb"}}\n  {TO_A}', "uri: a blank would end the path"),
    (
        f"rewrite: {{uriRegexRewrite: {{match: a, rewrite: a b}}}}\n  {TO_A}",
        "rewrite: a blank would end the path",
    ),
    (f"rewrite: {{uri: /a, uriRegexRewrite: {{match: a, rewrite: b}}}}\n  {TO_A}", "do not go tog"),
    (f"rewrite: {{uriRegexRewrite: {{match: '(', rewrite: b}}}}\n  {TO_A}", "match: not a regular"),
    (f"rewrite: {{uriRegexRewrite: {{match: a}}}}\n  {TO_A}", "the field 'rewrite' is missing"),
    (r"rewrite: {uriRegexRewrite: {match: a, rewrite: '\1'}}" + f"\n  {TO_A}", "has 0; put"),
    (
        r"rewrite: {uriRegexRewrite: {match: a, rewrite: '\n'}}" + f"\n  {TO_A}",
        "means nothing",
    ),
    (f"headers: {{request: {{set: {{':path': /a}}}}}}\n  {TO_A}", "':path' is not a header name"),
    (
        f"headers: {{response: {{remove: [Content-Length]}}}}\n  {TO_A}",
        "response: 'content-length' is the gateway's own: it says where a message ends",
    ),
    (f"headers: {{request: {{remove: [Host]}}}}\n  {TO_A}", "request: Host cannot be removed"),
    (f"headers: {{response: {{set: {{host: a}}}}}}\n  {TO_A}", "response: a response has no Host"),
    (f"headers: {{request: {{set: {{a: '%'}}}}}}\n  {TO_A}", "set.a: '%' cannot be made into a v"),
    (f"headers: {{request: {{set: {{a: '%NO(x)%'}}}}}}\n  {TO_A}", "command %NO% is not known"),
    (
        f"headers: {{request: {{set: {{host: a}}}}}}\n  rewrite: {{authority: b}}\n  {TO_A}",
        "the host is set twice, to 'b' and to 'a'",
    ),
    (f"fault: {{}}\n  {TO_A}", "fault: the fault has neither 'delay' nor 'abort'"),
    (f"fault: {{delay: {{exponentialDelay: 1s}}}}\n  {TO_A}", "Istio refuses it too"),
    (f"fault: {{abort: {{http2Error: x}}}}\n  {TO_A}", "Istio's field 'http2Error' is not support"),
    (f"fault: {{abort: {{grpcStatus: nope}}}}\n  {TO_A}", "'nope' is not one of OK, CANCELLED"),
    (f"fault: {{abort: {{httpStatus: 199}}}}\n  {TO_A}", "199 is not between 200 and 599"),
    (f"fault: {{abort: {{httpStatus: 500, grpcStatus: OK}}}}\n  {TO_A}", "do not go together"),
    (f"fault: {{delay: {{percentage: {{value: 101}}}}}}\n  {TO_A}", "101.0 is not a percentage"),
    (
        f"fault: {{delay: {{percentage: {{value: 0.00001}}}}}}\n  {TO_A}",
        "1e-05 is not a percentage",
    ),
    (f"fault: {{delay: {{percentage: {{value: a}}}}}}\n  {TO_A}", "expected a number, found a str"),
    (f"corsPolicy: {{allowOrigins: [{{}}]}}\n  {TO_A}", "allowOrigins[0]: an origin must not be e"),
    (f"corsPolicy: {{allowOrigins: [{{exact: ''}}]}}\n  {TO_A}", "an origin must not be empty"),
    (f"corsPolicy: {{allowOrigins: [{{regex: '*'}}]}}\n  {TO_A}", "an origin must not be empty"),
    (f"corsPolicy: {{allowMethods: [get]}}\n  {TO_A}", "allowMethods[0]: 'get' is not one of GET"),
    (f"corsPolicy: {{allowHeaders: ['a b']}}\n  {TO_A}", "'a b' is not a header name; write a nam"),
    (f"corsPolicy: {{maxAge: 1500ms}}\n  {TO_A}", "maxAge: the duration must be of whole seconds"),
    (f"corsPolicy: {{unmatchedPreflights: DROP}}\n  {TO_A}", "'DROP' is not one of UNSPECIFIED, F"),
    (f"mirror: {{host: a}}\n  mirrors: []\n  {TO_A}", "'mirror' and 'mirrors' do not go together"),
    (f"mirror: {{host: a}}\n  mirrorPercent: 101\n  {TO_A}", "101 is not between 0 and 100"),
    (f"mirrors: [{{}}]\n  {TO_A}", "mirrors[0]: the field 'destination' is missing"),
    (f"retries: {{retryRemoteLocalities: true}}\n  {TO_A}", "'attempts' is 0 (its default)"),
]


@pytest.mark.parametrize(("entry", "text"), REFUSED)
def test_what_istio_or_envoy_would_refuse_is_refused_with_its_place(problem, entry, text):
    message = problem(GATEWAY, PODS, service(f"- {entry}"))
    assert text in message
    assert message.startswith("mesh.yaml:")
    assert "spec.http[0]" in message


IDLE = [
    ("redirect: {uri: /a}\n  timeout: 1s", "'timeout' has no effect: the entry forwards nothing"),
    ("redirect: {uri: /a}\n  retries: {attempts: 1}", "'retries' has no effect"),
    ("directResponse: {status: 200}\n  mirror: {host: a}", "'mirror' has no effect"),
    (f"fault: {{delay: {{fixedDelay: 1s}}}}\n  {TO_A}", "the fault touches no request"),
    (f"corsPolicy: {{allowMethods: [GET]}}\n  {TO_A}", "no origin is allowed"),
    ("redirect: {scheme: http}", "the redirect sends clients to where they come from"),
    ("redirect: {port: 80}", "the redirect sends clients to where they come from"),
    ("redirect: {uri: a}", "the redirect's uri 'a' is joined to the host as it is"),
    (
        f"match: [{{uri: {{prefix: /a/}}}}]\n  rewrite: {{uri: /b}}\n  {TO_A}",
        "the rewrite turns '/a/x' into '/bx'",
    ),
    (f"rewrite: {{uri: /b}}\n  {TO_A}", "the rewrite turns '/x' into '/bx'"),
    (
        f"match: [{{uri: {{prefix: /a-}}}}]\n  rewrite: {{uri: /}}\n  {TO_A}",
        "the rewrite turns '/a-/x' into '//x'",
    ),
    (f"match: [{{uri: {{prefix: /a/}}}}]\n  rewrite: {{uri: /}}\n  {TO_A}", None),
    (f"match: [{{uri: {{exact: /a/}}}}]\n  rewrite: {{uri: /b}}\n  {TO_A}", None),
    ("redirect: {scheme: https}", None),
    ("redirect: {port: 8080}", None),
    ("redirect: {authority: a.org}", None),
]


@pytest.mark.parametrize(("entry", "expected"), IDLE)
def test_lint_says_what_an_action_does_not_do(findings, entry, expected):
    documents = [GATEWAY, service(f"- {entry}")]
    if "host: a" in entry and "directResponse" not in entry:
        documents.append(PODS)
    messages = [finding.message for finding in findings(*documents)]
    assert len(messages) == (expected is not None), messages
    if expected is not None:
        assert messages[0].startswith(expected)


def test_a_redirect_covers_and_is_covered_as_any_route(findings):
    http = """
    - match: [{uri: {prefix: /a/}}]
      redirect: {uri: /b}
    - match: [{uri: {exact: /a/c}}]
      directResponse: {status: 200}
    """
    (finding,) = findings(GATEWAY, service(http))
    assert finding.message.startswith("never reached: all that it matches is matched by the route")
