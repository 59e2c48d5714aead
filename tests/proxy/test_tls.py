"""TLS towards clients, over real sockets: certificates by name, client certificates, plain ports
beside it, and what pods are told of it."""

import asyncio
import re
import ssl
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from playbook import cluster, mesh, route
from test_gateway import Reader, Writer, play, read_request

from hybridmesh.config.model import (
    Certificate,
    ClientCertificates,
    Cluster,
    ClusterTls,
    Endpoint,
    Listener,
    Mesh,
    Redirect,
    ServerTls,
    TlsServer,
)
from hybridmesh.proxy import Gateway, GatewayError, NoVerdicts
from hybridmesh.proxy.io import listener
from hybridmesh.proxy.io.certificates import TlsError
from hybridmesh.reference.resolver import Resolver


class Keys:
    """An authority's certificates, as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = trustme.CA()
        self.authorities = str(folder / "ca.pem")
        self.authority.cert_pem.write_to_path(self.authorities)

    def issue(self, *names: str, **subject: str) -> tuple[str, str]:
        """Files of a certificate for *names* and of its key."""
        issued = self.authority.issue_cert(*names, **subject)
        stem = self._folder / names[0].replace("*", "star").replace("/", "_")
        certificate, key = f"{stem}.pem", f"{stem}.key"
        issued.private_key_pem.write_to_path(key)
        Path(certificate).write_bytes(b"".join(b.bytes() for b in issued.cert_chain_pems))
        return certificate, key

    def client(self, certificate: tuple[str, str] | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authorities)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def server(keys: Keys, cluster: str, *names: str, **tls: Any) -> TlsServer:
    table = mesh([route(clusters={cluster: 100})], []).table
    return TlsServer(names, ServerTls((Certificate(*keys.issue(*names)),), **tls), table)


async def pod(reader: Reader, writer: Writer) -> None:
    """Answers each request with the head that it got."""
    while True:
        head, _ = await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(head), head))


@asynccontextmanager
async def gateway(*listeners: Listener) -> AsyncIterator[Gateway]:
    """A gateway whose clusters ``one`` and ``two`` are the same pod."""

    async def guarded(reader: Reader, writer: Writer) -> None:
        try:
            await pod(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    pods = await asyncio.start_server(guarded, "127.0.0.1", 0)
    end = Endpoint("127.0.0.1", pods.sockets[0].getsockname()[1])
    clusters = {name: Cluster(name, (end,)) for name in ("one", "two")}
    config = Mesh(listeners, clusters)
    gateway = Gateway(config, Resolver(config.table), NoVerdicts())
    await gateway.start("127.0.0.1", 0)
    try:
        yield gateway
    finally:
        await gateway.stop(0)
        pods.close()


async def ask(port: int, name: str | None, tls: ssl.SSLContext | None) -> tuple[bytes, Any]:
    """What comes back for a GET, and the session."""
    more = {} if tls is None else {"ssl": tls, "server_hostname": name}
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **more)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: mine\r\n\r\n")
    answer = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", answer)[1])
    answer += await reader.readexactly(length)
    session = writer.get_extra_info("ssl_object")
    writer.close()
    return answer, session


def common_names(session: Any) -> list[str]:
    return [value for _, value in session.getpeercert()["subjectAltName"]]


def test_the_name_in_the_handshake_chooses_certificate_and_routes(keys: Keys) -> None:
    async def scene() -> None:
        servers = (
            server(keys, "one", "a.test", "*.b.test"),
            server(keys, "two", "x.b.test", "*.y.b.test"),
        )
        async with gateway(Listener(443, servers=servers)) as gate:
            for name, number in [
                ("a.test", 0),
                ("A.TEST", 0),
                ("z.b.test", 0),
                ("x.b.test", 1),
                ("q.y.b.test", 1),
            ]:
                answer, session = await ask(gate.port, name, keys.client())
                assert common_names(session) == list(servers[number].names), name
                assert b"\r\nx-forwarded-proto: https\r\n" in answer
                assert b"forwarded-client-cert" not in answer
                assert session.selected_alpn_protocol() == "http/1.1"
                assert gate.counters()[f"cluster.{('one', 'two')[number]}.upstream_rq_total"] > 0

    play(scene)


@pytest.mark.parametrize("name", ["c.test", "b.test", "a.b.a.test"])
def test_a_name_that_no_server_has_gets_no_connection(keys: Keys, name: str) -> None:
    async def scene() -> None:
        servers = (server(keys, "one", "a.test", "*.b.test"),)
        async with gateway(Listener(443, servers=servers)) as gate:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await ask(gate.port, name, keys.client())

    play(scene)


def test_a_client_without_a_certificate_is_not_let_in_where_one_is_asked_for(keys: Keys) -> None:
    async def scene() -> None:
        mutual = server(keys, "one", "a.test", clients=ClientCertificates(keys.authorities))
        async with gateway(Listener(443, servers=(mutual,))) as gate:
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await ask(gate.port, "a.test", keys.client())
            other = trustme.CA().issue_cert("me.test")
            stranger = keys.client()
            other.configure_cert(stranger)
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await ask(gate.port, "a.test", stranger)

    play(scene)


def test_pods_are_told_of_a_clients_certificate(keys: Keys) -> None:
    async def scene() -> None:
        mutual = server(keys, "one", "a.test", clients=ClientCertificates(keys.authorities))
        mine = keys.issue("me.test", "my.test", common_name='me, "x"', organization_name="us")
        async with gateway(Listener(443, servers=(mutual,))) as gate:
            answer, _ = await ask(gate.port, "a.test", keys.client(mine))
            (line,) = re.findall(rb"(?i)\r\nx-forwarded-client-cert: ([^\r]*)", answer)
            parts = [part.partition("=") for part in line.decode().split(";")]
            assert [part[0] for part in parts] == ["Hash", "Cert", "Subject", "URI", "DNS", "DNS"]
            values = [part[2] for part in parts]
            assert re.fullmatch("[0-9a-f]{64}", values[0])
            assert re.fullmatch(r'"CN=me\\, \\"x\\",OU=.*,O=us"', values[2])
            assert values[3:] == ["", "me.test", "my.test"]
            pem = urllib.parse.unquote(values[1].strip('"'))
            assert pem == Path(mine[0]).read_text().split("-----END CERTIFICATE-----")[0] + (
                "-----END CERTIFICATE-----\n"
            )

    play(scene)


def test_only_the_versions_of_the_server_are_spoken(keys: Keys) -> None:
    async def scene() -> None:
        new = server(keys, "one", "a.test", minimum="1.3")
        async with gateway(Listener(443, servers=(new,))) as gate:
            old = keys.client()
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await ask(gate.port, "a.test", old)
            _, session = await ask(gate.port, "a.test", keys.client())
            assert session.version() == "TLSv1.3"

    play(scene)


def test_plain_ports_and_tls_ports_have_their_own_routes(keys: Keys) -> None:
    async def scene() -> None:
        plain = mesh([route(clusters={"one": 100})], []).table
        other = mesh([route(clusters={"two": 100})], []).table
        async with gateway(
            Listener(80, plain),
            Listener(8080, other),
            Listener(443, servers=(server(keys, "two", "a.test"),)),
        ) as gate:
            for number, secure, total in [
                (80, False, "one"),
                (8080, False, "two"),
                (443, True, "two"),
            ]:
                before = gate.counters()[f"cluster.{total}.upstream_rq_total"]
                answer, _ = await ask(
                    gate.ports[number], "a.test", keys.client() if secure else None
                )
                assert (b"x-forwarded-proto: https" in answer) is secure
                assert gate.counters()[f"cluster.{total}.upstream_rq_total"] == before + 1

    play(scene)


def test_a_redirect_keeps_the_scheme_of_a_tls_client(keys: Keys) -> None:
    async def scene() -> None:
        table = mesh([replace(route(), action=Redirect(path="/new"))], [cluster()]).table
        secure = TlsServer(("a.test",), ServerTls((Certificate(*keys.issue("a.test")),)), table)
        async with gateway(Listener(443, servers=(secure,))) as gate:
            answer, _ = await ask(gate.port, "a.test", keys.client())
            assert b"\r\nlocation: https://a/new\r\n" in answer

    play(scene)


@pytest.mark.parametrize("broken", ["certificate", "key", "authorities"])
def test_a_file_that_cannot_be_used_is_named(keys: Keys, broken: str, tmp_path: Path) -> None:
    certificate, key = keys.issue("a.test")
    files = {"certificate": certificate, "key": key, "authorities": keys.authorities}
    files[broken] = str(tmp_path / "none.pem")
    table = mesh([route()], []).table
    tls = ServerTls(
        (Certificate(files["certificate"], files["key"]),), ClientCertificates(files["authorities"])
    )
    config = Mesh((Listener(443, servers=(TlsServer(("*",), tls, table),)),), {})
    with pytest.raises(TlsError) as caught:
        Gateway(config, Resolver(config.table), NoVerdicts())
    assert "PEM" in str(caught.value)
    place = files["certificate"] if broken == "key" else files[broken]
    assert place in str(caught.value)


# ------------------------------------------------------------------ towards pods


async def through(keys: Keys, tls: ClusterTls, names: tuple[str, ...], **asked: Any) -> bytes:
    """The answer to a GET whose pod speaks TLS, with a certificate for *names*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*keys.issue(*names))
    if asked.get("mutual"):
        context.load_verify_locations(keys.authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    seen: list[str | None] = []
    context.sni_callback = lambda session, name, context: seen.append(name)

    async def guarded(reader: Reader, writer: Writer) -> None:
        try:
            await pod(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    pods = await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=context)
    end = Endpoint("127.0.0.1", pods.sockets[0].getsockname()[1])
    name = "outbound|443||pod.test"
    table = mesh([route(clusters={name: 100}, retry=None)], []).table
    config = Mesh.of(table, {name: Cluster(name, (end,), tls=tls)})
    gateway = Gateway(config, Resolver(config.table), NoVerdicts())
    await gateway.start("127.0.0.1", 0)
    try:
        answer, _ = await ask(gateway.port, None, None)
    finally:
        await gateway.stop(0)
        pods.close()
    assert seen in ([asked.get("sni", "pod.test")], [])
    return answer


def answered(answer: bytes) -> bool:
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 "))
    return answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("names", "tls", "well"),
    [
        (("pod.test",), {}, True),
        (("*.test",), {}, True),
        (("other.test",), {}, False),
        (("other.test",), {"sni": "x.test"}, True),
        (("other.test",), {"names": ("other.test",)}, True),
        (("other.test",), {"names": ("third.test", "fourth.test")}, False),
        (("other.test",), {"verify": False}, True),
    ],
)
def test_a_pod_must_have_the_certificate_that_is_asked_for(
    keys: Keys, names: tuple[str, ...], tls: dict[str, Any], well: bool
) -> None:
    async def scene() -> None:
        wanted = ClusterTls(**{"authorities": keys.authorities, **tls})
        answer = await through(keys, wanted, names, sni=tls.get("sni", "pod.test"))
        assert answered(answer) is well

    play(scene)


