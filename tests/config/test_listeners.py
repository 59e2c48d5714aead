"""Ports and servers of Gateways, as istiod makes listeners of them."""

import pytest

from hybridmesh.config.model import Certificate, ClientCertificates, Redirect, ServerTls

from .conftest import PODS, service

TO_A = "route: [{destination: {host: a, port: {number: 8080}}}]"
OWN = (Certificate("/c.pem", "/k.pem"),)
FILES = "serverCertificate: /c.pem, privateKey: /k.pem"
PLAIN = "{port: {number: 80, protocol: HTTP}, hosts: ['*.example.com']}"
SIMPLE = f"mode: SIMPLE, {FILES}"
MUTUAL = f"mode: MUTUAL, {FILES}, caCertificates: /ca.pem"


def gateway(*servers: str) -> str:
    lines = "".join(f"  - {server}\n" for server in servers)
    return (
        "apiVersion: networking.istio.io/v1\nkind: Gateway\n"
        f"metadata: {{name: gw, namespace: shop}}\nspec:\n  servers:\n{lines}"
    )


def secure(tls: str = SIMPLE, hosts: str = "['*.example.com']", port: int = 443) -> str:
    return f"{{port: {{number: {port}, protocol: HTTPS}}, hosts: {hosts}, tls: {{{tls}}}}}"


def redirecting(hosts: str = "['*.example.com']") -> str:
    return f"{{port: {{number: 80, protocol: HTTP}}, hosts: {hosts}, tls: {{httpsRedirect: true}}}}"


def test_each_port_is_a_listener_in_order(read) -> None:
    mesh = read(gateway(secure(), PLAIN, PLAIN.replace("80", "8080")), PODS, service(f"- {TO_A}"))
    assert [listener.port for listener in mesh.listeners] == [443, 80, 8080]
    assert [listener.table is None for listener in mesh.listeners] == [True, False, False]
    assert mesh.table.port == 80
    assert [host.name for host in mesh.table.virtual_hosts] == ["www.example.com:80"]


def test_a_tls_server_has_its_own_certificate_names_and_routes(read) -> None:
    mesh = read(
        gateway(
            secure(hosts="[shop/www.example.com]"),
            secure(f"mode: MUTUAL, {FILES}, caCertificates: /ca.pem", "['*.org', A.net]"),
        ),
        PODS,
        service(f"- {TO_A}"),
        service(f"- {TO_A}", "other", "[b.org]"),
    )
    (listener,) = mesh.listeners
    one, two = listener.servers
    assert (one.names, two.names) == (("www.example.com",), ("*.org", "a.net"))
    assert one.tls == ServerTls(OWN)
    assert two.tls == ServerTls(OWN, ClientCertificates("/ca.pem"))
    assert [host.name for host in one.table.virtual_hosts] == ["www.example.com:443"]
    assert [host.name for host in two.table.virtual_hosts] == ["b.org:443"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("minProtocolVersion: TLSV1_3", {"minimum": "1.3"}),
        (
            "minProtocolVersion: TLSV1_0, maxProtocolVersion: TLSV1_2",
            {"minimum": "1.0", "maximum": "1.2"},
        ),
        ("minProtocolVersion: TLS_AUTO", {}),
        (
            "cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256]",
            {"ciphers": ("ECDHE-RSA-AES128-GCM-SHA256",)},
        ),
        ("caCertificates: /ca.pem", {}),
    ],
)
def test_tls_is_spoken_as_the_server_says(read, fields, expected) -> None:
    mesh = read(gateway(secure(f"{SIMPLE}, {fields}")), PODS, service(f"- {TO_A}"))
    assert mesh.listeners[0].servers[0].tls == ServerTls(OWN, **expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", {}),
        ("caCrl: /crl.pem", {"revoked": "/crl.pem"}),
        ("subjectAltNames: [a.test, 'spiffe://b']", {"names": ("a.test", "spiffe://b")}),
        (
            f"verifyCertificateHash: [{'0A' * 32}, '{'0b:' * 31}0b']",
            {"certificates": {b"\n" * 32, b"\x0b" * 32}},
        ),
        (f"verifyCertificateSpki: ['{'A' * 43}=']", {"keys": {bytes(32)}}),
    ],
)
@pytest.mark.parametrize("mode", ["MUTUAL", "OPTIONAL_MUTUAL"])
def test_clients_show_what_the_server_asks_for(read, fields, expected, mode) -> None:
    tls = f"{MUTUAL.replace('MUTUAL', mode)}, {fields}"
    mesh = read(gateway(secure(tls)), PODS, service(f"- {TO_A}"))
    wanted = ClientCertificates("/ca.pem", required=mode == "MUTUAL", **expected)
    assert mesh.listeners[0].servers[0].tls == ServerTls(OWN, wanted)


def test_a_server_may_have_two_certificates(read) -> None:
    files = [f"{{serverCertificate: /{n}.pem, privateKey: /{n}.key}}" for n in "ab"]
    mesh = read(
        gateway(secure(f"mode: SIMPLE, tlsCertificates: [{', '.join(files)}]")),
        PODS,
        service(f"- {TO_A}"),
    )
    certificates = tuple(Certificate(f"/{n}.pem", f"/{n}.key") for n in "ab")
    assert mesh.listeners[0].servers[0].tls == ServerTls(certificates)


