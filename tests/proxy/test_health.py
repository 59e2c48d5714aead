"""Active health: probes by hand, with a clock of their own; and over real sockets."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playbook import mesh, route
from test_gateway import Reader, Writer, play
from test_tls import Keys

from hybridmesh.config.model import (
    Cluster,
    Endpoint,
    HttpGet,
    LoadBalancing,
    OutlierDetection,
    Probe,
    Warmup,
)
from hybridmesh.proxy import Gateway, NoVerdicts
from hybridmesh.proxy.core.balancing import Health, Host
from hybridmesh.proxy.core.clock import Clock
from hybridmesh.proxy.core.cluster import ClusterState
from hybridmesh.proxy.io.probe import stands
from hybridmesh.reference.resolver import Resolver

PROBE = Probe(8080, period=10.0, timeout=2.0, successes=2, failures=3)


def endpoint(number: int = 0, probe: Probe | None = PROBE) -> Endpoint:
    return Endpoint(f"10.0.0.{number}", 80, probe=probe)


class Hand:
    """Probes that end as the test says; each is ``(endpoint, done)``."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.changes = 0
        self.begun: list[tuple[float, Endpoint]] = []
        self.under_way: list[Callable[[bool], None]] = []
        self.health = Health(self, self.clock, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def probe(self, endpoint: Endpoint, done: Callable[[bool], None]) -> Callable[[], None]:
        self.begun.append((round(self.clock.now, 1), endpoint))
        self.under_way.append(done)
        return lambda: self.under_way.remove(done)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(self.clock.now + 0.1)

    def until(self, probes: int = 1) -> None:
        """Wait for so many probes to be under way."""
        while len(self.under_way) < probes:
            assert self.clock.now < 1000
            self.wait(0.1)

    def end(self, *well: bool) -> None:
        """The probe under way, or the next, ends so, and the one after it, and so on."""
        for each in well:
            self.until()
            (done,) = self.under_way
            self.under_way.clear()
            done(each)


def begun(probe: Probe = PROBE) -> tuple[Hand, Host]:
    """One host whose first probe is under way."""
    hand, host = Hand(), Host(endpoint(probe=probe))
    hand.health.update([host])
    hand.wait(probe.delay + 0.1)
    return hand, host


def test_a_host_with_a_probe_waits_for_its_first_successes() -> None:
    hand, host = begun()
    assert not host.eligible
    hand.end(True)
    assert (host.eligible, hand.changes) == (False, 0)
    hand.end(True)
    assert (host.eligible, hand.changes) == (True, 1)
    assert hand.health.counters == {"attempt": 2, "success": 2, "failure": 0}


@pytest.mark.parametrize(
    ("probes", "healthy", "changes"),
    [
        ([1, 1, 0, 0], True, 1),
        ([1, 1, 0, 0, 0], False, 2),
        ([1, 1, 0, 0, 1, 0, 0], True, 1),
        ([1, 1, 1, 1, 0, 0, 0, 0], False, 2),
        ([1, 1, 0, 0, 0, 1], False, 2),
        ([1, 1, 0, 0, 0, 1, 0, 1], False, 2),
        ([1, 1, 0, 0, 0, 1, 1], True, 3),
        ([1, 0, 1, 0, 1], False, 0),
        ([0, 0, 0, 0, 1, 1], True, 1),
    ],
)
def test_so_many_in_a_row_change_its_health(probes: list[int], healthy: bool, changes: int) -> None:
    hand, host = begun()
    hand.end(*map(bool, probes))
    assert (host.healthy, hand.changes) == (healthy, changes)
    successes = sum(probes)
    failures = len(probes) - successes
    assert hand.health.counters == {
        "attempt": len(probes), "success": successes, "failure": failures,
    }  # fmt: skip


def test_probes_come_after_the_delay_and_then_in_their_period() -> None:
    hand, _ = begun(replace(PROBE, delay=3.0))
    for _ in range(2):
        hand.wait(1.0)
        hand.end(True)
        hand.until()
    assert [time for time, _ in hand.begun] == pytest.approx([103.0, 113.0, 123.0], abs=0.31)


def test_a_probe_that_takes_too_long_has_failed() -> None:
    hand, host = begun(replace(PROBE, successes=1, failures=1))
    hand.end(True)
    hand.until()
    hand.wait(1.9)
    assert host.healthy
    hand.wait(0.2)
    assert not host.healthy
    assert not hand.under_way
    assert hand.health.counters == {"attempt": 2, "success": 1, "failure": 1}
    hand.wait(7.8)
    assert len(hand.begun) == 2
    hand.wait(0.2)
    assert len(hand.begun) == 3


def test_a_probe_longer_than_its_period_is_followed_by_the_next_at_once() -> None:
    hand, _ = begun(replace(PROBE, period=1.0, timeout=3.0))
    hand.wait(2.9)
    assert len(hand.begun) == 1
    hand.wait(0.3)
    assert len(hand.begun) == 2


def test_who_leaves_is_probed_no_more_and_who_stays_is_not_probed_anew() -> None:
    hand = Hand()
    stays, leaves, waits = (Host(endpoint(number)) for number in range(3))
    waits.endpoint = replace(waits.endpoint, probe=replace(PROBE, delay=5.0))
    plain = Host(endpoint(3, None))
    hand.health.update([stays, leaves, waits, plain])
    assert plain.eligible
    hand.wait(0.1)
    assert len(hand.under_way) == 2
    hand.health.update([stays, plain])
    assert len(hand.under_way) == 1
    hand.end(True, True)
    assert stays.eligible
    hand.health.update([stays])
    assert stays.eligible
    hand.wait(0.1)
    assert [where.address for _, where in hand.begun] == ["10.0.0.0", "10.0.0.1", "10.0.0.0"]


# ------------------------------------------------------------------ in a cluster


class Picked:
    """An attempt that only wants to know where it goes."""

    tried = None
    hash = None

    def __init__(self) -> None:
        self.host: Host | None = None

    def no_endpoint(self) -> None:
        self.host = None


def probed(hand: Hand, count: int = 2, **policy: object) -> ClusterState:
    hosts = tuple(endpoint(number) for number in range(count))
    cluster = Cluster("pods", hosts, **policy)  # type: ignore[arg-type]

    class Way(Hand):
        def __init__(self) -> None:
            self.__dict__ = hand.__dict__

        def connect(self, endpoint: Endpoint, caller: object) -> None: ...

        def give_up(self, caller: object) -> None: ...

    return ClusterState(cluster, Way(), hand.clock, random.Random(1))


def addresses(state: ClusterState, picks: int = 40) -> set[str]:
    found = set()
    for _ in range(picks):
        attempt = Picked()
        state.acquire(attempt)  # type: ignore[arg-type]
        state.cancel(attempt)  # type: ignore[arg-type]
        if attempt.host is not None:
            found.add(attempt.host.endpoint.address)
    return found


@pytest.mark.parametrize("outlier", [None, OutlierDetection()])
def test_a_cluster_uses_healthy_endpoints_alone_and_does_not_panic(
    outlier: OutlierDetection | None,
) -> None:
    hand = Hand()
    state = probed(hand, 3, outlier=outlier)
    assert addresses(state) == set()
    for _ in range(2):
        hand.until(3)
        first, *others = hand.under_way
        hand.under_way.clear()
        first(True)
        for other in others:
            other(False)
    assert addresses(state) == {"10.0.0.0"}
    counters = state.counters()
    assert counters["cluster.pods.membership_healthy"] == 1
    assert counters["cluster.pods.membership_total"] == 3
    assert counters["cluster.pods.health_check.success"] == 2
    assert counters["cluster.pods.health_check.failure"] == 4
    assert counters["cluster.pods.lb_healthy_panic"] == 0


def test_a_cluster_that_is_closed_probes_nobody() -> None:
    hand = Hand()
    state = probed(hand)
    hand.wait(0.1)
    assert len(hand.under_way) == 2
    state.close_idle()
    assert not hand.under_way
    hand.wait(30.0)
    assert len(hand.begun) == 2


def test_a_host_that_recovers_warms_up_like_a_new_one() -> None:
    hand = Hand()
    warm = LoadBalancing(warmup=Warmup(60.0))
    state = probed(hand, 1, balancing=warm)
    (host,) = state.hosts
    hand.end(True, True)
    assert host.healthy
    assert host.added == hand.clock.now


# ------------------------------------------------------------------ over sockets


def answering(text: bytes, heads: list[bytes]) -> Callable[[Reader, Writer], Awaitable[None]]:
    async def pod(reader: Reader, writer: Writer) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(text)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return pod


def get(port: int, **more: object) -> Probe:
    http = HttpGet("/live?x=1", "vm.test:9", (("X-Key", "1"), ("User-Agent", "me")), **more)  # type: ignore[arg-type]
    return Probe(port, http=http)


@pytest.mark.parametrize(
    ("answer", "well"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 204\r\n\r\n", True),
        (b"HTTP/1.1 399 X\r\nlocation: /\r\n\r\nbody", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\n\r\n", False),
        (b"HTTP/1.1 400 Bad\r\n\r\n", False),
        (b"HTTP/1.1 503 No\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/2.0 200 OK\r\n\r\n", False),
        (b"220 smtp\r\n\r\n", False),
        (b"x" * 100_000, False),
        (b"", False),
    ],
)
def test_a_get_is_a_success_by_its_status(answer: bytes, well: bool) -> None:
    async def scene() -> None:
        heads: list[bytes] = []
        server = await asyncio.start_server(answering(answer, heads), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert await stands(Endpoint("127.0.0.1", 1, probe=get(port))) is well
        assert heads == [
            b"GET /live?x=1 HTTP/1.1\r\nHost: vm.test:9\r\nX-Key: 1\r\nUser-Agent: me\r\n"
            b"Connection: close\r\n\r\n"
        ]
        server.close()

    play(scene)


def test_over_tls_whatever_certificate_is_shown_will_do(tmp_path: Path) -> None:
    async def scene() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*Keys(tmp_path).issue("any.test"))
        pod = answering(b"HTTP/1.1 200 OK\r\n\r\n", [])
        server = await asyncio.start_server(pod, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        assert await stands(Endpoint("127.0.0.1", 1, probe=get(port, secure=True)))
        assert not await stands(Endpoint("127.0.0.1", 1, probe=get(port)))
        server.close()

    play(scene)


def test_without_a_request_a_connection_will_do() -> None:
    async def scene() -> None:
        server = await asyncio.start_server(answering(b"", []), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert await stands(Endpoint("127.0.0.1", 1, probe=Probe(port)))
        assert await stands(Endpoint("192.0.2.1", 1, probe=Probe(port, "127.0.0.1")))
        server.close()
        await server.wait_closed()
        assert not await stands(Endpoint("127.0.0.1", 1, probe=Probe(port)))

    play(scene)


def test_a_gateway_leaves_out_whom_its_probes_find_ill_until_they_are_well() -> None:
    async def scene() -> None:
        ill = False

        async def pod(reader: Reader, writer: Writer) -> None:
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    status = b"503 No" if ill and head.startswith(b"GET /live") else b"200 OK"
                    writer.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        pods = await asyncio.start_server(pod, "127.0.0.1", 0)
        port = pods.sockets[0].getsockname()[1]
        probe = replace(get(port), period=0.02, timeout=5.0)
        config = mesh(
            [route(clusters={"pods": 100}, retry=None)],
            [Cluster("pods", (Endpoint("127.0.0.1", port, probe=probe),))],
        )
        gateway = Gateway(config, Resolver(config.table), NoVerdicts())
        await gateway.start("127.0.0.1", 0)

        async def until(healthy: int) -> None:
            while gateway.counters()["cluster.pods.membership_healthy"] != healthy:
                await asyncio.sleep(0.005)

        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            for well in (True, False, True):
                ill = not well
                await until(int(well))
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 " if well else b"HTTP/1.1 503 ")
                if not well:
                    assert await reader.readexactly(19) == b"no healthy upstream"
            writer.close()
        finally:
            await gateway.stop(0)
            pods.close()
        counters = gateway.counters()
        assert counters["cluster.pods.health_check.failure"] >= 1
        assert len(asyncio.all_tasks()) <= 3  # this one, and pods whose gateway is just leaving

    play(scene)
