"""DestinationRules: which policy holds where, and every field of it in the cluster."""

import pytest

from hybridmesh.config.model import (
    UNLIMITED,
    Balancer,
    Certificate,
    Cluster,
    ClusterTls,
    CookieHash,
    FieldHash,
    KeepAlive,
    LoadBalancing,
    OutlierDetection,
    ParameterHash,
    RetryPolicy,
    SourceAddressHash,
    Warmup,
)

from .conftest import GATEWAY, PODS, TO_A, service

PORTS = PODS.replace(
    "[{number: 8080, name: http, protocol: HTTP}]",
    "[{number: 8080, name: http, protocol: HTTP}, {number: 9090, name: more, protocol: HTTP}]",
)
TO_8080 = "{destination: {host: a, port: {number: 8080}}}"
TO_9090 = "{destination: {host: a, port: {number: 9090}}}"


def rule(policy: str, v1: str = "", name: str = "rule") -> str:
    of_v1 = f", trafficPolicy: {v1}" if v1 else ""
    return (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        f"metadata: {{name: {name}, namespace: shop}}\n"
        f"spec:\n  host: a\n  trafficPolicy: {policy}\n"
        f"  subsets: [{{name: v1, labels: {{version: v1}}{of_v1}}}]\n"
    )


@pytest.fixture
def cluster(read):
    """The cluster of one destination."""

    def cluster(rules: str, target: str = TO_8080) -> Cluster:
        mesh = read(GATEWAY, PORTS, rules, service(f"- route: [{target}]"))
        (only,) = mesh.clusters.values()
        return only

    return cluster


def connections(number: int) -> str:
    return f"connectionPool: {{tcp: {{maxConnections: {number}}}}}"


RANDOM = "loadBalancer: {simple: RANDOM}"
V1 = TO_8080.replace("host: a", "host: a, subset: v1")
V1_9090 = TO_9090.replace("host: a", "host: a, subset: v1")

# What the rule says, what its subset says, the destination, and its connections and balancer.
PRECEDENCE = [
    (f"{{{connections(1)}, {RANDOM}}}", "", TO_8080, 1, "RANDOM"),
    (f"{{{connections(1)}, {RANDOM}}}", f"{{{connections(2)}}}", TO_8080, 1, "RANDOM"),
    # A subset replaces the parts that it gives.
    (f"{{{connections(1)}, {RANDOM}}}", f"{{{connections(2)}}}", V1, 2, "RANDOM"),
    (f"{{{connections(1)}}}", f"{{{RANDOM}}}", V1, 1, "RANDOM"),
    # A port replaces all, whatever it gives.
    (
        f"{{{RANDOM}, portLevelSettings: [{{port: {{number: 9090}}, {connections(3)}}}]}}",
        "",
        TO_9090,
        3,
        "LEAST_REQUEST",
    ),
    (
        f"{{{RANDOM}, portLevelSettings: [{{port: {{number: 9090}}, {connections(3)}}}]}}",
        "",
        TO_8080,
        UNLIMITED,
        "RANDOM",
    ),
    # The subset's parts stand over those of the port of the host.
    (
        f"{{{RANDOM}, portLevelSettings: [{{port: {{number: 9090}}, {connections(3)}}}]}}",
        "{loadBalancer: {simple: ROUND_ROBIN}}",
        V1_9090,
        3,
        "ROUND_ROBIN",
    ),
    # The subset's port stands over all.
    (
        f"{{{connections(1)}, {RANDOM}}}",
        "{portLevelSettings: [{port: {number: 9090}, loadBalancer: {simple: ROUND_ROBIN}}]}",
        V1_9090,
        UNLIMITED,
        "ROUND_ROBIN",
    ),
    (
        f"{{{connections(1)}, {RANDOM}}}",
        "{portLevelSettings: [{port: {number: 9090}, loadBalancer: {simple: ROUND_ROBIN}}]}",
        V1,
        1,
        "RANDOM",
    ),
]


