"""Each condition of a route as a row: what the row takes, and whether it is sure."""

from dataclasses import replace

import pytest
from image_probe import hit, one
from routing import head, route, table

from hybridmesh.compiler import compile_table
from hybridmesh.config.model import FieldMatch, MatchKind, RouteMatch, StringMatch
from hybridmesh.contract.geometry import Geometry

N62, N63, N64, N65 = ("/" + "p" * (n - 1) for n in (62, 63, 64, 65))

PATHS = [
    # path condition, ignore case, request path, what the row says
    ("=/api", 0, "/api", "exact"),
    ("=/api", 0, "/apiary", None),
    ("=/api", 0, "/ap", None),
    ("=/api", 0, "/API", None),
    ("=/api", 0, "/api?x=/api", "exact"),
    ("^/api", 0, "/api", "exact"),
    ("^/api", 0, "/apiary", "exact"),
    ("^/api", 0, "/ap", None),
    ("^/api/", 0, "/api", None),
    ("=/Ab[1]@z", 1, "/aB[1]@Z", "exact"),
    ("=/Ab[1]@z", 1, "/aB{1}@Z", None),
    ("=/Ab[1]@z", 1, "/aB[1]`Z", None),
    ("^/K@", 1, "/k@x", "exact"),
    ("^/K@", 1, "/k`x", None),
    ("=" + N63, 0, N63, "exact"),
    ("=" + N63, 0, N64, None),
    ("=" + N64, 0, N64, "provisional"),
    ("=" + N64, 0, N65, "provisional"),
    ("=" + N64, 0, N63, None),
    ("=" + N65, 0, N65, "provisional"),
    ("^" + N64, 0, N64, "exact"),
    ("^" + N64, 0, N65, "exact"),
    ("^" + N64, 0, N63, None),
    ("^" + N65, 0, N65, "provisional"),
    ("^" + N65, 0, N64, "provisional"),
    ("^" + N65, 0, N63, None),
    ("~/api/.*", 0, "/api/x", "exact"),
    ("~/api/.*", 0, "/api", None),
    ("~/api", 0, "/api", "exact"),
    ("~/api", 0, "/apiary", None),
    (r"~^/a\.b.*$", 0, "/a.b", "exact"),
    (r"~/a\.*", 0, "/a.b", "provisional"),
    (r"~/users/\d+", 0, "/users/7", "provisional"),
    (r"~/users/\d+", 0, "/users/x", "provisional"),
    (r"~/users/\d+", 0, "/user", None),
    ("~/a|/b", 0, "/c", "provisional"),
    ("~/a*.*", 0, "/", "provisional"),
    ("~(?i)/api.*", 0, "/API", "provisional"),
    (r"~\Q/a.*\E", 0, "/a.*", "exact"),
    (r"~\Q/a.*\E", 0, "/ab", None),
    ("~/api", 1, "/API", None),
    ("=/a\0", 0, "/a", None),
    ("^/a\0", 0, "/a", None),
    ("^", 0, "/a", "exact"),
    (None, 0, "/a", "exact"),
]


@pytest.mark.parametrize(("condition", "ignore_case", "path", "expected"), PATHS)
def test_a_path_condition_becomes_a_row(condition, ignore_case, path, expected):
    assert hit(one(condition, ignore_case=bool(ignore_case)), head(path)) == expected


V = "v" * 58  # 'x-a: ' and this are 63 bytes

