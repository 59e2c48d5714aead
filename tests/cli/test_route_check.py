"""``hybridmesh route-check``: tests as Envoy's router_check_tool has them, and what it says."""

import json

import pytest
import yaml

from .conftest import SHOP

ROUTES = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gate}
spec:
  selector: {istio: ingressgateway}
  servers:
    - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: routes}
spec:
  hosts: [www.test]
  gateways: [gate]
  http:
    - match: [{uri: {prefix: /old}}]
      redirect: {authority: new.test, uri: /new, redirectCode: 302}
      headers: {response: {set: {x-moved: "yes"}}}
    - match: [{uri: {prefix: /api/}, headers: {x-group: {exact: beta}}}]
      route: [{destination: {host: beta.test}}]
    - match: [{uri: {prefix: /api/}}]
      rewrite: {uri: /v1/, authority: inner.test}
      headers:
        request: {set: {x-path: "%REQ(:path)%"}, remove: [x-secret]}
        response: {add: {x-served: "by api"}, remove: [x-powered-by]}
      route: [{destination: {host: api.test}}]
    - match: [{uri: {prefix: /teapot}}]
      directResponse: {status: 418, body: {string: short}}
    - match: [{uri: {exact: /split}}]
      route:
        - {destination: {host: a.test}, weight: 20}
        - {destination: {host: b.test}, weight: 30, headers: {request: {add: {x-b: "1"}}}}
        - {destination: {host: c.test}, weight: 50}
"""


@pytest.fixture
def check(run, tmp_path):
    """Puts tests to ROUTES; a text, or a list of them."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    tests = tmp_path / "tests.yaml"

    def check(written, *arguments):
        tests.write_text(
            written if isinstance(written, str) else yaml.safe_dump({"tests": written})
        )
        return run("route-check", "-f", tmp_path / "routes.yaml", "--tests", tests, *arguments)

    return check


def case(path, validate, **asked):
    asked = {"authority": "www.test", "path": path, "method": "GET"} | asked
    return {"test_name": f"test of {path}", "input": asked, "validate": validate}


def fields(**pairs):
    return [{"key": key.replace("_", "-"), "value": value} for key, value in pairs.items()]


API = "outbound|80||api.test"
RIGHT = {
    "cluster": case("/api/cart", {"cluster_name": API, "virtual_host_name": "www.test:80"}),
    "a field of the request": case(
        "/api/cart",
        {"cluster_name": "outbound|80||beta.test"},
        additional_request_headers=fields(x_group="beta"),
    ),
    "no host": case("/", {"cluster_name": "", "virtual_host_name": ""}, authority="other.test"),
    "no route": case("/", {"cluster_name": "", "path_rewrite": "", "host_rewrite": ""}),
    "rewrites": case(
        "/api/cart?a=1", {"path_rewrite": "/v1/cart?a=1", "host_rewrite": "inner.test"}
    ),
    "no rewrite": case("/split", {"path_rewrite": "/split", "host_rewrite": "www.test"}),
    "redirect": case(
        "/old/x?a=1",
        {
            "path_redirect": "http://new.test/new?a=1",
            "cluster_name": "",
            "virtual_host_name": "",
            "response_header_matches": [{"name": "x-moved", "string_match": {"exact": "yes"}}],
        },
    ),
    "redirect of TLS": case("/old", {"path_redirect": "https://new.test/new"}, ssl=True),
    "no redirect": case("/api/cart", {"path_redirect": "", "virtual_cluster_name": ""}),
    "direct response": case(
        "/teapot",
        {
            "path_redirect": "",
            "response_header_matches": [
                {"name": "content-type", "string_match": {"prefix": "text/"}},
                {"name": "content-length", "range_match": {"start": 5, "end": 6}},
                {"name": ":status", "string_match": {"exact": "418"}},
            ],
        },
    ),
    "weights": case("/split", {"cluster_name": "outbound|80||a.test"}, random_value=119),
    "weights, second": case(
        "/split",
        {"cluster_name": "outbound|80||b.test", "request_header_matches": [{"name": "x-b"}]},
        random_value=20,
    ),
    "weights, third": case("/split", {"cluster_name": "outbound|80||c.test"}, random_value=50),
    "request fields": case(
        "/api/cart?a=1",
        {
            "request_header_matches": [
                {"name": ":path", "string_match": {"exact": "/v1/cart?a=1"}},
                {"name": ":authority", "string_match": {"exact": "inner.test"}},
                {"name": ":method", "string_match": {"exact": "GET"}},
                {"name": "x-path", "string_match": {"exact": "/api/cart?a=1"}},
                {"name": "x-secret", "present_match": True, "invert_match": True},
                {"name": "x-secret", "present_match": False},
                {"name": "X-User", "string_match": {"suffix": "ICE", "ignore_case": True}},
                {"name": "x-user", "string_match": {"contains": "lic"}},
                {"name": "x-user", "safe_regex_match": {"regex": "a.*e"}},
                {"name": "x-user", "exact_match": "al", "invert_match": True},
                {
                    "name": "x-none",
                    "exact_match": "",
                    "treat_missing_header_as_empty": True,
                },
                {"name": "x-forwarded-proto", "exact_match": "http"},
            ],
            "request_header_fields": fields(x_user="alice"),
        },
        additional_request_headers=fields(x_user="alice", x_secret="1"),
    ),
    "response fields": case(
        "/api/cart",
        {
            "response_header_matches": [
                {"name": "x-served", "string_match": {"exact": "by api"}},
                {"name": "x-powered-by", "invert_match": True},
                {"name": "x-kept"},
            ],
            "response_header_fields": fields(x_served="by api"),
        },
        additional_response_headers=fields(x_powered_by="php", x_kept="1"),
    ),
    "paths are normalised": case("/x/../api/%63art", {"path_rewrite": "/v1/cart"}),
}


