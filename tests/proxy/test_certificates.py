"""Certificates that came with the configuration, and what a server asks of its clients', over real
sockets."""

import datetime
import os
import ssl
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from playbook import mesh, route
from test_gateway import play
from test_tls import Keys, answered, ask, common_names, gateway, through

from hybridmesh.config.model import (
    Certificate,
    ClientCertificates,
    ClusterTls,
    Listener,
    Pem,
    ServerTls,
    TlsServer,
)
from hybridmesh.proxy.io.certificates import TlsError, show


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def pem(path: str, origin: str = "here") -> Pem:
    return Pem(Path(path).read_bytes(), origin)


def inline(files: tuple[str, str]) -> Certificate:
    return Certificate(pem(files[0]), pem(files[1]))


def listener(*certificates: Certificate, clients: ClientCertificates | None = None) -> Listener:
    table = mesh([route(clusters={"one": 100})], []).table
    return Listener(443, servers=(TlsServer(("*",), ServerTls(certificates, clients), table),))


def parsed(certificate: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(certificate).read_bytes())


def revoked(keys: Keys, *certificates: str) -> Pem:
    """A list of the authority's, with *certificates* on it."""
    issuer = x509.load_pem_x509_certificate(keys.authority.cert_pem.bytes())
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
    made = made.last_update(now - day).next_update(now + day)
    for certificate in certificates:
        serial = parsed(certificate).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - day)
        made = made.add_revoked_certificate(entry.build())
    key: Any = load_pem_private_key(keys.authority.private_key_pem.bytes(), None)
    return Pem(made.sign(key, SHA256()).public_bytes(Encoding.PEM), "list")


async def welcomed(port: int, client: ssl.SSLContext) -> bool:
    try:
        answer, _ = await ask(port, "a.test", client)
    except (ssl.SSLError, ConnectionError, EOFError):
        return False
    return answer.startswith(b"HTTP/1.1 200 ")


def test_a_certificate_may_come_with_the_configuration(keys: Keys) -> None:
    async def scene() -> None:
        before = os.listdir("/proc/self/fd")
        own = inline(keys.issue("a.test"))
        clients = ClientCertificates(pem(keys.authorities))
        async with gateway(listener(own, clients=clients)) as gate:
            assert await welcomed(gate.port, keys.client(keys.issue("me.test")))
            assert not await welcomed(gate.port, keys.client())
        assert len(os.listdir("/proc/self/fd")) <= len(before) + 3  # those of the loop

    play(scene)


def test_a_pod_is_called_with_what_came_with_the_configuration(keys: Keys) -> None:
    async def scene() -> None:
        tls = ClusterTls(inline(keys.issue("gateway.test")), pem(keys.authorities))
        assert answered(await through(keys, tls, ("pod.test",), mutual=True))

    play(scene)


def test_what_cannot_be_used_is_named_without_being_shown(keys: Keys) -> None:
    chain, key = keys.issue("a.test")
    own = Pem(Path(chain).read_bytes(), "Secret a/b: tls.crt")
    broken = Pem(b"-----BEGIN PRIVATE KEY-----\nHIDDEN", "Secret a/b: tls.key")
    with pytest.raises(TlsError, match=r"Secret a/b: tls[.]crt") as caught:
        show(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), [Certificate(own, broken)], "TLS")
    assert "HIDDEN" not in str(caught.value)
    assert "HIDDEN" not in repr(broken)
    with pytest.raises(TlsError):
        show(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), [Certificate(own, pem(chain))], "TLS")
    show(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), [Certificate(own, pem(key))], "TLS")


def test_nobody_is_asked_for_the_password_of_a_key(keys: Keys, tmp_path: Path) -> None:
    chain, key = keys.issue("a.test")
    plain = load_pem_private_key(Path(key).read_bytes(), None)
    locked = plain.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    (tmp_path / "locked.key").write_bytes(locked)
    with pytest.raises(TlsError, match="PEM lib"):  # and not: no terminal
        show(
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            [Certificate(chain, str(tmp_path / "locked.key"))],
            "TLS",
        )


def other_kind(keys: Keys, name: str) -> Certificate:
    """A certificate with a key of RSA."""
    issued = keys.authority.issue_cert(name, key_type=trustme.KeyType.RSA)
    return Certificate(
        Pem(b"".join(blob.bytes() for blob in issued.cert_chain_pems), "chain"),
        Pem(issued.private_key_pem.bytes(), "key"),
    )


