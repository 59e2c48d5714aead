"""DestinationRule and ServiceEntry become clusters: endpoints, breaker, balancer."""

import pytest

from hybridmesh.config.model import (
    UNLIMITED,
    Balancer,
    CircuitBreaker,
    Cluster,
    Endpoint,
    LoadBalancing,
)

from .conftest import GATEWAY, PODS, SUBSETS, TO_A, service

NAME = "outbound|8080||a.shop.svc.cluster.local"
BOTH = (Endpoint("10.0.0.1", 8080, 1), Endpoint("10.0.0.2", 9000, 3))


def rule(policy: str, name: str = "rule", host: str = "a", namespace: str = "shop") -> str:
    return (
        "apiVersion: networking.istio.io/v1alpha3\nkind: DestinationRule\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{host: {host}, trafficPolicy: {policy}}}\n"
    )


def test_without_a_rule_a_cluster_has_istios_defaults(read):
    assert read(GATEWAY, PODS, service(f"- {TO_A}")).clusters == {
        NAME: Cluster(
            name=NAME,
            endpoints=BOTH,
            balancing=LoadBalancing(Balancer.LEAST_REQUEST),
            breaker=CircuitBreaker(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED),
            connect_timeout=10.0,
            idle_timeout=3600.0,
            max_requests_per_connection=0,
        )
    }


def test_every_field_of_the_connection_pool_reaches_the_cluster(read):
    policy = """{connectionPool: {
        tcp: {maxConnections: 50, connectTimeout: 30ms},
        http: {http1MaxPendingRequests: 51, http2MaxRequests: 52, maxRequestsPerConnection: 53,
               maxRetries: 54, idleTimeout: 5m}}}"""
    cluster = read(GATEWAY, PODS, rule(policy), service(f"- {TO_A}")).clusters[NAME]
    assert cluster == Cluster(
        name=NAME,
        endpoints=BOTH,
        breaker=CircuitBreaker(50, 51, 52, 54),
        connect_timeout=0.03,
        idle_timeout=300.0,
        max_requests_per_connection=53,
    )


def test_a_threshold_of_0_is_the_default(read):
    policy = "{connectionPool: {tcp: {maxConnections: 0}, http: {maxRetries: 0}}}"
    cluster = read(GATEWAY, PODS, rule(policy), service(f"- {TO_A}")).clusters[NAME]
    assert cluster.breaker == CircuitBreaker(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED)


@pytest.mark.parametrize(
    ("simple", "balancer"),
    [
        ("ROUND_ROBIN", Balancer.ROUND_ROBIN),
        ("RANDOM", Balancer.RANDOM),
        ("LEAST_REQUEST", Balancer.LEAST_REQUEST),
        ("LEAST_CONN", Balancer.LEAST_REQUEST),
        ("UNSPECIFIED", Balancer.LEAST_REQUEST),
    ],
)
def test_the_load_balancer_is_chosen_by_name(read, simple, balancer):
    policy = f"{{loadBalancer: {{simple: {simple}}}}}"
    mesh = read(GATEWAY, PODS, rule(policy), service(f"- {TO_A}"))
    assert mesh.clusters[NAME].balancing.kind is balancer


def test_a_subset_selects_endpoints_and_replaces_parts_of_the_policy(read):
    subsets = SUBSETS.replace(
        "{name: v2, labels: {version: v2}}",
        "{name: v2, labels: {version: v2}, trafficPolicy: "
        "{connectionPool: {http: {maxRetries: 1}}}}",
    )
    subsets += "  trafficPolicy:\n    loadBalancer: {simple: RANDOM}\n"
    subsets += "    connectionPool: {tcp: {maxConnections: 7}}\n"
    http = "- route: [{destination: {host: a, subset: v2}}]"
    (cluster,) = read(GATEWAY, PODS, subsets, service(http)).clusters.values()
    assert cluster.endpoints == (Endpoint("10.0.0.2", 9000, 3),)
    assert cluster.balancing.kind is Balancer.RANDOM
    # A part that the subset gives replaces the host's part as a whole.
    assert cluster.breaker == CircuitBreaker(UNLIMITED, UNLIMITED, UNLIMITED, 1)


CHOICES = [
    ([("a", "shop"), ("'*.local'", "shop")], 1),
    ([("'*.shop.svc.cluster.local'", "shop"), ("a", "shop")], 2),
    ([("'*.local'", "shop"), ("'*.shop.svc.cluster.local'", "shop"), ("'*'", "shop")], 2),
    ([("'*'", "shop"), ("a.shop.svc.cluster.local", "istio-system")], 1),
    ([("a.shop.svc.cluster.local", "istio-system")], 1),
    ([("a.shop.svc.cluster.local", "prod")], None),
    ([("b", "shop")], None),
]