@pytest.mark.parametrize("test", RIGHT.values(), ids=RIGHT)
def test_what_the_routes_do_passes(check, test):
    done = check([test], "--details")
    assert done.out == f"ok    {test['test_name']}\n1 of 1 tests pass\n"
    assert done.code == 0


WRONG = {
    "cluster": ({"cluster_name": "x"}, f"cluster_name: expected 'x', found '{API}'"),
    "virtual cluster": (
        {"virtual_cluster_name": "other"},
        "virtual_cluster_name: expected 'other', found ''",
    ),
    "virtual host": (
        {"virtual_host_name": ""},
        "virtual_host_name: expected '', found 'www.test:80'",
    ),
    "host": ({"host_rewrite": "www.test"}, "host_rewrite: expected 'www.test', found 'inner.test'"),
    "path": ({"path_rewrite": "/v1"}, "path_rewrite: expected '/v1', found '/v1/cart'"),
    "redirect": (
        {"path_redirect": "http://a/"},
        "path_redirect: expected 'http://a/', found ''",
    ),
    "request field": (
        {"request_header_fields": fields(x_path="/")},
        "request_header_fields: expected x-path: /, found x-path: /api/cart",
    ),
    "request match": (
        {"request_header_matches": [{"name": "x-path", "string_match": {"exact": "/"}}]},
        "request_header_matches: expected x-path: string_match exact '/', found '/api/cart'",
    ),
    "presence": (
        {"request_header_matches": [{"name": "x-none"}]},
        "request_header_matches: expected x-none is there, found no such field",
    ),
    "range": (
        {"response_header_matches": [{"name": "x-served", "range_match": {"end": 9}}]},
        "response_header_matches: expected x-served: range_match end 9, found 'by api'",
    ),
}


