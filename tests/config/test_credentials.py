"""Certificates by name: ``credentialName`` and the Secrets of the YAML."""

import base64

import pytest

from hybridmesh.config.model import Certificate, ClientCertificates, ClusterTls, Pem, ServerTls

from .conftest import GATEWAY, PODS, TO_A, service
from .test_listeners import gateway, secure


def secret(
    name: str = "own", namespace: str = "istio-system", text: bool = False, **parts: str
) -> str:
    """A Secret with *parts*, ``tls_crt`` for ``tls.crt``."""
    lines = [f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}"]
    lines += ["type: kubernetes.io/tls", "stringData:" if text else "data:"]
    for key, value in parts.items():
        encoded = value if text else base64.b64encode(value.encode()).decode()
        lines.append(f"  {key.replace('_', '.')}: {encoded}")
    return "\n".join(lines) + "\n"


OWN = secret(tls_crt="chain", tls_key="key")


def pem(text: str, part: str, name: str = "own", namespace: str = "istio-system") -> Pem:
    return Pem(text.encode(), f"Secret {namespace}/{name}: {part}")


def certificate(**where: str) -> Certificate:
    return Certificate(pem("chain", "tls.crt", **where), pem("key", "tls.key", **where))


def rule(tls: str) -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        "metadata: {name: rule, namespace: shop}\n"
        f"spec: {{host: a, trafficPolicy: {{tls: {tls}}}}}\n"
    )


@pytest.fixture
def served(read):
    """How a server with some settings speaks TLS."""

    def served(tls: str, *documents: str) -> ServerTls:
        mesh = read(gateway(secure(tls)), PODS, service(f"- {TO_A}"), *documents)
        return mesh.listeners[0].servers[0].tls

    return served


@pytest.fixture
def called(read):
    """How the pods are called with a rule's settings."""

    def called(tls: str, *documents: str) -> ClusterTls:
        mesh = read(GATEWAY, PODS, rule(tls), service(f"- {TO_A}"), *documents)
        return mesh.clusters["outbound|8080||a.shop.svc.cluster.local"].tls

    return called


@pytest.mark.parametrize(
    "document",
    [
        OWN,
        secret(text=True, tls_crt="chain", tls_key="key"),
        secret(tls_crt="chain", tls_key="other") + "stringData: {tls.key: key}\n",
        OWN.replace("tls.crt: Y2hhaW4=", "tls.crt: |\n    Y2hh\n    aW4=\n  other: AAAA"),
        secret(cert="", key="key", tls_crt="chain", tls_key="key"),
    ],
    ids=["data", "stringData", "both", "broken lines", "Istio's own, and empty"],
)
def test_a_server_has_the_certificate_of_the_secret_that_it_names(served, document):
    assert served("mode: SIMPLE, credentialName: own", document) == ServerTls((certificate(),))


def test_istios_own_names_of_the_parts_go_first(served):
    document = secret(tls_crt="1", tls_key="2", ca_crt="3", cert="4", key="5", cacert="6")
    tls = served("mode: MUTUAL, credentialName: own", document)
    assert tls.certificates == (Certificate(pem("4", "cert"), pem("5", "key")),)
    assert tls.clients == ClientCertificates(pem("6", "cacert"))


@pytest.mark.parametrize("mode", ["MUTUAL", "OPTIONAL_MUTUAL"])
@pytest.mark.parametrize(
    ("documents", "name"),
    [
        ([secret(tls_crt="chain", tls_key="key", ca_crt="ca", ca_crl="crl")], "own"),
        ([OWN, secret("own-cacert", ca_crt="ca", ca_crl="crl")], "own-cacert"),
        (
            [
                secret(tls_crt="chain", tls_key="key", ca_crt="no"),
                secret("own-cacert", ca_crt="ca", ca_crl="crl"),
            ],
            "own-cacert",
        ),
    ],
)
def test_clients_are_of_the_ca_in_the_secret_or_in_the_one_beside_it(served, mode, documents, name):
    tls = served(f"mode: {mode}, credentialName: own", *documents)
    authorities, revoked = pem("ca", "ca.crt", name), pem("crl", "ca.crl", name)
    assert tls.clients == ClientCertificates(authorities, revoked, required=mode == "MUTUAL")
    assert tls.certificates == (certificate(),)