@pytest.mark.parametrize(("rules", "winner"), CHOICES)
def test_the_most_specific_rule_of_the_first_namespace_wins(read, rules, winner):
    documents = [
        rule(f"{{connectionPool: {{tcp: {{maxConnections: {n}}}}}}}", f"rule{n}", host, namespace)
        for n, (host, namespace) in enumerate(rules, start=1)
    ]
    mesh = read(GATEWAY, PODS, *documents, service(f"- {TO_A}"))
    assert mesh.clusters[NAME].breaker.max_connections == (winner or UNLIMITED)


def test_an_unknown_destination_is_a_cluster_without_endpoints_and_warned_of(read, findings):
    documents = (GATEWAY, service("- route: [{destination: {host: b}}]"))
    (cluster,) = read(*documents).clusters.values()
    assert cluster.endpoints == ()
    (finding,) = findings(*documents)
    assert finding.severity == "warning"
    assert finding.message.startswith("no ServiceEntry describes b.shop.svc.cluster.local")


def test_of_several_ports_the_one_of_the_listener_is_meant(read):
    pods = PODS.replace(
        "[{number: 8080, name: http, protocol: HTTP}]",
        "[{number: 80, name: http, protocol: HTTP, targetPort: 81},"
        " {number: 90, name: b, protocol: HTTP}]",
    )
    (cluster,) = read(GATEWAY, pods, service(f"- {TO_A}")).clusters.values()
    assert cluster.name == "outbound|80||a.shop.svc.cluster.local"
    assert [str(e) for e in cluster.endpoints] == ["10.0.0.1:81", "10.0.0.2:9000"]


def test_an_ipv6_endpoint_is_written_in_its_short_form(read):
    pods = PODS.replace("10.0.0.1", "'2001:DB8::0:1'")
    (cluster,) = read(GATEWAY, pods, service(f"- {TO_A}")).clusters.values()
    assert str(cluster.endpoints[0]) == "[2001:db8::1]:8080"


REFUSED = [
    *(
        (rule(f"{{{field}: {{}}}}"), f"trafficPolicy.{field}: Istio's field '{field}' is not supp")
        for field in ("tunnel", "proxyProtocol", "retryBudget")
    ),
    (rule("{}"), "spec.trafficPolicy: the traffic policy says nothing"),
    (rule("{connectionPool: {}}"), "connectionPool: the connection pool says nothing"),
    (rule("{loadBalancer: {simple: BEST}}"), "'BEST' is not one of "),
    (rule("{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}"), "UPGRADE is not supported yet"),
    (rule("{connectionPool: {tcp: {connectTimeout: 0s}}}"), "the duration must be at least 1ms"),
    (rule("{connectionPool: {tcp: {maxConnections: 1.5}}}"), "a whole number, found a number"),
    (rule("null", host="a:80"), "spec.host: 'a:80' is not a host; leave the port out"),
    (SUBSETS.replace("name: v2", "name: v1"), "two subsets are called 'v1'"),
    (
        SUBSETS.replace("version: v1", "version: 1.0"),
        "labels.version: expected a string, found",
    ),
    (PODS.replace("STATIC", "DYNAMIC_DNS"), "spec.resolution: DYNAMIC_DNS is not supported yet"),
    (PODS.replace("STATIC", "NONE"), "resolution NONE, which is the default, has no endpoints"),
    (PODS.replace("  resolution: STATIC\n", ""), "resolution NONE, which is the default, has no"),
    (PODS.replace("10.0.0.1", "unix:///a.sock"), "Unix domain sockets are not supported yet"),
    (PODS.replace("10.0.0.1", "pod.local"), "'pod.local' is not an IP address"),
    (
        PODS.replace("HTTP", "GRPC"),
        "spec.ports[0].protocol: GRPC is not supported yet: this gateway speaks HTTP/1.1",
    ),
    (PODS.replace("ports: {http:", "ports: {web:"), "spec.endpoints[1]: an endpoint names a port"),
    (PODS.replace("weight: 3", "network: a"), "Istio's field 'network' is not supported yet"),
    (PODS.replace("weight: 3", "weight: -1"), "endpoints[1].weight: -1 is not between 0 and"),
    (PODS + "  workloadSelector: {}\n", "'endpoints' and 'workloadSelector' do not go together"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_what_cannot_be_honoured_is_refused_by_name(problem, text, expected):
    assert expected in problem(GATEWAY, text, service(f"- {TO_A}"))


def test_fields_without_effect_here_are_accepted_with_a_note(read, findings):
    pods = PODS.replace("weight: 3", "weight: 3, serviceAccount: x")
    pods += "  location: MESH_INTERNAL\n  addresses: [10.1.1.1]\n"
    assert read(GATEWAY, pods, service(f"- {TO_A}")).clusters[NAME].endpoints == BOTH
    assert [finding.message for finding in findings(GATEWAY, pods, service(f"- {TO_A}"))] == [
        "'serviceAccount' has no effect: it is for mutual TLS of the mesh",
        "'addresses' has no effect: a gateway has no use for virtual addresses",
    ]
