"""The machinery end to end, with real gateways and tiny loads: right pods, no times."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hybridmesh.evaluation.peers import PEERS
from hybridmesh.evaluation.run import absent, measure
from hybridmesh.evaluation.site import EvaluationError
from hybridmesh.evaluation.stage import Stage
from hybridmesh.evaluation.workload import Request, Workload
from hybridmesh.tunnel.cgroup import hierarchy
from hybridmesh.tunnel.errors import TunnelError

TINY = Workload(routes=8, hit="all", connections=2)
HYBRIDMESH = (sys.executable, "-c", "import sys; from hybridmesh.cli import main; sys.exit(main())")


class Misled(Workload):
    """Its clients expect another service's pods than the routes say."""

    def requests(self):
        for request in super().requests():
            wrong = (request.service + 1) % 4
            was, now = b"pod=%d" % request.service, b"pod=%d" % wrong
            yield Request(request.head.replace(was, now), wrong)


@pytest.fixture(scope="module")
def loopback(tools):
    with Stage(namespaces=False) as stage:
        yield stage


@pytest.mark.parametrize("name", ["off", "nginx"])
def test_a_gateway_on_the_loopback_is_measured(name, loopback):
    with loopback.pods(TINY):
        sample = measure(loopback, PEERS[name], TINY, 0, 1)
    assert (sample.workload, sample.peer, sample.hits) == (TINY.name, name, None)
    assert sample.requests > 0
    assert 0 < sample.cpu < sample.whole
    assert 0 < sample.p50 <= sample.p99
    assert 0 < sample.pss <= sample.rss


def test_a_gateway_that_sends_to_a_wrong_pod_is_not_measured(loopback):
    moved = replace(loopback.site, first_port=loopback.site.pod_ports(1)[0])

    class Wrong(type(PEERS["nginx"])):
        def launch(self, workload, site):
            return super().launch(workload, moved)

    with (
        loopback.pods(TINY),
        pytest.raises(EvaluationError, match="does not answer from the right pod, but with 421"),
        loopback.gateway(Wrong(), TINY),
    ):
        pass


def test_requests_that_come_to_a_wrong_pod_fail_the_run(loopback):
    with (
        loopback.pods(TINY),
        loopback.gateway(PEERS["nginx"], TINY),
        pytest.raises(EvaluationError, match="came to a wrong pod, or to none"),
    ):
        loopback.load(Misled(routes=8, connections=2), 1)


def test_each_request_gets_its_stamped_verdict_and_comes_to_the_right_pod(root):
    with Stage(namespaces=True) as stage, stage.pods(TINY):
        sample = measure(stage, PEERS["stamped"], TINY, 0, 1)
        assert stage.verdict == ""
    assert sample.requests > 0
    assert sample.hits == 1.0
    assert sample.verdict == "decided"
    assert 0 < sample.arrival < sample.cpu
    assert 0 < sample.stamp < sample.whole


def test_tls_and_logs_work_on_the_stage(loopback):
    for workload in (replace(TINY, tls=True), replace(TINY, istio=True)):
        with loopback.pods(workload), loopback.gateway(PEERS["off"], workload):
            loopback.load(workload, 1)


def test_an_interrupted_run_leaves_nothing_but_samples(root, tmp_path):
    process = subprocess.Popen(
        [*HYBRIDMESH, "bench", "run", "--quick", "--rounds", "1", "--samples", str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        while "round 1" not in process.stderr.readline():
            assert process.poll() is None
        group = hierarchy() / f"hybridmesh-lab-{process.pid}"
        assert group.exists()
        # The pods are up when the first gateway is.
        while not (started := numbers(group)):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    assert not [path for path in hierarchy().iterdir() if path.name.startswith(group.name)]
    assert not [number for number in started if Path("/proc", number).exists()]
    assert (tmp_path / "quick" / "setup.json").exists()


def numbers(group: Path) -> list[str]:
    return (group / "cgroup.procs").read_text().split()


def test_without_root_it_is_said_what_is_left_out(tools):
    assert absent(namespaces=False)["stamped"] == (
        "HybridMesh, verdicts stamped, is left out, for it takes network namespaces; run as root"
    )


def test_what_stamped_verdicts_lack_is_said_with_its_remedy(monkeypatch):
    def refuse():
        raise TunnelError("Clang is missing", remedy="run: apt-get install clang")

    monkeypatch.setattr("hybridmesh.evaluation.stamp.Programs", refuse)
    assert absent(namespaces=True)["stamped"] == (
        "HybridMesh, verdicts stamped, is left out: Clang is missing; run: apt-get install clang"
    )


def test_root_with_all_that_it_takes_leaves_nothing_out(root):
    assert "stamped" not in absent(namespaces=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")
def test_a_stage_on_the_loopback_takes_no_privilege(tools):
    code = (
        "from hybridmesh.evaluation.stage import Stage, is_privileged\n"
        "from hybridmesh.evaluation.peers import PEERS\n"
        "from hybridmesh.evaluation.workload import Workload\n"
        "tiny = Workload(routes=8, connections=2)\n"
        "with Stage(is_privileged()) as stage, stage.pods(tiny):\n"
        "    with stage.gateway(PEERS['off'], tiny):\n"
        "        print(stage.load(tiny, 1).refused)\n"
    )
    done = subprocess.run(
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "0\n", done.stderr
