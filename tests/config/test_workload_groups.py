"""WorkloadGroups: which endpoints are put to a probe, and what it asks."""

import pytest

from hybridmesh.config.model import HttpGet, Probe

from .conftest import GATEWAY, TO_A, service
from .test_services import entry

SELECTING = entry("workloadSelector: {labels: {app: a}}")
AGENT = ("User-Agent", "istio-probe/1.0")


def group(probe: str, name: str = "vms", namespace: str = "shop") -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        "spec:\n  metadata: {labels: {app: a}}\n  template: {serviceAccount: vm}\n"
        f"  probe: {probe}\n"
    )


def workload(address: str, annotations: str = "{istio.io/autoRegistrationGroup: vms}") -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
        f"metadata: {{name: w-{address}, namespace: shop, annotations: {annotations}}}\n"
        f"spec: {{address: {address}, labels: {{app: a}}}}\n"
    )


@pytest.fixture
def probes(read):
    """By address, the probes of the service's endpoints."""

    def probes(*documents: str) -> dict[str, Probe | None]:
        (cluster,) = read(GATEWAY, SELECTING, *documents, service(f"- {TO_A}")).clusters.values()
        return {endpoint.address: endpoint.probe for endpoint in cluster.endpoints}

    return probes


def test_entries_that_name_the_group_have_its_probe(probes):
    found = probes(
        group("{tcpSocket: {port: 22}}"),
        group("{tcpSocket: {port: 23}}", namespace="other"),
        workload("10.0.0.1"),
        workload("10.0.0.2", "{}"),
        workload("10.0.0.3", "{istio.io/autoRegistrationGroup: others}"),
    )
    assert found == {"10.0.0.1": Probe(22), "10.0.0.2": None, "10.0.0.3": None}


def test_a_group_without_probe_asks_for_nothing(probes):
    assert probes(group("null"), workload("10.0.0.1")) == {"10.0.0.1": None}


PROBES = [
    ("tcpSocket: {port: 22}", Probe(22)),
    ("tcpSocket: {port: 22, host: localhost}", Probe(22)),
    ("tcpSocket: {port: 22, host: '::1'}", Probe(22)),
    ("tcpSocket: {port: 22, host: 10.9.9.9}", Probe(22, "10.9.9.9")),
    ("tcpSocket: {port: 22, host: db.shop}", Probe(22, "db.shop")),
    (
        "tcpSocket: {port: 22}, initialDelaySeconds: 5, timeoutSeconds: 3, periodSeconds: 4,"
        " successThreshold: 2, failureThreshold: 6",
        Probe(22, delay=5, timeout=3, period=4, successes=2, failures=6),
    ),
    (
        "tcpSocket: {port: 22}, initialDelaySeconds: 0, timeoutSeconds: 0, periodSeconds: 0,"
        " successThreshold: 0, failureThreshold: 0",
        Probe(22, delay=0, timeout=1, period=10, successes=1, failures=1),
    ),
    ("httpGet: {port: 80}", Probe(80, http=HttpGet("/", "localhost:80", (AGENT,)))),
    (
        "httpGet: {port: 80, path: 'live?x=%20', scheme: HTTPS, host: 10.9.9.9}",
        Probe(80, "10.9.9.9", HttpGet("/live?x=%20", "10.9.9.9:80", (AGENT,), secure=True)),
    ),
    (
        "httpGet: {port: 80, host: '::1', scheme: HTTP, httpHeaders: [{name: X, value: a},"
        " {name: X, value: b}, {name: user-agent, value: me}]}",
        Probe(80, http=HttpGet("/", "[::1]:80", (("user-agent", "me"), ("X", "a"), ("X", "b")))),
    ),
    (
        "httpGet: {port: 80, httpHeaders: [{name: host, value: vm.test}]}",
        Probe(80, http=HttpGet("/", "vm.test", (AGENT,))),
    ),
]


@pytest.mark.parametrize(("probe", "expected"), PROBES)
def test_a_probe_is_that_of_istios_agent(probes, probe, expected):
    assert probes(group(f"{{{probe}}}"), workload("10.0.0.1")) == {"10.0.0.1": expected}


REFUSED = [
    ("{exec: {command: [ls]}}", "probe.exec: Istio's field 'exec' is not supported yet: commands"),
    ("{grpc: {port: 1}}", "probe.grpc: Istio's field 'grpc' is not supported yet: the proxy speak"),
    ("{periodSeconds: 1}", "probe: the probe asks for nothing; add 'httpGet' or 'tcpSocket'"),
    ("{periodSeconds: -1, tcpSocket: {port: 1}}", "periodSeconds: -1 is not between 0 and"),
    ("{tcpSocket: {port: 0}}", "tcpSocket.port: 0 is not between 1 and 65535"),
    ("{httpGet: {port: 1}, tcpSocket: {port: 1}}", "'httpGet' and 'tcpSocket' do not go together"),
    ("{httpGet: {port: 1, scheme: http}}", "scheme: 'http' is not one of"),
    ("{httpGet: {port: 1, path: 'a b'}}", "path: 'a b' is not a path; write blanks and the like"),
    ("{httpGet: {port: 1, httpHeaders: [{name: 'a b'}]}}", "name: 'a b' is not a header name"),
    ('{httpGet: {port: 1, httpHeaders: [{name: a, value: "x\\n"}]}}', "a control character"),
    ("{tcpSocket: {port: 1, host: 'a b'}}", "host: 'a b' is not a host name"),
]


@pytest.mark.parametrize(("probe", "expected"), REFUSED)
def test_a_probe_that_cannot_be_made_is_refused_by_name(problem, probe, expected):
    documents = (GATEWAY, SELECTING, workload("10.0.0.1"), service(f"- {TO_A}"))
    assert expected in problem(*documents, group(probe))


def test_a_group_without_entries_is_noted(findings):
    found = findings(
        GATEWAY,
        SELECTING,
        workload("10.0.0.1", "{}"),
        group("{tcpSocket: {port: 1}}"),
        service(f"- {TO_A}"),
    )
    assert [str(finding.severity) for finding in found] == ["note"]
    assert "WorkloadGroup shop/vms has no WorkloadEntry; name it in the annotation" in str(found[0])