@pytest.mark.parametrize(("of_host", "of_v1", "target", "limit", "balancer"), PRECEDENCE)
def test_policies_of_port_and_subset_have_istios_precedence(
    cluster, of_host, of_v1, target, limit, balancer
):
    found = cluster(rule(of_host, of_v1), target)
    assert found.breaker.max_connections == limit
    assert found.balancing.kind.value == balancer


def test_a_subset_keeps_the_parts_that_it_does_not_give(cluster):
    of_host = "{tls: {mode: SIMPLE}, outlierDetection: {consecutive5xxErrors: 9}}"
    for of_v1, names, errors in (
        (f"{{{RANDOM}}}", (), 9),
        ("{outlierDetection: {consecutive5xxErrors: 8}}", (), 8),
        ("{tls: {mode: SIMPLE, subjectAltNames: [a]}}", ("a",), 9),
    ):
        found = cluster(rule(of_host, of_v1), V1)
        assert found.tls == ClusterTls(names=names)
        assert found.outlier == OutlierDetection(consecutive_5xx=errors)


def test_of_several_rules_for_a_host_the_first_policy_counts_and_all_subsets(read):
    second = rule("{" + connections(2) + "}", name="second")
    second = second.replace("name: v1, labels: {version: v1}", "name: v2, labels: {version: v2}")
    to_v2 = V1.replace("v1", "v2")
    for first, limit in ((rule("{" + connections(1) + "}"), 1), (rule("null"), 2)):
        mesh = read(GATEWAY, PODS, first, second, service(f"- route: [{to_v2}]"))
        (only,) = mesh.clusters.values()
        assert only.breaker.max_connections == limit
        assert [str(e) for e in only.endpoints] == ["10.0.0.2:9000"]


POOLS = [
    ("tcp: {idleTimeout: 5s}", {"idle_timeout": 5.0}),
    ("tcp: {idleTimeout: 5s}, http: {idleTimeout: 7s}", {"idle_timeout": 7.0}),
    ("tcp: {idleTimeout: 5s}, http: {maxRetries: 0}", {"idle_timeout": 5.0}),
    ("tcp: {maxConnectionDuration: 1h}", {"max_connection_duration": 3600.0}),
    (
        "tcp: {tcpKeepalive: {probes: 3, time: 60s, interval: 1500ms}}",
        {"keep_alive": KeepAlive(3, 60, 1)},
    ),
    ("tcp: {tcpKeepalive: {}}", {"keep_alive": KeepAlive(0, 0, 0)}),
    ("http: {h2UpgradePolicy: DO_NOT_UPGRADE, useClientProtocol: true}", {}),
    ("http: {maxConcurrentStreams: 5}", {}),
]


@pytest.mark.parametrize(("pool", "expected"), POOLS)
def test_every_timeout_of_the_connection_pool_reaches_the_cluster(cluster, pool, expected):
    found = cluster(rule(f"{{connectionPool: {{{pool}}}}}"))
    assert found == Cluster(found.name, found.endpoints, **expected)


OUTLIERS = [
    # Istio's defaults: five 5xx in a row, and no other kind of error.
    ("{}", OutlierDetection(5, 0, 5, False, 10.0, 30.0, 300.0, 10, 0)),
    ("{consecutive5xxErrors: 0}", OutlierDetection(consecutive_5xx=0)),
    ("{consecutive5xxErrors: 3}", OutlierDetection(consecutive_5xx=3)),
    ("{consecutiveGatewayErrors: 4}", OutlierDetection(consecutive_gateway=4)),
    ("{consecutiveGatewayErrors: 0}", OutlierDetection(consecutive_gateway=0)),
    ("{splitExternalLocalOriginErrors: true}", OutlierDetection(split_local=True)),
    (
        "{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2}",
        OutlierDetection(split_local=True, consecutive_local=2),
    ),
    (
        "{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 0}",
        OutlierDetection(split_local=True, consecutive_local=5),
    ),
    (
        "{interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 100, minHealthPercent: 50}",
        OutlierDetection(
            interval=1.0, base_ejection=180.0, max_percent=100, min_healthy_percent=50
        ),
    ),
    ("{baseEjectionTime: 10m}", OutlierDetection(base_ejection=600.0, max_ejection=600.0)),
    ("{maxEjectionPercent: 0}", OutlierDetection(max_percent=10)),
    ("{consecutiveErrors: 1}", OutlierDetection()),
]


