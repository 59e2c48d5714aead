"""Compiled tables as a whole: how rows and predicates are shared out, and what they say."""

import time

import pytest
from image_probe import SMALL, columns, one, rows, verdict
from routing import head, route, table

from hybridmesh.compiler import CompileError, Outcome, compile_table
from hybridmesh.contract.geometry import Geometry


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


def test_a_thousand_routes_compile_within_a_second():
    routes = table(
        {"*": tuple(route(f"^/service-{i}/v1/items", f"x-a={i % 9}") for i in range(1000))}
    )
    began = time.perf_counter()
    compiled = compile_table(routes, Geometry(rows=1024))
    assert time.perf_counter() - began < 1
    assert len(compiled.rows) == 1000