def test_a_pod_of_another_authority_is_not_asked(keys: Keys, tmp_path: Path) -> None:
    async def scene() -> None:
        other = str(tmp_path / "other.pem")
        trustme.CA().cert_pem.write_to_path(other)
        assert not answered(await through(keys, ClusterTls(authorities=other), ("pod.test",)))

    play(scene)


def test_a_pod_may_ask_who_the_gateway_is(keys: Keys) -> None:
    async def scene() -> None:
        trusting = {"authorities": keys.authorities}
        told = ClusterTls(Certificate(*keys.issue("gateway.test")), **trusting)
        assert answered(await through(keys, told, ("pod.test",), mutual=True))
        assert not answered(await through(keys, ClusterTls(**trusting), ("pod.test",), mutual=True))

    play(scene)


def test_a_file_towards_pods_that_cannot_be_used_is_named() -> None:
    tls = ClusterTls(authorities="/none/ca.pem")
    config = Mesh.of(mesh([], []).table, {"pods": Cluster("pods", (), tls=tls)})
    with pytest.raises(TlsError, match=r"/none/ca[.]pem"):
        Gateway(config, Resolver(config.table), NoVerdicts())


# ------------------------------------------------------------------ servers of one port


def test_servers_of_one_port_have_their_own_rules_for_clients(keys: Keys) -> None:
    async def scene() -> None:
        other = trustme.CA()
        for servers in (
            ("open.test", "mine.test"),
            ("mine.test", "open.test"),
        ):
            clients = ClientCertificates(keys.authorities)
            rules = {"mine.test": {"clients": clients, "minimum": "1.3"}}
            made = tuple(server(keys, "one", name, **rules.get(name, {})) for name in servers)
            async with gateway(Listener(443, servers=made)) as gate:
                mine = keys.client(keys.issue("me.test"))
                stranger = keys.client()
                other.issue_cert("me.test").configure_cert(stranger)
                refused = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)
                for client in (keys.client(), stranger):
                    with pytest.raises(refused):
                        await ask(gate.port, "mine.test", client)
                    await ask(gate.port, "open.test", client)
                answer, _ = await ask(gate.port, "mine.test", mine)
                assert b"\r\nx-forwarded-client-cert: " in answer
                old = keys.client(keys.issue("me.test"))
                old.maximum_version = ssl.TLSVersion.TLSv1_2
                with pytest.raises(refused):
                    await ask(gate.port, "mine.test", old)
                await ask(gate.port, "open.test", old)

    play(scene)