@pytest.mark.parametrize(("validate", "line"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_and_makes_the_command_fail(check, validate, line):
    done = check([case("/api/cart", validate), RIGHT["cluster"]])
    assert done.out.splitlines() == [
        "FAIL  test of /api/cart",
        f"      {line}",
        "1 of 2 tests pass",
    ]
    assert done.code == 1


def test_a_request_that_the_gateway_refuses_is_a_test_that_fails(check):
    done = check([case("api", {"cluster_name": ""})])
    assert "input: expected a request, found 400: http1.codec_error" in done.out
    assert done.code == 1


def test_json_with_tabs_and_the_other_spelling_of_names_is_read(check):
    test = {
        "testName": "json",
        "input": {"authority": "www.test", "path": "/split", "method": "GET", "randomValue": 20},
        "validate": {"clusterName": "outbound|80||b.test", "virtualHostName": "www.test:80"},
    }
    assert check(json.dumps({"tests": [test]}, indent="\t")).out == "1 of 1 tests pass\n"


ONE = "tests: [{test_name: %s, input: {%spath: /%s}%s}]"
BROKEN = {
    ONE % ("a", "authority: a, ", "", ""): "the field 'validate' is missing",
    ONE % ("a", "", "", ", validate: {}"): "the field 'authority' is missing",
    ONE % ("''", "authority: a, ", "", ", validate: {}"): "must not be empty",
    ONE % ("a", "authority: a, ", "", ", validate: {cluster: a}"): "unknown field 'cluster'",
    ONE % ("a", "authority: a, ", ", random_value: -1", ", validate: {}"): "-1 is below 0",
    "tests: {": "not YAML",
    "": "has no tests",
}


@pytest.mark.parametrize(("text", "problem"), BROKEN.items())
def test_tests_that_cannot_be_read_say_where_and_why(check, text, problem):
    done = check(text)
    assert (done.code, done.out) == (1, "")
    assert problem in done.err
    assert "tests.yaml" in done.err


def test_the_example_passes(run):
    done = run("route-check", "-f", SHOP, "--tests", SHOP.with_name("shop.tests.yaml"))
    assert done.out == "6 of 6 tests pass\n"


# ------------------------------------------------------------------ Envoy's own routes
ENVOY = """\
name: local_route
virtual_hosts:
  - name: www
    domains: ["www.test", "*.www.test"]
    routes:
      - match:
          prefix: /api/
          headers: [{name: X-Group, string_match: {exact: BETA, ignore_case: true}}]
        route: {cluster: beta, timeout: 3s}
      - match: {prefix: /api/, query_parameters: [{name: debug}]}
        redirect: {https_redirect: true, host_redirect: debug.test, response_code: FOUND}
      - match: {path: /API/Cart, case_sensitive: false}
        route:
          weighted_clusters:
            clusters:
              - {name: a, weight: 1, host_rewrite_literal: a.test}
              - name: b
                weight: 1
                request_headers_to_add: [{header: {key: x-b, value: "1"}}]
      - match: {safe_regex: {google_re2: {}, regex: "/users/[0-9]+"}}
        route:
          cluster: users
          host_rewrite_literal: inner.test
          regex_rewrite: {pattern: {regex: "[0-9]+"}, substitution: n}
        request_headers_to_add:
          - {header: {key: x-set, value: "%REQ(:path)%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
        response_headers_to_remove: [x-secret]
      - match: {prefix: /}
        direct_response: {status: 404, body: {inline_string: nothing here}}
  - name: rest
    domains: ["*"]
    routes: [{match: {prefix: /}, route: {cluster: rest, prefix_rewrite: /rest/}}]
"""


@pytest.fixture
def check_envoy(run, tmp_path):
    def check(routes, written):
        (tmp_path / "routes.yaml").write_text(routes)
        (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"tests": written}))
        tests = tmp_path / "tests.yaml"
        return run("route-check", "-f", tmp_path / "routes.yaml", "--tests", tests)

    return check


ENVOY_RIGHT = {
    "prefix and field": case(
        "/api/x",
        {"cluster_name": "beta", "virtual_host_name": "www"},
        additional_request_headers=fields(x_group="beta"),
    ),
    "redirect": case("/api/x?debug", {"path_redirect": "https://debug.test/api/x?debug"}),
    "any case": case("/api/cart", {"cluster_name": "a", "host_rewrite": "a.test"}),
    "weight": case(
        "/api/cart",
        {"cluster_name": "b", "request_header_matches": [{"name": "x-b", "exact_match": "1"}]},
        random_value=1,
    ),
    "regex": case(
        "/users/17",
        {
            "cluster_name": "users",
            "path_rewrite": "/users/n",
            "host_rewrite": "inner.test",
            "request_header_matches": [{"name": "x-set", "exact_match": "/users/17"}],
            "response_header_matches": [{"name": "x-secret", "invert_match": True}],
        },
        authority="a.www.test",
        additional_request_headers=fields(x_set="old"),
        additional_response_headers=fields(x_secret="1"),
    ),
    "direct response": case("/", {"cluster_name": "", "path_redirect": ""}),
    "any host": case("/a", {"cluster_name": "rest", "path_rewrite": "/rest/a"}, authority="x"),
}


@pytest.mark.parametrize("test", ENVOY_RIGHT.values(), ids=ENVOY_RIGHT)
def test_a_route_configuration_of_envoy_is_checked(check_envoy, test):
    done = check_envoy(ENVOY, [test])
    assert (done.out, done.err) == ("1 of 1 tests pass\n", "")


ENVOY_BROKEN = {
    "require_tls: ALL,": "'require_tls' is not supported yet: the gateway has nothing like it",
    "domain: [],": "unknown field 'domain'",
    "routes: [{match: {prefix: /}}],": "the route does nothing",
    "routes: [{match: {}, route: {cluster: a}}],": "one of 'prefix', 'path' and 'safe_regex'",
    "routes: [{match: {prefix: /, headers: [{name: a, exact_match: b, invert_match: true}]}, "
    "route: {cluster: a}}],": "without 'treat_missing_header_as_empty'",
}


@pytest.mark.parametrize(("text", "problem"), ENVOY_BROKEN.items())
def test_what_cannot_be_checked_of_it_is_refused(check_envoy, text, problem):
    routes = f"virtual_hosts: [{{{text} name: a, domains: ['*']}}]\n"
    done = check_envoy(routes, [ENVOY_RIGHT["any host"]])
    assert done.code == 1
    assert problem in done.err
    assert "routes.yaml:1: virtual_hosts[0]" in done.err