HEADERS = [
    # conditions, lines, what the row says
    (["x-a=1"], ["X-a: 1"], "exact"),
    (["x-a=1"], ["x-a: 12"], None),
    (["x-a=1"], ["x-aa: 1"], None),
    (["x-a=1"], ["x-a: 1", "x-a: 1"], "twice"),
    (["x-a=1"], ["x-a: 1", "x-a: 2"], "twice"),
    (["x-a=1,2"], ["x-a: 1", "x-a: 2"], "twice"),
    (["x-a=1,2"], ["x-a: 1,2"], "exact"),
    (["x-a=b"], ["x-a: B"], None),
    (["x-a^1"], ["x-a: 12"], "exact"),
    (["x-a^1"], ["x-a: 2"], None),
    (["x-a^1"], ["x-a: 2", "x-a: 1"], "twice"),
    (["x-a?"], ["x-a: 12"], "exact"),
    (["x-a?"], [], None),
    (["x-a?"], ["x-ab: 1"], None),
    (["x-a^"], ["x-a: 12"], "exact"),
    (["x-a="], ["x-a: 1"], None),
    (["x-a~.*"], ["x-a: 1"], "exact"),
    (["x-a~.*"], [], None),
    (["x-a~1[23]"], ["x-a: 14"], "provisional"),
    (["x-a~1[23]"], ["x-a: 2"], None),
    (["x-a~.+"], ["x-a: 2"], "provisional"),
    (["x-a~.+"], [], None),
    (["x-a=1\0"], ["x-a: 1"], None),
    (["!x-a=1\0"], ["x-a: 1"], "exact"),
    (["!x-a?"], [], "exact"),
    (["!x-a?"], ["x-a: 1"], None),
    (["!x-a=1"], [], "exact"),
    (["!x-a=1"], ["x-a: 1"], None),
    (["!x-a=1"], ["x-a: 2"], "exact"),
    (["!x-a=1"], ["x-a: 2", "x-a: 3"], "twice"),
    (["!x-a="], [], None),
    (["!x-a="], ["x-a: 1"], "exact"),
    (["!x-a^"], [], None),
    (["!x-a~.*"], ["x-a: 1"], None),
    (["!x-a~1[23]"], ["x-a: 12"], "provisional"),
    (["!x-a^1"], ["x-a: 12"], None),
    (["x-a?", "x-a=1"], ["x-a: 1"], "exact"),
    (["x-a?", "x-a=1"], ["x-a: 2"], None),
    (["x-a=1", "x-a=2"], ["x-a: 1"], None),
    (["x-a=1", "!x-a=1"], ["x-a: 1"], None),
    (["x-a=1", "x-b=2"], ["x-b: 2", "x-a: 1"], "exact"),
    (["x-a=1", "x-b=2"], ["x-a: 1"], None),
    (["x-a=" + V], ["x-a: " + V], "exact"),
    (["x-a=" + V], [f"x-a: {V}v"], None),
    ([f"x-a={V}v"], [f"x-a: {V}v"], "provisional"),
    ([f"x-a={V}v"], [f"x-a: {V}w"], None),
    ([f"x-a={V}v"], [f"x-a: {V}vv"], "provisional"),
    ([f"x-a^{V}v"], [f"x-a: {V}vv"], "exact"),
    ([f"x-a^{V}vv"], [f"x-a: {V}vw"], "provisional"),
    ([f"!x-a={V}v"], [f"x-a: {V}v"], "provisional"),
    (["n" * 63 + "?"], ["n" * 63 + ": 1"], "exact"),
    (["n" * 64 + "?"], ["x-a: 1"], "provisional"),
    (["!" + "n" * 64 + "?"], ["n" * 64 + ": 1"], "provisional"),
    (["host=Ab.c"], ["HOST Ab.c"], "exact"),
    (["host=Ab.c"], ["HOST ab.c"], None),
    (["host=Ab.c"], ["HOST Ab.c:80"], None),
    ([":path=/"], [], "provisional"),
    (["te?"], [], "provisional"),
    (["!x-envoy-a?"], ["x-envoy-a: 1"], "provisional"),
]


@pytest.mark.parametrize(("conditions", "lines", "expected"), HEADERS)
def test_a_header_condition_becomes_predicates(conditions, lines, expected):
    compiled = one(None, *conditions)
    host = next((line[5:] for line in lines if line.startswith("HOST ")), "h")
    request = head("/", *(line for line in lines if not line.startswith("HOST ")), host=host)
    assert hit(compiled, request) == expected