@pytest.mark.parametrize(("outliers", "expected"), OUTLIERS)
def test_outlier_detection_has_the_defaults_of_istio(cluster, outliers, expected):
    assert cluster(rule(f"{{outlierDetection: {outliers}}}")).outlier == expected


WARMUPS = [
    ("warmup: {duration: 30s}", Warmup(30.0, 1.0, 0.1)),
    (
        "simple: ROUND_ROBIN, warmup: {duration: 1m, minimumPercent: 25, aggression: 1.5}",
        Warmup(60.0, 1.5, 0.25),
    ),
    ("warmupDurationSecs: 20s", Warmup(20.0)),
    ("warmupDurationSecs: 20s, warmup: {duration: 30s}", Warmup(30.0)),
    ("simple: RANDOM, warmup: {duration: 30s}", None),
    ("consistentHash: {useSourceIp: true}, warmup: {duration: 30s}", None),
]


@pytest.mark.parametrize(("balancer", "expected"), WARMUPS)
def test_a_warmup_is_for_the_balancers_that_have_it(cluster, balancer, expected):
    assert cluster(rule(f"{{loadBalancer: {{{balancer}}}}}")).balancing.warmup == expected


def test_a_warmup_that_never_is_is_warned_of(findings):
    for balancer, expected in (
        ("simple: RANDOM, warmup: {duration: 30s}", ["a warm-up is for LEAST_REQUEST"]),
        ("warmup: {duration: 30s}", []),
    ):
        rules = rule(f"{{loadBalancer: {{{balancer}}}}}")
        found = findings(GATEWAY, PODS, rules, service(f"- {TO_A}"))
        assert [finding.message[:30] for finding in found] == expected


HASHES = [
    ("httpHeaderName: X-User", FieldHash("x-user"), LoadBalancing(Balancer.RING_HASH)),
    ("httpCookie: {name: id}", CookieHash("id"), LoadBalancing(Balancer.RING_HASH)),
    (
        "httpCookie: {name: id, path: /a, ttl: 0s}",
        CookieHash("id", "/a", 0.0),
        LoadBalancing(Balancer.RING_HASH),
    ),
    (
        "httpCookie: {name: id, ttl: 90s}",
        CookieHash("id", "", 90.0),
        LoadBalancing(Balancer.RING_HASH),
    ),
    ("useSourceIp: true", SourceAddressHash(), LoadBalancing(Balancer.RING_HASH)),
    ("useSourceIp: false", None, LoadBalancing(Balancer.RING_HASH)),
    (
        "httpQueryParameterName: Id",
        ParameterHash("Id"),
        LoadBalancing(Balancer.RING_HASH),
    ),
    (
        "useSourceIp: true, minimumRingSize: 64",
        SourceAddressHash(),
        LoadBalancing(Balancer.RING_HASH, minimum_ring_size=64),
    ),
    (
        "useSourceIp: true, ringHash: {minimumRingSize: 128}",
        SourceAddressHash(),
        LoadBalancing(Balancer.RING_HASH, minimum_ring_size=128),
    ),
    (
        "useSourceIp: true, ringHash: {}",
        SourceAddressHash(),
        LoadBalancing(Balancer.RING_HASH, minimum_ring_size=1024),
    ),
    (
        "useSourceIp: true, maglev: {tableSize: 65537}",
        SourceAddressHash(),
        LoadBalancing(Balancer.MAGLEV, table_size=65537),
    ),
]


@pytest.mark.parametrize(("settings", "policy", "balancing"), HASHES)
def test_a_consistent_hash_is_the_clusters_and_its_key_the_routes(
    read, settings, policy, balancing
):
    rules = rule(f"{{loadBalancer: {{consistentHash: {{{settings}}}}}}}")
    mesh = read(GATEWAY, PODS, rules, service(f"- {TO_A}"))
    (route,) = mesh.table.virtual_hosts[0].routes
    (only,) = mesh.clusters.values()
    assert only.balancing == balancing
    assert route.action.hash == (() if policy is None else (policy,))
    # A retry is to go to the same pod.
    assert route.action.retry == RetryPolicy(other_hosts=False)


