"""Compiled tables, evaluated bit by bit: what a row takes, and that no answer is ever wrong."""

import random
import time
from dataclasses import replace

import pytest
from image_probe import columns, host_class, rows, verdict, watched
from routing import (
    head,
    linear_host,
    linear_match,
    random_head,
    random_table,
    route,
    table,
)

from hybridmesh.compiler import CompileError, Outcome, compile_table
from hybridmesh.config.model import FieldMatch, MatchKind, RouteMatch, StringMatch
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import Flag
from hybridmesh.reference.resolver import SOFTWARE, Resolver

SMALL = Geometry(rows=32, predicates=16, hosts=16, path_bytes=16, host_bytes=16, header_bytes=32)


def hit(compiled, request):
    """``exact``, ``provisional`` or None for the first row that takes *request*."""
    taken = rows(compiled.image, request).nonzero()[0]
    if not len(taken):
        return None
    return "provisional" if compiled.rows[taken[0]].provisional else "exact"


def one(*args, **kwargs):
    """A compiled table of one route for all hosts."""
    geometry = kwargs.pop("geometry", Geometry())
    return compile_table(table({"*": (route(*args, **kwargs),)}), geometry)


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
    # conditions, lines, what the row says; "twice" where the NIC leaves the head to the CPU
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
    if expected == "twice":
        assert rows(compiled.image, request) is None
    else:
        assert hit(compiled, request) == expected


def test_only_letters_of_a_field_name_are_alike():
    condition = FieldMatch("x^a", StringMatch(MatchKind.EXACT, "1"))
    only = replace(route(None), match=RouteMatch(headers=(condition,)))
    compiled = compile_table(table({"*": (only,)}), Geometry())
    assert hit(compiled, head("/", "X^A: 1")) == "exact"
    assert hit(compiled, head("/", "x~a: 1")) is None


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
    ({"query": ["a=1"]}, "GET", "h", "provisional"),
]


@pytest.mark.parametrize(("conditions", "method", "host", "expected"), OTHERS)
def test_a_condition_on_something_else_becomes_a_row(conditions, method, host, expected):
    assert hit(one(None, **conditions), head(method=method, host=host)) == expected


def test_hosts_are_looked_up_reversed_in_the_order_of_precedence():
    domains = ["*", "*.example.com", "a.example.com", "*.b.example.com", "x" * 63, "*" + "y" * 63]
    compiled = compile_table(table({d: (route("^/", name=d),) for d in domains}), Geometry())
    numbers = {d: n for n, d in enumerate(domains, start=1)}
    expected = {
        "A.Example.com": "a.example.com",
        "z.example.com": "*.example.com",
        "example.com": "*",
        ".example.com": "*",
        "z.b.EXAMPLE.com": "*.b.example.com",
        ".b.example.com": "*.example.com",
        "aa.example.com": "*.example.com",
        "a.example.comm": "*",
        "x" * 63: "x" * 63,
        "x" * 64: "*",
        "x" * 62: "*",
        "y" * 64: "*" + "y" * 63,
        "y" * 63: "*",
    }
    found = {host: host_class(compiled.image, host) for host in expected}
    assert found == {host: numbers[domain] for host, domain in expected.items()}
    assert compiled.report.hosts_left == ()


def test_no_virtual_host_is_class_0_and_no_row():
    compiled = compile_table(table({"a.b": (route("^/"),)}), Geometry())
    assert host_class(compiled.image, "c") == 0
    assert not rows(compiled.image, head(host="c")).any()


def test_virtual_hosts_that_share_their_routes_share_a_class_and_the_rows():
    shared = (route("^/a"), route("^/b"))
    compiled = compile_table(table({"a": shared, "b": shared, "c": (route("^/"),)}), Geometry())
    assert [host_class(compiled.image, h) for h in "abc"] == [1, 1, 2]
    assert len(compiled.rows) == 3