@pytest.mark.parametrize(("names", "served"), [(("*",), True), (("a.test",), False)])
def test_a_client_that_names_no_server_gets_the_one_for_all(
    keys: Keys, names: tuple[str, ...], served: bool
) -> None:
    async def scene() -> None:
        certificate = ServerTls((Certificate(*keys.issue("a.test")),))
        table = mesh([route(clusters={"one": 100})], []).table
        async with gateway(Listener(443, servers=(TlsServer(names, certificate, table),))) as gate:
            client = keys.client()
            client.check_hostname = False
            if served:
                assert (await ask(gate.port, "", client))[0].startswith(b"HTTP/1.1 200")
            else:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await ask(gate.port, "", client)

    play(scene)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", b"\x16\x03\x01"])
def test_what_is_no_handshake_is_closed_and_the_port_lives_on(
    keys: Keys, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HANDSHAKE", 0.5)

    async def scene() -> None:
        async with gateway(Listener(443, servers=(server(keys, "one", "a.test"),))) as gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
            writer.write(data)
            writer.write_eof()
            with suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            await ask(gate.port, "a.test", keys.client())
            assert gate.counters()["http.ingress.downstream_cx_active"] <= 1

    play(scene)


def test_a_handshake_may_come_byte_by_byte(keys: Keys) -> None:
    async def scene() -> None:
        async with gateway(Listener(443, servers=(server(keys, "one", "a.test"),))) as gate:
            came, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = keys.client().wrap_bio(came, sent, server_hostname="a.test")
            with pytest.raises(ssl.SSLWantReadError):
                session.do_handshake()
            reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
            hello = sent.read()
            for start in range(0, len(hello), 40):
                writer.write(hello[start : start + 40])
                await asyncio.sleep(0.001)
            while True:
                came.write(await reader.read(4096))
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    continue
            assert session.getpeercert()["subjectAltName"] == (("DNS", "a.test"),)
            writer.close()

    play(scene)


def test_a_port_in_use_is_one_clear_line_for_tls_too(keys: Keys) -> None:
    async def scene() -> None:
        secure = Listener(443, servers=(server(keys, "one", "a.test"),))
        async with gateway(secure) as gate:
            config = Mesh((secure,), {})
            other = Gateway(config, Resolver(config.table), NoVerdicts())
            with pytest.raises(GatewayError, match="cannot listen there"):
                await other.start("127.0.0.1", gate.port)

    play(scene)