def hashing(header: str) -> str:
    return f"loadBalancer: {{consistentHash: {{httpHeaderName: {header}}}}}"


PORT_HASH = f"{{{hashing('h')}, portLevelSettings: [{{port: {{number: 9090}}, {hashing('p')}}}]}}"
V1_HASH = f"{{{hashing('s')}, portLevelSettings: [{{port: {{number: 9090}}, {hashing('q')}}}]}}"
ROUTE_HASHES = [
    # A port counts where the destination names it, and not where it is the one that is meant.
    (PORT_HASH.replace("9090", "8080"), "", "{destination: {host: a}}", ["h"]),
    (PORT_HASH, "", TO_8080, ["h"]),
    (PORT_HASH, "", TO_9090, ["p"]),
    (PORT_HASH, V1_HASH, V1, ["s"]),
    (PORT_HASH, V1_HASH, V1_9090, ["q"]),
    (f"{{{RANDOM}}}", f"{{{hashing('s')}}}", V1, ["s"]),
    # A port without hash does not hide that of the host, though its cluster has none.
    (
        f"{{{hashing('h')}, portLevelSettings: [{{port: {{number: 9090}}, {RANDOM}}}]}}",
        "",
        TO_9090,
        ["h"],
    ),
    (f"{{{RANDOM}}}", "", TO_8080, []),
]


@pytest.mark.parametrize(("of_host", "of_v1", "target", "names"), ROUTE_HASHES)
def test_the_key_of_a_hash_is_looked_for_where_istio_looks(read, of_host, of_v1, target, names):
    mesh = read(GATEWAY, PORTS, rule(of_host, of_v1), service(f"- route: [{target}]"))
    (route,) = mesh.table.virtual_hosts[0].routes
    assert [policy.name for policy in route.action.hash] == names


def test_the_keys_of_all_weighted_destinations_are_the_routes(read):
    http = f"""
    - route:
      - {V1[:-1]}, weight: 1}}
      - {TO_9090[:-1]}, weight: 1}}
      - {TO_8080[:-1]}, weight: 0}}
    """
    mesh = read(GATEWAY, PORTS, rule(PORT_HASH, V1_HASH), service(http))
    action = mesh.table.virtual_hosts[0].routes[0].action
    assert [policy.name for policy in action.hash] == ["s", "p"]
    assert action.retry == RetryPolicy(other_hosts=True)


def test_retries_say_themselves_whether_the_same_pod_is_tried(read):
    rules = rule(f"{{{hashing('h')}}}")
    http = f"- {TO_A}\n  retries: {{attempts: 1, retryIgnorePreviousHosts: true}}"
    mesh = read(GATEWAY, PODS, rules, service(http))
    assert mesh.table.virtual_hosts[0].routes[0].action.retry == RetryPolicy(1, other_hosts=True)


TLS = [
    ("{mode: DISABLE}", None),
    ("{}", None),
    ("{mode: SIMPLE}", ClusterTls()),
    (
        "{mode: SIMPLE, caCertificates: /ca.pem, sni: a.org, subjectAltNames: [a.org, b.org]}",
        ClusterTls(authorities="/ca.pem", sni="a.org", names=("a.org", "b.org")),
    ),
    ("{mode: SIMPLE, insecureSkipVerify: true}", ClusterTls(verify=False)),
    # A certificate that mode SIMPLE does not show.
    ("{mode: SIMPLE, clientCertificate: /c, privateKey: /k}", ClusterTls()),
    (
        "{mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem}",
        ClusterTls(Certificate("/c.pem", "/k.pem")),
    ),
    ("{mode: SIMPLE, caCrl: /crl.pem}", ClusterTls(revoked="/crl.pem")),
]


