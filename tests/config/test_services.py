"""ServiceEntries and WorkloadEntries: which endpoints a service has."""

import pytest

from hybridmesh.config.model import Discovery, Endpoint

from .conftest import GATEWAY, TO_A, service

HOST = "a.shop.svc.cluster.local"
HTTP = "[{number: 8080, name: http, protocol: HTTP}]"


def entry(
    rest: str,
    name: str = "pods",
    ports: str = HTTP,
    resolution: str = "STATIC",
    namespace: str = "shop",
    hosts: str = f"[{HOST}]",
) -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{hosts: {hosts}, ports: {ports}, resolution: {resolution}, {rest}}}\n"
    )


def workload(spec: str, name: str = "w", namespace: str = "shop", labels: str = "{app: a}") -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
        f"metadata: {{name: {name}, namespace: {namespace}, labels: {labels}}}\nspec: {spec}\n"
    )


@pytest.fixture
def endpoints(read):
    """The endpoints of a port of the service."""

    def endpoints(*documents: str, port: int = 8080) -> list[str]:
        to = f"- route: [{{destination: {{host: a, port: {{number: {port}}}}}}}]"
        (cluster,) = read(GATEWAY, *documents, service(to)).clusters.values()
        return [str(endpoint) for endpoint in cluster.endpoints]

    return endpoints


BOTH = "[{number: 80, name: http, protocol: HTTP}, {number: 90, name: more, protocol: HTTP}]"


def test_entries_of_one_host_are_merged_port_by_port(endpoints):
    documents = (
        entry("endpoints: [{address: 10.0.0.1}]", ports=HTTP),
        entry("endpoints: [{address: 10.0.0.2, ports: {more: 91}}]", name="second", ports=BOTH),
    )
    # Ports of one name share their endpoints, each where its own entry says.
    assert endpoints(*documents, port=8080) == ["10.0.0.1:8080", "10.0.0.2:80"]
    assert endpoints(*documents, port=80) == ["10.0.0.1:8080", "10.0.0.2:80"]
    assert endpoints(*documents, port=90) == ["10.0.0.2:91"]


def test_a_host_that_stands_twice_in_an_entry_is_one(endpoints):
    documents = (
        entry("endpoints: [{address: 10.0.0.1}]"),
        entry("endpoints: [{address: 10.0.0.2}]", name="second", hosts=f"[{HOST}, {HOST}]"),
    )
    assert endpoints(*documents) == ["10.0.0.1:8080", "10.0.0.2:8080"]


def test_a_port_number_has_the_name_that_the_first_entry_gives_it(endpoints):
    documents = (
        entry("endpoints: [{address: 10.0.0.1}]"),
        entry(
            "endpoints: [{address: 10.0.0.2}]",
            name="second",
            ports="[{number: 8080, name: other, protocol: HTTP}]",
        ),
    )
    assert endpoints(*documents) == ["10.0.0.1:8080"]
    assert endpoints(*reversed(documents)) == ["10.0.0.2:8080"]


def test_a_destination_without_port_means_the_only_one_of_the_first_entry(read):
    documents = (
        entry("endpoints: [{address: 10.0.0.1}]"),
        entry("endpoints: [{address: 10.0.0.2}]", name="second", ports=BOTH),
    )
    assert list(read(GATEWAY, *documents, service(f"- {TO_A}")).clusters) == [
        f"outbound|8080||{HOST}"
    ]
    assert list(read(GATEWAY, *reversed(documents), service(f"- {TO_A}")).clusters) == [
        f"outbound|80||{HOST}"
    ]


def test_a_host_belongs_to_the_namespace_that_has_it_first(endpoints, findings):
    documents = (
        entry("endpoints: [{address: 10.0.0.1}]"),
        entry("endpoints: [{address: 10.0.0.2}]", namespace="prod"),
    )
    assert endpoints(*documents) == ["10.0.0.1:8080"]
    messages = [finding.message for finding in findings(GATEWAY, *documents, service(f"- {TO_A}"))]
    assert any("ServiceEntry prod/pods has no say in it" in message for message in messages)


SELECTOR = "workloadSelector: {labels: {app: a}}"