@pytest.mark.parametrize(
    "domains",
    [
        ["x" * 64],
        ["*" + "x" * 64],
        ["shop.*"],
        [f"h{i}" for i in range(65)],
    ],
    ids=["exact", "suffix", "prefix", "count"],
)
def test_hosts_that_do_not_fit_go_to_the_cpu(domains):
    routes = table({d: (route("^/", name=d),) for d in [*domains, "*"]})
    compiled = compile_table(routes, Geometry())
    host = domains[-1].replace("*", "z")
    request = head(host=host)
    assert compiled.rows[verdict(compiled.image, request).row].routes is None
    resolver = Resolver(routes)
    resolver.add_epoch(1, compiled)
    answer = resolver.resolve(request, verdict(compiled.image, request))
    assert answer.route.id == domains[-1]
    assert answer.software
    assert domains[-1] in compiled.report.hosts_left


def test_more_route_lists_than_classes_go_to_the_cpu():
    routes = table({f"h{i}": (route("^/", name=str(i)),) for i in range(300)})
    compiled = compile_table(routes, Geometry(rows=1024, hosts=128))
    assert compiled.report.classes.used == 254
    request = head(host="h299")
    assert compiled.rows[verdict(compiled.image, request).row].routes is None


def test_a_row_takes_its_own_class_alone():
    routes = table({f"h{i}": (route("^/", name=str(i)),) for i in range(40)})
    compiled = compile_table(routes, Geometry())
    for i in range(40):
        assert rows(compiled.image, head(host=f"h{i}")).nonzero()[0].tolist() == [i]


def test_rows_are_shared_fairly_and_the_last_one_takes_the_rest():
    small = tuple(route(f"=/s{i}", name=f"s{i}") for i in range(5))
    large = tuple(route(f"=/l{i}", name=f"l{i}") for i in range(100))
    compiled = compile_table(table({"l": large, "s": small}), SMALL)
    outcome = {r.route.id: r.outcome for r in compiled.report.routes}
    assert all(outcome[r.id] is Outcome.EXACT for r in small)
    assert [outcome[r.id] for r in large] == [Outcome.EXACT] * 26 + [Outcome.CPU] * 74
    assert len(compiled.rows) == 32
    assert compiled.report.catch_all == 31
    assert verdict(compiled.image, head("/l99", host="l")).row == 31
    assert verdict(compiled.image, head("/l25", host="l")).row == 30 - 5


def test_a_table_that_just_fits_has_no_catch_all():
    routes = tuple(route(f"=/{i}") for i in range(32))
    compiled = compile_table(table({"*": routes}), SMALL)
    assert compiled.report.catch_all is None
    assert compiled.report.rows.left == 0
    assert not rows(compiled.image, head("/x")).any()


def test_a_route_that_needs_two_rows_is_not_cut_in_half():
    routes = (*(route(f"=/{i}") for i in range(30)), route("=/x", method="^P"), route("=/y"))
    compiled = compile_table(table({"*": routes}), SMALL)
    assert [r.outcome for r in compiled.report.routes[-2:]] == [Outcome.CPU, Outcome.CPU]
    assert len(compiled.rows) == 31


def test_what_follows_a_catch_all_takes_no_rows():
    compiled = compile_table(table({"*": (route("^/a"), route("^/"), route("=/x"))}), SMALL)
    assert [r.outcome for r in compiled.report.routes][2] is Outcome.UNREACHED
    assert len(compiled.rows) == 2


def test_predicates_that_run_out_make_rows_provisional():
    routes = tuple(route("^/", f"x-a={i}", name=str(i)) for i in range(16))
    compiled = compile_table(table({"*": routes}), SMALL)
    assert [row.provisional for row in compiled.rows] == [False] * 15 + [True]
    assert compiled.report.predicates.left == 0
    assert "all 16 predicates are taken" in compiled.rows[15].reasons[0]


def test_a_predicate_is_shared_by_routes_that_ask_the_same():
    routes = (route("^/a", "x-a=1"), route("^/b", "x-a=1"), route("^/c", "x-a?"))
    assert compile_table(table({"*": routes}), SMALL).report.predicates.used == 2


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("Connection: close", {"connection:"}),
        ("CONNECTION: Keep-Alive", {"connection:", "EXCUSE"}),
        ("connection: keep-alive2", {"connection:"}),
        ("Content-Length: 5", {"LENGTH"}),
        ("Content-Lengths: 5", set()),
        ("transfer-encoding: chunked", {"CODING", "CHUNKED"}),
        ("transfer-encoding: gzip, chunked", {"CODING"}),
        ("X-Forwarded-For: a", {"x-forwarded-"}),
        ("te: trailers", {"te:"}),
        ("tea: 1", set()),
    ],
)
def test_every_image_holds_the_watch_columns(line, columns):
    assert watched(one("^/").image, line.encode()) == columns