def test_only_letters_of_a_field_name_are_alike():
    condition = FieldMatch("x^a", StringMatch(MatchKind.EXACT, "1"))
    only = replace(route(None), match=RouteMatch(headers=(condition,)))
    compiled = compile_table(table({"*": (only,)}), Geometry())
    assert hit(compiled, head("/", "X^A: 1")) == "exact"
    assert hit(compiled, head("/", "x~a: 1")) is None


W = "v" * 60  # 'q=' and this are 62 bytes

QUERIES = [
    # conditions, query, what the row says
    (["q=1"], "?q=1", "exact"),
    (["q=1"], "?a&q=1&b", "exact"),
    (["q=1"], "?q=12", None),
    (["q=1"], "?q=", None),
    (["q=1"], "?q", None),
    (["q=1"], "?Q=1", None),
    (["q=a"], "?q=A", None),
    (["q=1"], "?qq=1", None),
    (["q=1"], "?q==1", None),
    (["q==1"], "?q==1", "exact"),
    (["q=1"], "?q=%31", None),
    (["q=%31"], "?q=%31", "exact"),
    (["q=a+b"], "?q=a+b", "exact"),
    (["q=1"], "?q=1&q=1", "twice"),
    (["q=1"], "?q=2&q=1", "twice"),
    (["q=1"], "?q=1&q", "twice"),
    (["q=1"], "?q&q=1", "twice"),
    (["q=1"], "?r&r", None),
    (["q="], "?q=", "exact"),
    (["q="], "?q", "exact"),
    (["q="], "?q=&r", "exact"),
    (["q="], "?q=1", None),
    (["q="], "?q==", None),
    (["q="], "?qq", None),
    (["q="], "", None),
    (["q="], "?q&q=1", "twice"),
    (["q?"], "?q", "exact"),
    (["q?"], "?q=", "exact"),
    (["q?"], "?q=1", "exact"),
    (["q?"], "?r=q", None),
    (["q?"], "?", None),
    (["q?"], "", None),
    (["q?"], "?q-=1", None),
    (["q?"], "?&q", "exact"),
    (["q^"], "?q", "exact"),
    (["q^"], "", None),
    (["q^1"], "?q=12", "exact"),
    (["q^1"], "?q=2", None),
    (["q~.*"], "?q", "exact"),
    (["q~.*"], "", None),
    (["q~1.*"], "?q=12", "exact"),
    (["q~1[23]"], "?q=14", "provisional"),
    (["q~1[23]"], "?q=2", None),
    (["q~[12]*"], "?q", "provisional"),
    (["q~[12]*"], "", None),
    (["!q?"], "", "exact"),
    (["!q?"], "?q", None),
    (["!q=1"], "", "exact"),
    (["!q=1"], "?q=2", "exact"),
    (["!q=1"], "?q=1", None),
    (["!q=1"], "?q=2&q=1", "twice"),
    (["!q="], "", None),
    (["!q="], "?q", None),
    (["!q="], "?q=", None),
    (["!q="], "?q=1", "exact"),
    (["!q^"], "?q=1", None),
    (["!q^1"], "?q=1", None),
    (["!q~1[23]"], "?q=12", "provisional"),
    (["q=1", "r=2"], "?r=2&q=1", "exact"),
    (["q=1", "r=2"], "?q=1", None),
    (["q=1", "!r?"], "?q=1&r", None),
    (["q=a b"], "?q=a", None),
    (["q=a&b"], "?q=a", None),
    (["q=é"], "?q=C", None),
    (["q^a#"], "?q=a", None),
    (["q~a<.*"], "?q=a", None),
    (["!q=a b"], "?q=a", "exact"),
    (["!q=a&b"], "", "exact"),
    (["é=1"], "?C)=1", None),
    (["a&b?"], "?a&b", None),
    (["!a&b?"], "?a", "provisional"),
    (["q=" + W + "v"], f"?q={W}v", "exact"),
    (["q=" + W + "v"], f"?q={W}w", None),
    (["q=" + W + "v"], f"?q={W}vv", None),
    (["q=" + W + "vv"], f"?q={W}vv", "provisional"),
    (["q=" + W + "vv"], f"?q={W}vvv", "provisional"),
    (["q^" + W + "vv"], f"?q={W}vvv", "exact"),
    (["q^" + W + "vvv"], f"?q={W}vv", "provisional"),
    (["!q=" + W + "vv"], f"?q={W}vv", "provisional"),
    (["n" * 63 + "?"], "?" + "n" * 63, "exact"),
    (["n" * 63 + "?"], "?" + "n" * 64, None),
    (["n" * 64 + "?"], "?", "provisional"),
    (["n" * 62 + "="], "?" + "n" * 62, "exact"),
    (["n" * 63 + "="], "?" + "n" * 63 + "=", "provisional"),
    (["n" * 63 + "="], "?" + "n" * 62 + "=", None),
]


