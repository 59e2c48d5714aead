"""Endpoints that change while the gateway runs, and the names that they come from."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from playbook import (
    Playbook,
    abort,
    cluster,
    connect,
    connected,
    endpoint,
    from_client,
    from_pod,
    local,
    mesh,
    route,
    to_client,
)

from hybridmesh.config.model import Cluster, Discovery, Endpoint, OutlierDetection
from hybridmesh.proxy import run
from hybridmesh.proxy.io import names
from hybridmesh.proxy.io.names import Names

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def moved(chart: Playbook, *pods: int) -> None:
    chart.proxy.clusters["pods"].update(endpoint(pod) for pod in pods)


def play(**policy: Any) -> Playbook:
    return Playbook(mesh([route()], [cluster(**policy)]))


def asked(chart: Playbook, connection: int) -> None:
    """The client asks; the pod of *connection* answers."""
    chart >> from_client(GET) >> connected(connection) >> from_pod(OK, connection)
    chart.commands.clear()


def test_requests_go_to_the_endpoints_of_now() -> None:
    chart = play()
    moved(chart, 2)
    chart >> from_client(GET)
    chart << connect(2)


def test_idle_connections_to_an_endpoint_that_left_are_closed() -> None:
    chart = play()
    asked(chart, 0)
    moved(chart, 2)
    chart << abort("pod 0")
    chart >> from_client(GET)
    chart << connect(2)


def test_a_request_under_way_at_an_endpoint_that_left_comes_to_its_end() -> None:
    chart = play()
    chart >> from_client(GET) >> connected()
    chart.commands.clear()
    moved(chart, 2)
    chart.quiet()
    chart >> from_pod(OK)
    assert [command.what for command in chart.commands] == ["abort", "send"]
    chart.commands.clear()
    chart.at_rest()


def test_a_connection_that_opens_when_its_endpoint_has_left_serves_who_waits_and_no_other() -> None:
    chart = play()
    chart >> from_client(GET)
    chart << connect(1)
    moved(chart, 2)
    chart >> connected() >> from_pod(OK)
    assert [command.what for command in chart.commands] == ["send", "abort", "send"]


def test_connections_to_endpoints_that_stay_are_kept() -> None:
    chart = play()
    asked(chart, 0)
    moved(chart, 1, 2)
    moved(chart, 1)
    chart >> from_client(GET)
    assert [command.what for command in chart.commands] == ["send"]


def test_without_any_endpoint_the_gateway_answers() -> None:
    chart = play(outlier=OutlierDetection())
    moved(chart)
    chart >> from_client(GET)
    chart << to_client(local(b"503 Service Unavailable", b"no healthy upstream"))
    moved(chart, 3)
    chart >> from_client(GET)
    chart << connect(3)


# ------------------------------------------------------------------ names

Scene = Callable[[], Coroutine[Any, Any, None]]


class Dns:
    """What names stand for; a name that is not there is an error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: dict[str, list[str]] = {}
        self.asked: list[str] = []
        monkeypatch.setattr(names, "_AGAIN", 0.02)
        monkeypatch.setattr(names, "REFRESH", 0.02)
        self._monkeypatch = monkeypatch

    async def __call__(self, name: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(name)
        if name not in self.addresses:
            raise OSError(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in self.addresses[name]]

    def play(self, scene: Scene) -> None:
        async def with_dns() -> None:
            loop = asyncio.get_running_loop()
            self._monkeypatch.setattr(
                type(loop), "getaddrinfo", lambda loop, *a, **k: self(*a, **k)
            )
            async with asyncio.timeout(10):
                await scene()

        asyncio.run(with_dns())


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Dns:
    return Dns(monkeypatch)


def named(*hosts: str, discovery: Discovery = Discovery.STRICT_DNS) -> Any:
    """The state of a cluster with these names."""
    ends = tuple(Endpoint(host, 80, weight=n + 1) for n, host in enumerate(hosts))
    config = Cluster("pods", ends, discovery=discovery)
    return Playbook(mesh([route()], [config])).proxy.clusters["pods"]


def addresses(state: Any) -> list[tuple[str, int]]:
    return [(host.endpoint.address, host.endpoint.weight) for host in state.hosts]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_all_addresses_of_all_names_are_endpoints(dns: Dns) -> None:
    async def scene() -> None:
        dns.addresses = {"a": ["10.0.0.1", "10.0.0.2", "10.0.0.1"], "b": ["fd00::1"]}
        state = named("a", "b")
        assert addresses(state) == []
        following = Names([state])
        await following.start()
        assert addresses(state) == [("10.0.0.1", 1), ("10.0.0.2", 1), ("fd00::1", 2)]
        dns.addresses["a"] = ["10.0.0.3"]
        await until(lambda: addresses(state) == [("10.0.0.3", 1), ("fd00::1", 2)])
        following.close()

    dns.play(scene)


def test_of_a_logical_name_the_first_address_is_the_endpoint(dns: Dns) -> None:
    async def scene() -> None:
        dns.addresses = {"a": ["10.0.0.2", "10.0.0.1"]}
        state = named("a", discovery=Discovery.LOGICAL_DNS)
        following = Names([state])
        await following.start()
        assert addresses(state) == [("10.0.0.2", 1)]
        following.close()

    dns.play(scene)


def test_a_name_that_is_not_answered_keeps_what_it_had(
    dns: Dns, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        dns.addresses = {"a": ["10.0.0.1"], "b": ["10.0.0.2"]}
        state = named("a", "b")
        following = Names([state])
        await following.start()
        dns.addresses = {"b": ["10.0.0.3"]}
        await until(lambda: ("10.0.0.3", 2) in addresses(state))
        assert addresses(state) == [("10.0.0.1", 1), ("10.0.0.3", 2)]
        assert "pods: a has no address now (Name or service not known)" in caplog.text
        following.close()
        asked = len(dns.asked)
        await asyncio.sleep(0.1)
        assert len(dns.asked) == asked

    dns.play(scene)


def test_a_start_does_not_wait_for_ever(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> Sequence[Endpoint]:
        await asyncio.sleep(60)
        return ()

    async def scene() -> None:
        monkeypatch.setattr(names, "_FIRST", 0.02)
        monkeypatch.setattr(names, "_addresses", never)
        following = Names([named("a")])
        await following.start()
        following.close()

    dns.play(scene)


def test_addresses_that_are_no_names_are_left_alone(dns: Dns) -> None:
    async def scene() -> None:
        following = Names([named("10.0.0.1", discovery=Discovery.STATIC)])
        await following.start()
        following.close()
        assert not dns.asked

    dns.play(scene)


def test_the_loop_of_the_gateway_asks_the_system() -> None:
    async def scene() -> None:
        state = named("localhost", discovery=Discovery.LOGICAL_DNS)
        following = Names([state])
        await following.start()
        assert addresses(state)[0][0] in ("127.0.0.1", "::1")
        following.close()

    run(scene)