def test_the_ca_of_clients_may_have_a_name_of_its_own(served):
    documents = [secret(tls_crt="chain", tls_key="key", ca_crt="no"), secret("ca", ca_crt="yes")]
    tls = served("mode: MUTUAL, credentialName: own, caCertCredentialName: ca", *documents)
    assert tls.clients == ClientCertificates(pem("yes", "ca.crt", "ca"))


def test_a_server_may_name_two_secrets(served):
    documents = [OWN, OWN.replace("own", "other")]
    tls = served("mode: SIMPLE, credentialNames: [own, other]", *documents)
    assert tls.certificates == (certificate(), certificate(name="other"))


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ("{mode: SIMPLE, credentialName: own}", ClusterTls(authorities=pem("ca", "ca.crt"))),
        ("{mode: SIMPLE, credentialName: own, insecureSkipVerify: true}", ClusterTls(verify=False)),
        (
            "{mode: MUTUAL, credentialName: own, sni: x.org}",
            ClusterTls(certificate(), pem("ca", "ca.crt"), sni="x.org"),
        ),
    ],
)
def test_pods_are_called_with_the_secret_that_the_rule_names(called, tls, expected):
    assert called(tls, secret(tls_crt="chain", tls_key="key", ca_crt="ca")) == expected


PROBLEMS = [
    (
        [],
        "there is no Secret 'own' in what has been read; add it, with 'tls.crt' and 'tls.key', or",
    ),
    ([secret("other", tls_crt="c", tls_key="k")], "there is no Secret 'own' in what has been read"),
    ([secret(tls_crt="c")], "holds no certificate with its key; give it 'tls.crt' and 'tls.key'"),
    ([secret(tls_crt="c", key="k")], "holds no certificate with its key"),
    ([OWN], "does not say which CAs are to be trusted; give it 'ca.crt', or add a Secret 'own-ca"),
    ([OWN, OWN.replace("istio-system", "shop")], "2 Secrets are called 'own' (mesh.yaml:"),
    ([OWN, secret("own-cacert")], "Secret istio-system/own-cacert at mesh.yaml:"),
]


@pytest.mark.parametrize(("documents", "expected"), PROBLEMS)
def test_a_secret_that_is_not_there_or_will_not_do_is_named(problem, documents, expected):
    text = gateway(secure("mode: MUTUAL, credentialName: own"))
    message = problem(text, PODS, service(f"- {TO_A}"), *documents)
    assert expected in message
    assert message.startswith("mesh.yaml:6: spec.servers[0].tls: ")


def test_a_secret_for_pods_that_is_not_there_is_named(problem):
    tls = rule("{mode: SIMPLE, credentialName: own}")
    message = problem(GATEWAY, PODS, tls, service(f"- {TO_A}"))
    assert "there is no Secret 'own' in what has been read; add it, with 'ca.crt', or" in message


def test_nothing_is_missed_where_something_could_not_be_read(problem):
    text = gateway(secure("mode: SIMPLE, credentialName: own"))
    assert "not base64" in problem(
        text, PODS, service(f"- {TO_A}"), OWN.replace("Y2hhaW4=", "broken!")
    )


def test_a_secret_of_another_version_is_refused(problem):
    assert "Secret has no version 'v2'; write v1" in problem(GATEWAY, OWN.replace(": v1", ": v2"))


def test_secrets_that_nobody_names_are_noted(findings):
    text = gateway(secure("mode: SIMPLE, credentialName: own"))
    found = findings(text, PODS, service(f"- {TO_A}"), OWN, secret("other", password="12"))
    assert [finding.message for finding in found] == ["Secret istio-system/other is not used"]


def test_a_key_is_shown_nowhere(read, findings, problem):
    text = gateway(secure("mode: MUTUAL, credentialName: own"))
    hidden = secret(text=True, tls_crt="chain", tls_key="HIDDEN", ca_crt="ca")
    assert "HIDDEN" not in repr(read(text, PODS, service(f"- {TO_A}"), hidden))
    for broken in (
        hidden.replace("tls.key: HIDDEN", "tls.key: [HIDDEN]"),
        hidden.replace("tls.key: HIDDEN", "tls.key: 'HIDDEN"),
        hidden.replace("stringData", "data"),
        hidden.replace("ca.crt", "ca"),
    ):
        assert "HIDDEN" not in str(findings(text, PODS, service(f"- {TO_A}"), broken))
