"""Random tables and requests: no answer is ever wrong, no row misses what its route takes."""

import random

import pytest
from image_probe import SMALL, rows, verdict
from routing import linear_host, linear_match, random_head, random_table, table

from hybridmesh.compiler import Outcome, compile_table
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import Flag
from hybridmesh.reference.resolver import SOFTWARE, Resolver

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
            if taken is None or host is None:
                continue
            if {request.host, host.domain} & set(compiled.report.hosts_left):
                continue
            for index in range(len(host.routes)):
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
