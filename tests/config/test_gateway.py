"""Which hosts are served, under which names, with whose routes."""

import pytest

from .conftest import GATEWAY, PODS, TO_A, service


def gateway(hosts: str, name: str = "gw", port: str = "{number: 80, protocol: HTTP}") -> str:
    return (
        "apiVersion: networking.istio.io/v1beta1\nkind: Gateway\n"
        f"metadata: {{name: {name}, namespace: shop}}\n"
        f"spec: {{servers: [{{port: {port}, hosts: {hosts}}}]}}\n"
    )


HOSTS = [
    ("['*']", "[a.org, '*.b.org']", ["a.org", "*.b.org"]),
    ("[a.org]", "[a.org]", ["a.org"]),
    ("[a.org]", "['*']", ["a.org"]),
    ("['*.org']", "[a.org, a.com]", ["a.org"]),
    ("['*.a.org', b.a.org]", "['*.org']", ["*.a.org", "b.a.org"]),
    ("['shop/a.org', 'prod/b.org', './c.org', '*/d.org']", "['*']", ["a.org", "c.org", "d.org"]),
    ("[A.org]", "[A.org]", ["a.org"]),
    ("['*.org']", "['*.a.org', '*.b.com']", ["*.a.org"]),
    ("['*']", "[localhost]", ["localhost.shop.svc.cluster.local"]),
    ("[a.org]", "[b.org]", []),
]


@pytest.mark.parametrize(("served", "asked", "expected"), HOSTS)
def test_a_host_is_served_where_gateway_and_virtual_service_agree(read, served, asked, expected):
    mesh = read(gateway(served), PODS, service(f"- {TO_A}", hosts=asked))
    assert [host.domain for host in mesh.table.virtual_hosts] == expected
    assert [host.name for host in mesh.table.virtual_hosts] == [f"{h}:80" for h in expected]


def test_virtual_hosts_of_one_virtual_service_share_their_routes(read):
    mesh = read(GATEWAY, PODS, service(f"- {TO_A}", hosts="[a.example.com, other.org]"))
    first, second = mesh.table.virtual_hosts
    assert first.routes is second.routes


def test_virtual_services_of_one_host_are_merged_with_catch_alls_last(read, findings):
    documents = (
        GATEWAY,
        PODS,
        service(f"- match: [{{uri: {{exact: /1}}}}]\n  {TO_A}\n- {TO_A}", name="one"),
        service(f"- match: [{{uri: {{exact: /2}}}}]\n  {TO_A}", name="two"),
    )
    (host,) = read(*documents).table.virtual_hosts
    assert [route.id for route in host.routes] == ["shop/one/0", "shop/two/0", "shop/one/1"]
    (finding,) = findings(*documents)
    assert "both serve the host 'www.example.com'" in finding.message


def test_the_port_is_the_servers(read):
    assert read(gateway("['*']", port="{number: 8443, protocol: http}"), PODS).table.port == 8443


@pytest.mark.parametrize(
    ("bound", "served"),
    [
        ("[gw]", True),
        ("[shop/gw]", True),
        ("[./gw]", True),
        ("[gw.shop.svc.cluster.local]", True),
        ("[mesh, gw]", True),
        ("[mesh]", False),
        ("[prod/gw]", False),
        ("null", False),
    ],
)
def test_a_virtual_service_is_served_if_bound_to_the_gateway(read, bound, served):
    text = service(f"- {TO_A}").replace("[gw]", bound)
    assert bool(read(GATEWAY, PODS, text).table.virtual_hosts) is served


@pytest.mark.parametrize(
    ("export_to", "served"),
    [("['*']", True), ("['.']", True), ("[shop]", True), ("[prod]", False), ("['~']", False)],
)
def test_export_to_is_honoured(read, export_to, served):
    text = service(f"- {TO_A}") + f"  exportTo: {export_to}\n"
    assert bool(read(GATEWAY, PODS, text).table.virtual_hosts) is served


REFUSED = [
    (
        gateway("['*']", port="{number: 443, protocol: HTTPS}"),
        "spec.servers[0]: a server of HTTPS needs 'tls' with a 'mode'; add it",
    ),
    (gateway("['*']", port="{number: 80, protocol: SPDY}"), "'SPDY' is not one of HTTP"),
    (gateway("['*']", port="{number: 70000, protocol: HTTP}"), "70000 is not between 1 and 65535"),
    (gateway("[]"), "spec.servers[0]: the server has no hosts"),
    (gateway("['a.org:80']"), "hosts[0]: 'a.org:80' is not a host; leave the port out"),
    (gateway("['*-a.org']"), "a wildcard for a part of a label, '*-a.org', is not supported yet"),
    (gateway("[/a.org]"), "'/a.org' has no namespace before the slash"),
    (gateway("['*']").replace("port:", "bind: 1.2.3.4, port:"), "field 'bind' is not supported"),
    (gateway("['*']") * 1 + "---\n" + gateway("[a.org]"), "a second Gateway shop/gw (the first is"),
    (PODS, "mesh.yaml: no Gateway is described; add a Gateway"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_a_gateway_that_cannot_be_served_is_refused_by_name(problem, text, expected):
    assert expected in problem(text)
