"""What holds for the whole mesh, as an ``IstioOperator`` or the ConfigMap ``istio`` says it."""

from dataclasses import replace
from textwrap import indent

import pytest

from hybridmesh.config import load
from hybridmesh.config.model import (
    Cluster,
    ForwardedCertificates,
    KeepAlive,
    PathNormalization,
    RetryPolicy,
    Topology,
)

from .conftest import GATEWAY, PODS, TO_A, service


def operator(spec: str, name: str = "istio") -> str:
    return (
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n"
        f"metadata: {{name: {name}, namespace: istio-system}}\nspec: {spec}\n"
    )


def paths(mode: str) -> str:
    return operator(f"{{meshConfig: {{pathNormalization: {{normalization: {mode}}}}}}}")


@pytest.mark.parametrize("mode", PathNormalization)
def test_paths_are_normalised_as_the_mesh_says(read, mode):
    assert read(GATEWAY, paths(mode.value)).paths is mode


@pytest.mark.parametrize(
    "document",
    [
        paths("DEFAULT"),
        operator("{meshConfig: {pathNormalization: {}}}"),
        operator("{profile: default, meshConfig: {accessLogFile: /dev/stdout}}"),
        operator("{components: {ingressGateways: [{name: gw}]}}"),
    ],
)
def test_whoever_says_nothing_of_paths_gets_istios_default(read, document):
    assert read(GATEWAY, document).paths is PathNormalization.BASE


def test_without_an_operator_paths_are_normalised_as_by_istio(read):
    assert read(GATEWAY).paths is PathNormalization.BASE


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([paths("BEST")], "normalization: 'BEST' is not one of DEFAULT, NONE, BASE, MERGE_SLASHES"),
        (
            [paths("BASE"), paths("NONE").replace("name: istio", "name: other")],
            "a second IstioOperator (the first is at ",
        ),
        (
            [paths("BASE").replace("v1alpha1", "v1")],
            "IstioOperator has no version 'install.istio.io/v1'; write install.istio.io/v1alpha1",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(problem, documents, expected):
    assert expected in problem(GATEWAY, *documents)


def config_map(text: str, name: str = "istio", key: str = "mesh") -> str:
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\n"
        f"data:\n  {key}: |-\n" + indent(text, "    ") + "\n"
    )


def both(settings: str) -> list[str]:
    """The same settings, told in both ways."""
    return [operator(f"{{meshConfig: {{{settings}}}}}"), config_map(settings.replace("; ", "\n"))]


NONE = "pathNormalization: {normalization: NONE}"


@pytest.mark.parametrize("name", ["istio", "istio-canary"])
def test_the_config_map_says_what_holds(read, name):
    assert read(GATEWAY, config_map(NONE, name)).paths is PathNormalization.NONE


def test_the_config_map_counts_more_than_the_operator_that_it_was_made_of(read):
    mesh = read(GATEWAY, paths("MERGE_SLASHES"), config_map(NONE))
    assert mesh.paths is PathNormalization.NONE
    assert read(GATEWAY, paths("NONE"), config_map("{}")).paths is PathNormalization.BASE


@pytest.mark.parametrize(
    "document",
    [
        config_map(NONE, "other"),
        config_map(NONE, key="meshNetworks"),
        config_map(NONE, "istio-sidecar-injector", "config"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio}\ndata: null\n",
    ],
)
def test_other_config_maps_are_passed_over(findings, document):
    found = findings(GATEWAY, PODS, service(f"- {TO_A}"), document)
    assert [finding.message for finding in found] == ["ConfigMap (v1) is passed over"]


def test_an_empty_text_is_no_setting(read):
    assert read(GATEWAY, config_map("# nothing")).paths is PathNormalization.BASE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "trustDomain: x\npathNormalization:\n  normalization: BEST",
            "mesh.yaml:17: data.mesh.pathNormalization.normalization: 'BEST' is not one of",
        ),
        ("a: [", "mesh.yaml:16: not YAML"),
        ("[]", "data.mesh: expected a mapping, found a list"),
        ("connectTimeout: 0s", "data.mesh.connectTimeout: the duration must be at least 1ms"),
    ],
)
def test_what_is_wrong_in_the_text_is_told_with_its_place(problem, text, expected):
    assert expected in problem(GATEWAY, config_map(text))


def test_one_config_map_is_enough(problem):
    documents = [config_map(NONE), config_map(NONE, "istio-canary")]
    assert "a second ConfigMap (the first is at " in problem(GATEWAY, *documents)


# ------------------------------------------------------------------ defaults


def rule(policy: str) -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        f"metadata: {{name: rule, namespace: shop}}\nspec: {{host: a, trafficPolicy: {policy}}}\n"
    )


@pytest.fixture
def cluster(read):
    def cluster(*documents: str) -> Cluster:
        (only,) = read(GATEWAY, PODS, service(f"- {TO_A}"), *documents).clusters.values()
        return only

    return cluster


