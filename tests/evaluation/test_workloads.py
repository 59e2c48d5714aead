"""One description of the work: its requests, and the routes that HybridMesh reads of it."""

from pathlib import Path

import pytest

from hybridmesh.config import load
from hybridmesh.contract.verdict import State
from hybridmesh.evaluation.mesh import manifest
from hybridmesh.evaluation.site import Site
from hybridmesh.evaluation.stamp import golden_verdicts, hash_of
from hybridmesh.evaluation.workload import FULL, QUICK, Workload

SEGMENT = 1460
KINDS = ("prefix", "header", "three", "regex", "hosts")
SITE = Site(Path("/nowhere"), "127.0.0.1", 8080, "127.0.0.1", 9000)


def test_each_workload_has_a_name_of_its_own():
    assert len({workload.name for workload in FULL}) == len(FULL)
    assert len({workload.label for workload in FULL}) == len(FULL)
    assert {workload.name for workload in QUICK} <= {workload.name for workload in FULL}


@pytest.mark.parametrize("workload", FULL, ids=lambda workload: workload.name)
def test_its_heads_differ_and_fit_into_a_segment(workload):
    heads = [request.head for request in workload.requests()]
    assert len(set(heads)) == len(heads) == 64
    assert max(map(len, heads)) <= SEGMENT
    assert len({hash_of(head) for head in heads}) == 64


def test_a_label_says_what_is_not_usual():
    assert Workload().label == "100 prefix routes, last hit"
    unusual = Workload("hosts", 1, "all", "minimal", 1024, 1, 16, tls=True)
    assert unusual.label == (
        "1 virtual host, 64 of them hit; minimal head; answers of 1,024 B; 1 connection; "
        "pauses of 16 ms; TLS"
    )


def test_the_first_route_the_last_and_all_are_asked_for():
    def services(**how):
        return {request.service for request in Workload(**how).requests()}

    assert services(hit="first") == {0}
    assert services(routes=100) == {3}
    assert services(hit="all", routes=100) == {0, 1, 2, 3}
    assert b" /api/v1/service-0099/items/" in next(Workload().requests()).head


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hit", ["first", "last", "all"])
def test_the_golden_model_sends_each_request_to_its_service(kind, hit, tmp_path):
    workload = Workload(kind, 10, hit)
    path = tmp_path / "mesh.yaml"
    path.write_text(manifest(workload, SITE))
    mesh = load([path])
    requests = list(workload.requests())
    _, verdicts = golden_verdicts(mesh, [request.head for request in requests], 8080)
    routes = [route for host in mesh.table.virtual_hosts for route in host.routes]
    for request in requests:
        verdict = verdicts[request.head]
        assert verdict.state is (State.PROVISIONAL if kind == "regex" else State.DECIDED)
        (cluster,) = routes[verdict.row].action.clusters
        assert f"service-{request.service}." in cluster.cluster


def test_each_service_has_two_pods(tmp_path):
    path = tmp_path / "mesh.yaml"
    path.write_text(manifest(Workload(routes=5), SITE))
    ports = [[e.port for e in cluster.endpoints] for cluster in load([path]).clusters.values()]
    assert sorted(ports) == [[9000, 9001], [9002, 9003], [9004, 9005], [9006, 9007]]