@pytest.mark.parametrize(("conditions", "query", "expected"), QUERIES)
def test_a_query_condition_becomes_predicates(conditions, query, expected):
    request = head("/" + query, "q: 1", "n: q=1")
    assert hit(one(None, query=conditions), request) == expected


def test_a_name_may_hold_what_stands_for_its_end_elsewhere():
    condition = FieldMatch("a=b", StringMatch(MatchKind.EXACT, "1"))  # no parameter is called so
    only = replace(route(None), match=RouteMatch(query=(condition,)))
    compiled = compile_table(table({"*": (only,)}), Geometry())
    assert hit(compiled, head("/?a=b=1")) is None


def test_query_parameters_are_looked_up_only_where_a_route_asks():
    assert one("^/", "x-a=1").image.options[0] == 0
    assert one("^/", query=["!q?"]).image.options[0] == 1
    assert one("^/", query=["q=a b"]).image.options[0] == 0  # no decided head can match it


def test_a_field_and_a_parameter_of_one_name_are_told_apart():
    compiled = one(None, "q=1")
    assert hit(compiled, head("/?q:%201", "x: 1")) is None
    assert hit(one(None, "q=1", query=["q=1"]), head("/?q=1", "q: 1")) == "exact"


OTHERS = [
    # conditions, method, host, what the row says
    ({"method": "=GET"}, "GET", "h", "exact"),
    ({"method": "=GET"}, "PUT", "h", None),
    ({"method": "=GET"}, "PURGE", "h", None),
    ({"method": "=PURGE"}, "PURGE", "h", "provisional"),
    ({"method": "=PURGE"}, "COPY", "h", "provisional"),
    ({"method": "=PURGE"}, "GET", "h", None),
    ({"method": "^P"}, "PUT", "h", "exact"),
    ({"method": "^P"}, "GET", "h", None),
    ({"method": "^P"}, "COPY", "h", "provisional"),
    ({"method": "^"}, "COPY", "h", "exact"),
    ({"method": "~GET|PUT"}, "PUT", "h", "exact"),
    ({"method": "~GET|PUT"}, "COPY", "h", None),
    ({"method": "~GET|COPY"}, "COPY", "h", "provisional"),
    ({"method": "~P.*"}, "POST", "h", "exact"),
    ({"method": "~P.*"}, "COPY", "h", "provisional"),
    ({"scheme": "=http"}, "GET", "h", "exact"),
    ({"scheme": "=https"}, "GET", "h", None),
    ({"scheme": "^htt"}, "GET", "h", "exact"),
    ({"scheme": "~https?"}, "GET", "h", "exact"),
    ({"scheme": "~.ttps"}, "GET", "h", None),
    ({"authority": "=Ab.c:80"}, "GET", "Ab.c:80", "exact"),
    ({"authority": "=Ab.c:80"}, "GET", "Ab.c", None),
    ({"authority": "^Ab"}, "GET", "Ab.c", "exact"),
    ({"authority": "^Ab"}, "GET", "ab.c", None),
    ({"authority": "~.*:80"}, "GET", "a:81", "provisional"),
]


@pytest.mark.parametrize(("conditions", "method", "host", "expected"), OTHERS)
def test_a_condition_on_something_else_becomes_a_row(conditions, method, host, expected):
    assert hit(one(None, **conditions), head(method=method, host=host)) == expected