def test_workload_entries_are_selected_by_their_labels(endpoints):
    documents = (
        entry(SELECTOR),
        workload("{address: 10.0.0.1}", "one"),
        workload("{address: 10.0.0.2, ports: {http: 81}}", "two", labels="{app: a, more: x}"),
        workload("{address: 10.0.0.3}", "three", labels="{app: b}"),
        workload("{address: 10.0.0.4}", "four", namespace="prod"),
        workload("{address: 10.0.0.5, labels: {app: a}}", "five", labels="{}"),
        # Labels of the resource go before those of its spec.
        workload("{address: 10.0.0.6, labels: {app: a}}", "six", labels="{app: b}"),
    )
    assert endpoints(*documents) == ["10.0.0.1:8080", "10.0.0.2:81", "10.0.0.5:8080"]


def test_a_subset_selects_among_workload_entries_too(read):
    rule = (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        "metadata: {name: rule, namespace: shop}\n"
        "spec: {host: a, subsets: [{name: far, labels: {topology.kubernetes.io/region: far}}]}\n"
    )
    mesh = read(
        GATEWAY,
        entry(SELECTOR),
        rule,
        workload("{address: 10.0.0.1, locality: near/z}", "one"),
        workload("{address: 10.0.0.2, locality: far/z, weight: 5}", "two"),
        service("- route: [{destination: {host: a, subset: far}}]"),
    )
    (cluster,) = mesh.clusters.values()
    assert cluster.endpoints == (Endpoint("10.0.0.2", 8080, 5, locality="far/z"),)


def test_workload_entries_that_nobody_selects_or_can_use_are_told_of(findings, endpoints):
    documents = (
        entry(SELECTOR),
        workload("{address: pod.org}", "named"),
        workload("{address: 10.0.0.9}", "alone", labels="{app: b}"),
    )
    assert endpoints(*documents) == []
    messages = [finding.message for finding in findings(GATEWAY, *documents, service(f"- {TO_A}"))]
    assert "WorkloadEntry shop/alone is not selected by any ServiceEntry" in messages
    assert any(m.startswith("WorkloadEntry shop/named has a host name for an") for m in messages)


def test_a_selector_without_labels_selects_nothing(findings, endpoints):
    documents = (entry("workloadSelector: {}"), workload("{address: 10.0.0.1}"))
    assert endpoints(*documents) == []
    messages = [finding.message for finding in findings(GATEWAY, *documents, service(f"- {TO_A}"))]
    assert "a selector without labels selects nothing" in messages


@pytest.mark.parametrize(
    ("resolution", "rest", "discovery", "expected"),
    [
        ("DNS", "", Discovery.STRICT_DNS, [f"{HOST}:8080"]),
        ("DNS_ROUND_ROBIN", "", Discovery.LOGICAL_DNS, [f"{HOST}:8080"]),
        (
            "DNS",
            "endpoints: [{address: b.org, ports: {http: 81}}, {address: 10.0.0.1}]",
            Discovery.STRICT_DNS,
            ["b.org:81", "10.0.0.1:8080"],
        ),
        ("STATIC", "endpoints: [{address: 10.0.0.1}]", Discovery.STATIC, ["10.0.0.1:8080"]),
        ("NONE", "", Discovery.STATIC, []),
    ],
)
def test_the_resolution_says_where_addresses_come_from(read, resolution, rest, discovery, expected):
    mesh = read(GATEWAY, entry(rest, resolution=resolution), service(f"- {TO_A}"))
    (cluster,) = mesh.clusters.values()
    assert cluster.discovery is discovery
    assert [str(endpoint) for endpoint in cluster.endpoints] == expected


REFUSED = [
    (entry("", hosts="['*']"), "a service cannot have the host '*'"),
    (entry("", hosts="['*.b.org']", resolution="DNS"), "DNS knows no '*.b.org'"),
    (
        entry("endpoints: [{address: a.org}, {address: b.org}]", resolution="DNS_ROUND_ROBIN"),
        "DNS_ROUND_ROBIN has one endpoint",
    ),
    (entry("endpoints: [{address: pod.org}]"), "'pod.org' is not an IP address; resolution STATIC"),
    (entry("endpoints: [{address: 'a b'}]"), "'a b' is neither an IP address nor a host name"),
    (
        entry("endpoints: []") + "---\n" + entry("", name="two", resolution="DNS"),
        "ServiceEntry shop/pods at ",
    ),
    (workload("{}"), "spec: the field 'address' is missing"),
    (workload("{address: 10.0.0.1, network: n}"), "Istio's field 'network' is not supported yet"),
    (workload("{address: 10.0.0.1, locality: a/b/c/d}"), "'a/b/c/d' is not a locality"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_a_service_that_istio_refuses_is_refused(problem, text, expected):
    assert expected in problem(GATEWAY, text, service(f"- {TO_A}"))
