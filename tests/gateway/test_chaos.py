"""The gateway between pods and clients that misbehave at random: no answer is wrong, no request
that must not be is done twice, nothing stays behind.

``HYBRIDMESH_CHAOS=60`` runs it for a minute each, ``HYBRIDMESH_CHAOS_SEED=7`` repeats one.
"""

import asyncio
import gc
import os
import random
import resource
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from hybridmesh.ingress import open_table
from hybridmesh.proxy import Gateway, NoVerdicts, VerdictSource, run
from hybridmesh.proxy.core.downstream import Downstream
from hybridmesh.proxy.core.exchange import Exchange
from hybridmesh.tunnel.rootless import RootlessLink

from .chaos import Clients, Pods

SECONDS = float(os.environ.get("HYBRIDMESH_CHAOS", "3"))
SEED = int(os.environ.get("HYBRIDMESH_CHAOS_SEED", "1"))
CLIENTS = 24


def gauges(gateway: Gateway) -> dict[str, int]:
    """What must be zero where nothing is under way."""
    ends = ("_rq_active", "_pending_active", "_retry_active", "downstream_cx_active")
    return {k: v for k, v in gateway.counters().items() if k.endswith(ends) and v}


async def quiet(gateway: Gateway) -> None:
    for _ in range(400):
        if not gauges(gateway):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(gauges(gateway))


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the event loop complains of."""
    found: list[str] = []
    yield found
    assert not found


async def played(source_of: Any, complaints: list[str], seconds: float) -> tuple[Pods, Clients]:
    """What has come of so many *seconds* of it."""
    loop = asyncio.get_running_loop()

    def complain(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), asyncio.CancelledError):  # pods at the end
            complaints.append(str(context))

    loop.set_exception_handler(complain)
    rng = random.Random(SEED)
    pods = Pods(rng)
    async with pods.running() as mesh:
        with open_table(mesh, source_of) as table:
            source: VerdictSource = NoVerdicts() if table.nic is None else RootlessLink(table.nic)
            gateway = Gateway(mesh, table.resolver, source)
            await gateway.start("127.0.0.1", 0)
            if table.nic is not None:
                table.nic.listen(gateway.port)
            clients = Clients(gateway.port, rng)
            until = loop.time() + seconds
            running = [asyncio.create_task(clients.run(until)) for _ in range(CLIENTS)]
            while loop.time() < until:
                await asyncio.sleep(0.25)
                pods.kill_one()
            await asyncio.gather(*running)
            await quiet(gateway)
            await gateway.stop(0)
    return pods, clients


@pytest.mark.parametrize("nic", ["off", "sim"])
def test_chaos_leaves_no_wrong_answer_and_nothing_behind(nic: str, complaints: list[str]) -> None:
    pods, clients = run(lambda: played(nic, complaints, SECONDS))
    assert not clients.wrong, clients.wrong[:5]
    assert clients.answers[200] > 50 * SECONDS / 3
    assert {502, 503, 504} <= clients.answers.keys()
    twice = [number for number in clients.posts if pods.served[number] > 1]
    assert not twice
    lost = [number for number in clients.good if not pods.served[number]]
    assert not lost
    gc.collect()
    left = [thing for thing in gc.get_objects() if isinstance(thing, Downstream | Exchange)]
    assert not left


def test_idle_connections_cost_nothing_but_themselves() -> None:
    """As many as may be open, up to ten thousand; a new client is served as before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    number = min(10_000, (hard - 1000) // 2) if "HYBRIDMESH_CHAOS" in os.environ else 400

    async def scene() -> None:
        pods = Pods(random.Random(SEED))
        async with pods.running() as mesh:
            with open_table(mesh, "off") as table:
                gateway = Gateway(mesh, table.resolver, NoVerdicts())
                await gateway.start("127.0.0.1", 0)
                idle = []
                for n in range(number):
                    sock = socket.create_connection(("127.0.0.1", gateway.port))
                    if n % 2:  # half of them in the middle of a head
                        sock.sendall(b"GET /blue/x HTTP/1.1\r\nHost: a.")
                    idle.append(sock)
                    if n % 100 == 99:
                        await asyncio.sleep(0.01)
                while gateway.counters()["http.ingress.downstream_cx_active"] < number:
                    await asyncio.sleep(0.01)
                clients = Clients(gateway.port, random.Random(SEED))
                await clients.run(asyncio.get_running_loop().time() + 0.5)
                assert clients.answers[200]
                assert not clients.wrong
                for sock in idle:
                    sock.close()
                await quiet(gateway)
                await gateway.stop(0)

    try:
        run(scene)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