@pytest.mark.parametrize("settings", both("connectTimeout: 3s"))
def test_the_mesh_has_a_default_for_the_time_that_a_connection_takes(cluster, settings):
    pool = rule("{connectionPool: {tcp: {maxConnections: 1}}}")
    own = rule("{connectionPool: {tcp: {connectTimeout: 2s}}}")
    assert cluster(settings).connect_timeout == 3.0
    assert cluster(settings, pool).connect_timeout == 3.0
    assert cluster(settings, own).connect_timeout == 2.0


@pytest.mark.parametrize("settings", both("tcpKeepalive: {time: 60s, probes: 3}"))
def test_a_rule_changes_single_settings_of_the_meshs_keep_alive(cluster, settings):
    own = rule("{connectionPool: {tcp: {tcpKeepalive: {time: 7s, interval: 5s}}}}")
    assert cluster(settings).keep_alive == KeepAlive(3, 60, 0)
    assert cluster(settings, own).keep_alive == KeepAlive(3, 7, 5)
    assert cluster(own).keep_alive == KeepAlive(0, 7, 5)
    assert cluster().keep_alive is None


POLICY = "{attempts: 5, retryOn: '5xx,503', backoff: 1s}"


@pytest.mark.parametrize("settings", both(f"defaultHttpRetryPolicy: {POLICY}"))
def test_routes_that_say_nothing_of_retries_have_those_of_the_mesh(read, settings):
    expected = RetryPolicy(5, frozenset({"5xx"}), frozenset({503}), back_off=1.0)

    def retry(http: str, *documents: str) -> RetryPolicy | None:
        mesh = read(GATEWAY, PODS, service(http), settings, *documents)
        return mesh.table.virtual_hosts[0].routes[0].action.retry

    assert retry(f"- {TO_A}") == expected
    assert retry(f"- {TO_A}\n  retries: {{attempts: 1}}") == RetryPolicy(1)
    assert retry(f"- {TO_A}\n  retries: {{attempts: 0}}") is None
    hashing = rule("{loadBalancer: {consistentHash: {httpHeaderName: x}}}")
    assert retry(f"- {TO_A}", hashing) == replace(expected, other_hosts=False)


@pytest.mark.parametrize("settings", both("defaultHttpRetryPolicy: {attempts: 0}"))
def test_the_mesh_may_have_no_retries(read, settings):
    mesh = read(GATEWAY, PODS, service(f"- {TO_A}"), settings)
    assert mesh.table.virtual_hosts[0].routes[0].action.retry is None


NEAR_AND_FAR = PODS.replace("{address: 10.0.0.1,", "{address: 10.0.0.1, locality: r/z,").replace(
    "{address: 10.0.0.2,", "{address: 10.0.0.2, locality: s/z,"
)


@pytest.mark.parametrize(
    ("mesh", "own", "priorities"),
    [
        ("enabled: true", "", [0, 1]),
        ("enabled: false", "", [0, 0]),
        ("enabled: false", "localityLbSetting: {enabled: true}", [0, 1]),
        ("enabled: true", "localityLbSetting: {enabled: false}", [0, 0]),
        ("failoverPriority: [version=v2]", "", [1, 0]),
        ("failoverPriority: [version=v2]", "localityLbSetting: {enabled: true}", [0, 1]),
        ("failoverPriority: [version=v2]", "simple: RANDOM", [1, 0]),
    ],
)
def test_localities_are_as_the_mesh_says_where_the_rule_does_not(write, mesh, own, priorities):

    detecting = rule(f"{{outlierDetection: {{}}, loadBalancer: {{{own}}}}}")
    for settings in both(f"localityLbSetting: {{{mesh}}}"):
        path = write(GATEWAY, NEAR_AND_FAR, service(f"- {TO_A}"), settings, detecting)
        (cluster,) = load([path], "r/z").clusters.values()
        assert [endpoint.priority for endpoint in cluster.endpoints] == priorities


@pytest.mark.parametrize(
    ("topology", "expected"),
    [
        ("{}", Topology()),
        ("{numTrustedProxies: 0, forwardClientCertDetails: UNDEFINED}", Topology()),
        ("{numTrustedProxies: 2}", Topology(2)),
        (
            "{forwardClientCertDetails: APPEND_FORWARD}",
            Topology(0, ForwardedCertificates.APPEND_FORWARD),
        ),
    ],
)
def test_what_stands_before_the_gateway_is_read(read, findings, topology, expected):
    for settings in both(f"defaultConfig: {{concurrency: 2, gatewayTopology: {topology}}}"):
        documents = (GATEWAY, PODS, service(f"- {TO_A}"), settings)
        assert read(*documents).topology == expected
        assert not findings(*documents)


@pytest.mark.parametrize("field", ["h2UpgradePolicy: UPGRADE", "accessLogFile: /dev/stdout"])
def test_settings_without_effect_are_noted(findings, field):
    for settings in both(field):
        (finding,) = findings(GATEWAY, PODS, service(f"- {TO_A}"), settings)
        assert f"{field.partition(':')[0]!r} has no effect" in finding.message