def test_of_two_certificates_each_client_gets_the_one_that_it_understands(keys: Keys) -> None:
    async def scene() -> None:
        both = inline(keys.issue("ecdsa.test", "a.test")), other_kind(keys, "a.test")
        for certificates in (both, both[::-1]):
            async with gateway(listener(*certificates)) as gate:
                for cipher, names in [
                    ("ECDHE-ECDSA-AES128-GCM-SHA256", ["ecdsa.test", "a.test"]),
                    ("ECDHE-RSA-AES128-GCM-SHA256", ["a.test"]),
                ]:
                    client = keys.client()
                    client.maximum_version = ssl.TLSVersion.TLSv1_2
                    client.set_ciphers(cipher)
                    _, session = await ask(gate.port, "a.test", client)
                    assert common_names(session) == names

    play(scene)


def test_two_certificates_of_one_kind_are_refused(keys: Keys) -> None:
    two = [Certificate(*keys.issue(name)) for name in ("a.test", "b.test")]
    with pytest.raises(TlsError, match=r"b[.]test[.]pem: TLS has two certificates of one kind"):
        show(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), two, "TLS")


def hash_of(certificate: str) -> bytes:
    return sha256(parsed(certificate).public_bytes(Encoding.DER)).digest()


def key_of(certificate: str) -> bytes:
    key = parsed(certificate).public_key()
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


OTHER = frozenset([bytes(32)])
RULES: list[tuple[Callable[[str], dict[str, Any]], bool]] = [
    (lambda mine: {}, True),
    (lambda mine: {"names": ("me.test",)}, True),
    (lambda mine: {"names": ("x.test", "Me@mesh.test")}, True),
    (lambda mine: {"names": ("me@mesh.test", "test")}, False),
    (lambda mine: {"certificates": OTHER | {hash_of(mine)}}, True),
    (lambda mine: {"certificates": OTHER}, False),
    (lambda mine: {"keys": OTHER | {key_of(mine)}}, True),
    (lambda mine: {"keys": OTHER | {hash_of(mine)}}, False),
    (lambda mine: {"keys": OTHER, "certificates": {hash_of(mine)}}, True),
    (lambda mine: {"names": ("x.test",), "certificates": {hash_of(mine)}}, False),
]


@pytest.mark.parametrize(("rules", "well"), RULES)
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_needs_the_certificate_that_the_server_asks_for(
    keys: Keys, rules: Callable[[str], dict[str, Any]], well: bool, newest: ssl.TLSVersion
) -> None:
    async def scene() -> None:
        mine = keys.issue("me.test", "Me@mesh.test")
        clients = ClientCertificates(keys.authorities, **rules(mine[0]))
        for each in (clients, replace(clients, required=False)):
            own = Certificate(*keys.issue("a.test"))
            async with gateway(listener(own, clients=each)) as gate:
                client = keys.client(mine)
                client.maximum_version = newest
                assert await welcomed(gate.port, client) is well
                assert await welcomed(gate.port, keys.client()) is not each.required
                counters = gate.counters()
                assert counters["http.ingress.downstream_cx_total"] == well + (not each.required)

    play(scene)


def test_where_a_certificate_is_optional_a_strangers_is_refused_all_the_same(keys: Keys) -> None:
    async def scene() -> None:
        clients = ClientCertificates(keys.authorities, required=False)
        own = Certificate(*keys.issue("a.test"))
        async with gateway(listener(own, clients=clients)) as gate:
            stranger = keys.client()
            trustme.CA().issue_cert("me.test").configure_cert(stranger)
            assert not await welcomed(gate.port, stranger)
            answer, _ = await ask(gate.port, "a.test", keys.client())
            assert b"forwarded-client-cert" not in answer

    play(scene)


def test_a_client_whose_certificate_is_revoked_is_not_let_in(keys: Keys) -> None:
    async def scene() -> None:
        mine, lost = keys.issue("me.test"), keys.issue("lost.test")
        clients = ClientCertificates(keys.authorities, revoked(keys, lost[0]))
        own = Certificate(*keys.issue("a.test"))
        async with gateway(listener(own, clients=clients)) as gate:
            assert await welcomed(gate.port, keys.client(mine))
            assert not await welcomed(gate.port, keys.client(lost))

    play(scene)


def test_a_pod_whose_certificate_is_revoked_is_not_asked(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        pod = keys.issue("pod.test")
        monkeypatch.setattr(keys, "issue", lambda *names: pod)  # the pod shows this one
        for names, well in [((), True), ((pod[0],), False)]:
            tls = ClusterTls(authorities=keys.authorities, revoked=revoked(keys, *names))
            assert answered(await through(keys, tls, ("pod.test",))) is well

    play(scene)