def test_https_redirect_sends_all_clients_of_its_hosts_to_https(read) -> None:
    plain = PLAIN.replace("'*.example.com'", "other.org")
    mesh = read(
        gateway(redirecting(), plain),
        PODS,
        service(f"- {TO_A}"),
        service(f"- {TO_A}", "other", "[other.org]"),
    )
    hosts = {host.domain: host.routes for host in mesh.table.virtual_hosts}
    assert set(hosts) == {"www.example.com", "*.example.com", "other.org"}
    for domain in ("www.example.com", "*.example.com"):
        (route,) = hosts[domain]
        assert route.action == Redirect(scheme="https")
        assert route.match.is_catch_all
    assert hosts["other.org"][0].id == "shop/other/0"


def test_a_destination_without_port_means_that_of_the_listener(read) -> None:
    many = (
        PODS.replace("[{number: 8080, name: http", "[{number: 80, name: http")
        .replace("protocol: HTTP}]", "protocol: HTTP}, {number: 81, name: two, protocol: HTTP}]")
        .replace(", ports: {http: 9000}", "")
    )
    text = service("- route: [{destination: {host: a}}]")
    mesh = read(gateway(PLAIN, PLAIN.replace("80", "81")), many, text)
    names = [
        listener.table.virtual_hosts[0].routes[0].action.clusters[0].cluster
        for listener in mesh.listeners
    ]
    assert names == [f"outbound|{port}||a.shop.svc.cluster.local" for port in (80, 81)]


def test_a_block_for_a_port_is_a_route_of_that_port_alone(findings) -> None:
    http = f"- match: [{{port: 81}}]\n  {TO_A}\n- {TO_A}"
    text = gateway(PLAIN, PLAIN.replace("80", "81"))

    def never(http: str) -> list[str]:
        found = findings(text, PODS, service(http))
        return [finding.message for finding in found if "never matches" in finding.message]

    assert not never(http)
    (message,) = never(http.replace("81", "82"))
    assert "no server has the port 82, but 80, 81" in message


@pytest.mark.parametrize(
    ("redirect", "port"), [("derivePort: FROM_REQUEST_PORT", 0), ("scheme: http, port: 443", 443)]
)
def test_the_default_port_of_a_redirect_is_that_of_tls(read, redirect, port) -> None:
    http = f"- redirect: {{authority: new.org, {redirect}}}"
    mesh = read(gateway(secure()), service(http))
    (host,) = mesh.listeners[0].servers[0].table.virtual_hosts
    assert host.routes[0].action.port == port


REFUSED = [
    (secure(FILES), "'mode' is missing; add mode SIMPLE or MUTUAL"),
    (secure("mode: SIMPLE"), "mode SIMPLE needs a certificate; add 'credentialName', or 'serverC"),
    (secure("mode: SIMPLE, privateKey: /k.pem"), "mode SIMPLE needs a certificate; add 'credenti"),
    (secure(f"mode: MUTUAL, {FILES}"), "mode MUTUAL needs to know whose clients to let in"),
    (secure("mode: PASSTHROUGH"), "PASSTHROUGH is not supported yet: the gateway reads requests"),
    (secure(f"{SIMPLE}, credentialName: x"), "'serverCertificate' and 'credentialName' do not"),
    (secure(f"{SIMPLE}, subjectAltNames: [x]"), "'subjectAltNames' is about clients' certificates"),
    (secure(f"{SIMPLE}, caCrl: /crl.pem"), "'caCrl' is about clients' certificates; write mode MU"),
    (
        secure("mode: MUTUAL, credentialName: x, caCrl: /crl.pem"),
        "'caCrl' does not go together with a credential; put the list into its Secret",
    ),
    (secure("mode: SIMPLE, credentialNames: [x, y, z]"), "more than 2 certificates; keep one of R"),
    (secure(f"{MUTUAL}, verifyCertificateHash: [00]"), "expected a string, found a number"),
    (secure(f"{MUTUAL}, verifyCertificateHash: ['00:00']"), "is not the SHA-256 of a certificate"),
    (secure(f"{MUTUAL}, verifyCertificateSpki: [AAAA]"), "'AAAA' is not the SHA-256 of a key"),
    (secure(f"{SIMPLE}, minProtocolVersion: TLSV2"), "'TLSV2' is not one of TLS_AUTO"),
    (
        secure(f"{SIMPLE}, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2"),
        "'minProtocolVersion' is above 'maxProtocolVersion'",
    ),
    (secure(f"{SIMPLE}, httpsRedirect: true"), "'httpsRedirect' is for servers of HTTP"),
    (
        PLAIN.replace("hosts", f"tls: {{{SIMPLE}}}, hosts"),
        "a server of HTTP has no certificate; write protocol HTTPS",
    ),
]


@pytest.mark.parametrize(("server", "expected"), REFUSED)
def test_tls_that_cannot_be_is_refused_by_name(problem, server, expected) -> None:
    assert expected in problem(gateway(server))


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ((PLAIN, secure(port=80)), "the port 80 has servers of HTTP and of HTTPS (the first is at"),
        ((secure(), secure()), "a second server of port 443 for the host '*.example.com'"),
    ],
)
def test_servers_that_do_not_go_together_are_refused(problem, servers, expected) -> None:
    assert expected in problem(gateway(*servers))
