"""Where requests go first, and where next, as istiod tells Envoy."""

import pytest

from hybridmesh.config import load

from .conftest import GATEWAY, TO_A, service

HERE = "eu/one/a"
PODS = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pods, namespace: shop}
spec:
  hosts: [a.shop.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints:
  - {address: 10.0.0.1, locality: eu/one/a, weight: 2, labels: {istio: ingressgateway, v: '1'}}
  - {address: 10.0.0.2, locality: eu/one/b, weight: 3, labels: {istio: ingressgateway}}
  - {address: 10.0.0.3, locality: eu/two, labels: {v: '1'}}
  - {address: 10.0.0.4, locality: us/one}
  - {address: 10.0.0.5, locality: asia/one}
"""


def rule(setting: str, outliers: str = ", outlierDetection: {}") -> str:
    balancer = f"{{localityLbSetting: {setting}}}" if setting else "{}"
    return (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        "metadata: {name: rule, namespace: shop}\n"
        f"spec: {{host: a, trafficPolicy: {{loadBalancer: {balancer}{outliers}}}}}\n"
    )


@pytest.fixture
def spread(write):
    """By last digit of the address: priority, and weight of the locality if it counts."""

    def spread(rules: str, locality: str = HERE) -> tuple[bool, dict[str, tuple[int, int]]]:
        path = write(GATEWAY, PODS, rules, service(f"- {TO_A}"))
        (cluster,) = load([path], locality).clusters.values()
        return cluster.balancing.by_locality, {
            e.address[-1]: (e.priority, e.locality_weight) for e in cluster.endpoints
        }

    return spread


FAILOVER = "{failover: [{from: eu, to: us}]}"
CASES = [
    # Without outlier detection nobody would notice a failure.
    ("", "", HERE, False, {"1": (0, 1), "2": (0, 1), "3": (0, 1), "4": (0, 1), "5": (0, 1)}),
    (FAILOVER, "", HERE, False, dict.fromkeys("12345", (0, 1))),
    # With it, the mesh's default: the nearest first.
    (
        "",
        "outliers",
        HERE,
        False,
        {"1": (0, 1), "2": (1, 1), "3": (2, 1), "4": (3, 1), "5": (3, 1)},
    ),
    ("{enabled: false}", "outliers", HERE, False, dict.fromkeys("12345", (0, 1))),
    (
        "{}",
        "outliers",
        HERE,
        False,
        {"1": (0, 1), "2": (1, 1), "3": (2, 1), "4": (3, 1), "5": (3, 1)},
    ),
    (
        FAILOVER,
        "outliers",
        HERE,
        True,
        {"1": (0, 2), "2": (1, 3), "3": (2, 1), "4": (3, 1), "5": (4, 1)},
    ),
    # From elsewhere, and the numbers have no gaps.
    (
        FAILOVER,
        "outliers",
        "us/one",
        True,
        {"1": (1, 2), "2": (1, 3), "3": (1, 1), "4": (0, 1), "5": (1, 1)},
    ),
    ("", "outliers", "", False, dict.fromkeys("12345", (0, 1))),
    (
        "{failoverPriority: [istio, v=1]}",
        "outliers",
        HERE,
        True,
        {"1": (0, 2), "2": (1, 3), "3": (2, 1), "4": (2, 1), "5": (2, 1)},
    ),
    (
        "{failoverPriority: [topology.kubernetes.io/region, topology.kubernetes.io/zone]}",
        "outliers",
        HERE,
        True,
        {"1": (0, 2), "2": (0, 3), "3": (1, 1), "4": (2, 1), "5": (2, 1)},
    ),
    # Labels first; among those alike, the region that takes over.
    (
        "{failoverPriority: [v=1], failover: [{from: eu, to: us}]}",
        "outliers",
        HERE,
        True,
        {"1": (0, 2), "3": (1, 1), "2": (2, 3), "4": (3, 1), "5": (4, 1)},
    ),
    # Shares: of a pattern that several localities fit, each gets by its weight; others get none.
    (
        "{distribute: [{from: us, to: {us: 100}}, {from: eu/*, to: {eu/one: 80, us: 20}}]}",
        "outliers",
        HERE,
        True,
        {"1": (0, 32), "2": (0, 48), "4": (0, 20)},
    ),
    (
        "{distribute: [{from: us, to: {eu: 100}}]}",
        "",
        HERE,
        True,
        {"1": (0, 2), "2": (0, 3), "3": (0, 1), "4": (0, 1), "5": (0, 1)},
    ),
    (
        "{distribute: [{from: '*', to: {eu: 7, asia: 93}}]}",
        "",
        HERE,
        True,
        # 7 shared by weights 2, 3 and 1, rounded up.
        {"1": (0, 3), "2": (0, 4), "3": (0, 2), "5": (0, 93)},
    ),
]


@pytest.mark.parametrize(("setting", "outliers", "here", "weighted", "expected"), CASES)
def test_localities_have_priorities_and_weights(
    spread, setting, outliers, here, weighted, expected
):
    rules = rule(setting, ", outlierDetection: {}" if outliers else "")
    assert spread(rules, here) == (weighted, expected)


def test_pods_that_dns_finds_are_not_known_by_their_labels(write):
    rules = rule("{failoverPriority: [istio]}")
    path = write(GATEWAY, PODS.replace("STATIC", "DNS"), rules, service(f"- {TO_A}"))
    (cluster,) = load([path], HERE).clusters.values()
    assert {endpoint.priority for endpoint in cluster.endpoints} == {0}


def test_failover_without_outlier_detection_is_warned_of(findings):
    messages = [
        f.message for f in findings(GATEWAY, PODS, rule(FAILOVER, ""), service(f"- {TO_A}"))
    ]
    assert any(m.startswith("failover without 'outlierDetection' never happens") for m in messages)


REFUSED = [
    ("{distribute: [{from: eu, to: {eu: 50, us: 49}}]}", "the percentages add up to 99"),
    ("{distribute: [{from: eu, to: {eu: 100, us: 0}}]}", "the percentages add up to 100; let"),
    ("{distribute: [{from: eu, to: {eu: 50, eu/one: 50}}]}", "'eu/one' overlaps with another"),
    ("{distribute: [{from: eu, to: {'*': 50, eu: 50}}]}", "'eu' overlaps with another"),
    ("{distribute: [{from: '*/one', to: {eu: 100}}]}", "'*/one' is not a locality"),
    (
        "{distribute: [{from: eu, to: {eu: 100}}, {from: eu/one, to: {eu: 100}}]}",
        "the locality 'eu/one' overlaps with another",
    ),
    ("{failover: [{from: eu, to: eu}]}", "a region cannot take over for itself"),
    ("{failover: [{from: eu/one, to: us}]}", "'eu/one' is not a region"),
    ("{failover: [], distribute: []}", "'distribute' and 'failover' do not go together"),
    (
        "{failover: [{from: eu, to: us}], failoverPriority: [topology.kubernetes.io/zone]}",
        "'failover' and the label 'topology.kubernetes.io/zone' do not go together",
    ),
]


@pytest.mark.parametrize(("setting", "expected"), REFUSED)
def test_a_setting_that_istio_refuses_is_refused(problem, setting, expected):
    assert expected in problem(GATEWAY, PODS, rule(setting), service(f"- {TO_A}"))