@pytest.mark.parametrize(("tls", "expected"), TLS)
def test_tls_towards_the_pods_is_from_files(cluster, tls, expected):
    assert cluster(rule(f"{{tls: {tls}}}")).tls == expected


def test_names_of_a_service_count_where_the_rule_has_none(read):
    pods = PODS + "  subjectAltNames: [pod.org]\n"
    for names, expected in (("", ("pod.org",)), (", subjectAltNames: [x.org]", ("x.org",))):
        rules = rule(f"{{tls: {{mode: SIMPLE{names}}}}}")
        (only,) = read(GATEWAY, pods, rules, service(f"- {TO_A}")).clusters.values()
        assert only.tls.names == expected


def test_passthrough_leads_nowhere_at_a_gateway_and_is_warned_of(cluster, findings):
    rules = rule("{loadBalancer: {simple: PASSTHROUGH}}")
    assert cluster(rules).endpoints == ()
    (finding,) = findings(GATEWAY, PODS, rules, service(f"- {TO_A}"))
    assert finding.message.startswith("PASSTHROUGH means the address that the client called")


REFUSED = [
    ("{tls: {mode: ISTIO_MUTUAL}}", "tls.mode: ISTIO_MUTUAL is not supported yet: istiod's certif"),
    ("{tls: {mode: MUTUAL}}", "tls: mode MUTUAL needs a certificate to show"),
    ("{tls: {mode: SIMPLE, credentialName: x, caCrl: /x}}", "'credentialName' and files do not go"),
    ("{tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: /x}}", "leaves nothing to ch"),
    ("{portLevelSettings: [{loadBalancer: {}}]}", "portLevelSettings[0]: the field 'port' is miss"),
    ("{portLevelSettings: [{port: {number: 1}}]}", "the policy of the port says nothing"),
    ("{portLevelSettings: [{port: {number: 1}, tunnel: {}}]}", "unknown field 'tunnel'"),
    ("{outlierDetection: {consecutiveLocalOriginFailures: 1}}", "needs 'splitExternalLocalOrigin"),
    ("{outlierDetection: {maxEjectionPercent: 101}}", "101 is not between 0 and 100"),
    ("{loadBalancer: {simple: RANDOM, consistentHash: {}}}", "'simple' and 'consistentHash' do n"),
    ("{loadBalancer: {consistentHash: {httpCookie: {}}}}", "httpCookie: the field 'name' is miss"),
    ("{loadBalancer: {consistentHash: {httpHeaderName: ''}}}", "'' is not a header name"),
    ("{loadBalancer: {consistentHash: {httpQueryParameterName: ''}}}", "parameter without a name"),
    ("{loadBalancer: {consistentHash: {useSourceIp: true, httpHeaderName: a}}}", "do not go toge"),
    ("{loadBalancer: {consistentHash: {maglev: {}}}}", "the field 'tableSize' is missing"),
    ("{loadBalancer: {consistentHash: {maglev: {tableSize: 1}}}}", "1 is not a prime number below"),
    ("{loadBalancer: {consistentHash: {maglev: {tableSize: 65536}}}}", "65536 is not a prime numb"),
    ("{loadBalancer: {consistentHash: {maglev: {tableSize: 5000011}}}}", "is not a prime number"),
    ("{loadBalancer: {consistentHash: {minimumRingSize: 1, ringHash: {}}}}", "do not go together"),
    ("{loadBalancer: {consistentHash: {minimumRingSize: 8388609}}}", "not between 0 and 8388608"),
    ("{loadBalancer: {warmup: {}}}", "warmup: the field 'duration' is missing"),
    ("{loadBalancer: {warmup: {duration: 1s, aggression: 0.5}}}", "0.5 is less than 1"),
    ("{connectionPool: {tcp: {tcpKeepalive: {probes: -1}}}}", "-1 is not between"),
]


@pytest.mark.parametrize(("policy", "text"), REFUSED)
def test_a_policy_that_istio_refuses_is_refused_with_its_place(problem, policy, text):
    message = problem(GATEWAY, PODS, rule(policy), service(f"- {TO_A}"))
    assert text in message
    assert "spec.trafficPolicy" in message