def test_watch_columns_of_short_lines_see_too_much_rather_than_excuse():
    image = one("^/", geometry=Geometry(header_bytes=16)).image
    assert watched(image, b"connection: keep-alive") == {"connection:"}
    assert watched(image, b"transfer-encoding: chunked") == {"CODING"}


def test_unused_columns_refuse_every_key():
    compiled = one("^/")
    assert columns(compiled.image.path, b"/").sum() == 1
    assert columns(compiled.image.host, b"h").sum() == 1
    assert columns(compiled.image.header, b"x-a: 1").sum() == 0


def test_a_row_names_its_route():
    routes = (route("^/a", method="^P"), route("~/b+"))
    compiled = compile_table(table({"*": routes}), Geometry())
    assert [(r.route, r.index, r.provisional) for r in compiled.rows] == [
        (routes[0], 0, False),
        (routes[0], 0, True),
        (routes[1], 1, True),
    ]


def test_a_broken_regex_is_an_error():
    with pytest.raises(CompileError):
        one("~(")


GEOMETRIES = [Geometry(), SMALL]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=["default", "small"])
@pytest.mark.parametrize("seed", range(6))
def test_random_tables_never_give_a_wrong_answer(seed, geometry):
    rng = random.Random(seed)
    counts = dict.fromkeys(Flag, 0)
    for _ in range(25):
        routes = random_table(rng, most=25)
        compiled = compile_table(routes, geometry)
        resolver = Resolver(routes)
        resolver.add_epoch(1, compiled)
        for _ in range(40):
            request = random_head(rng, plain=True)
            said = verdict(compiled.image, request)
            counts[Flag(said.flags)] += 1
            index = linear_match(routes, request)
            host = linear_host(routes, request.host)
            right = None if index is None else host.routes[index]
            if said.flags & Flag.DECIDED:
                assert resolver.route_of(said) is right
            elif said.flags & Flag.PROVISIONAL:
                row = compiled.rows[said.row]
                assert row.routes is None or index is None or index >= row.index
                assert resolver.route_of(said) is SOFTWARE
            answer = resolver.resolve(request, said)
            assert (answer.virtual_host, answer.route) == (host, right)
    assert min(list(counts.values())[:3]) > 10


@pytest.mark.parametrize("seed", range(4))
def test_a_row_takes_every_request_that_its_route_takes(seed):
    rng = random.Random(100 + seed)
    for _ in range(40):
        routes = random_table(rng, most=3)
        compiled = compile_table(routes, Geometry())
        for _ in range(20):
            request = random_head(rng, plain=True)
            taken = rows(compiled.image, request)
            host = linear_host(routes, request.host)
            for index in range(len(host.routes) if host and taken is not None else 0):
                alone = table({"*": (host.routes[index],)})
                mine = [
                    number
                    for number, row in enumerate(compiled.rows)
                    if row.routes is host.routes and row.index == index
                ]
                matches = linear_match(alone, request) is not None
                reached = any(
                    r.route is host.routes[index] and r.outcome is not Outcome.UNREACHED
                    for r in compiled.report.routes
                )
                if matches and reached:
                    assert any(taken[number] for number in mine)
                exact = [number for number in mine if not compiled.rows[number].provisional]
                assert matches or not any(taken[number] for number in exact)


def test_a_thousand_routes_compile_within_a_second():
    routes = table(
        {"*": tuple(route(f"^/service-{i}/v1/items", f"x-a={i % 9}") for i in range(1000))}
    )
    began = time.perf_counter()
    compiled = compile_table(routes, Geometry(rows=1024))
    assert time.perf_counter() - began < 1
    assert len(compiled.rows) == 1000
