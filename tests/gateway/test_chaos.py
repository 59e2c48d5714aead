"""The gateway between pods and clients that misbehave at random: no answer is wrong, no request
that must not be is done twice, nothing stays behind.

``HYBRIDMESH_CHAOS=60`` runs it for a minute each, ``HYBRIDMESH_CHAOS_SEED=7`` repeats one.
"""

import asyncio
import gc
import os
import random
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybridmesh.config import load
from hybridmesh.ingress import open_table
from hybridmesh.proxy import Gateway, NoVerdicts, VerdictSource, run
from hybridmesh.proxy.core.downstream import Downstream
from hybridmesh.proxy.core.exchange import Exchange
from hybridmesh.tunnel.rootless import RootlessLink

from .chaos import Clients, Pods
from .conftest import Served, serving

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


def listen_to(complaints: list[str]) -> None:
    def complain(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), asyncio.CancelledError):  # pods at the end
            complaints.append(str(context))

    asyncio.get_running_loop().set_exception_handler(complain)


async def play(pods: Pods, clients: Clients, seconds: float) -> None:
    """So many *seconds* of it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    running = [asyncio.create_task(clients.run(until)) for _ in range(CLIENTS)]
    while loop.time() < until:
        await asyncio.sleep(0.25)
        await pods.misfortune()
    await asyncio.gather(*running)


def audit(pods: Pods, clients: Clients) -> None:
    """Nothing is wrong, all is there, and there was enough of it."""
    assert not clients.wrong, clients.wrong[:5]
    assert clients.answers[200] > 50 * SECONDS / 3
    assert {502, 503, 504} <= clients.answers.keys()
    twice = [number for number in clients.posts if pods.served[number] > 1]
    assert not twice
    lost = [number for number in clients.good if not pods.served[number]]
    assert not lost


@pytest.mark.parametrize("nic", ["off", "sim"])
def test_chaos_leaves_no_wrong_answer_and_nothing_behind(
    nic: Any, complaints: list[str], tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    pods = Pods(rng)

    async def scene() -> Clients:
        listen_to(complaints)
        async with pods.running() as yaml:
            (tmp_path / "chaos.yaml").write_text(yaml)
            mesh = load([tmp_path])
            with open_table(mesh, nic) as table:
                source: VerdictSource = NoVerdicts()
                if table.nic is not None:
                    source = RootlessLink(table.nic)
                gateway = Gateway(mesh, table.resolver, source)
                await gateway.start("127.0.0.1", 0)
                if table.nic is not None:
                    table.nic.listen(gateway.port)
                clients = Clients(gateway.port, rng)
                await play(pods, clients, SECONDS)
                await quiet(gateway)
                await gateway.stop(0)
        return clients

    audit(pods, run(scene))
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Downstream | Exchange)]


def test_chaos_around_the_command_leaves_no_file_no_memory_and_no_word(
    complaints: list[str], tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    pods = Pods(rng)
    found: dict[str, int] = {}

    async def calm(gateway: Served) -> tuple[int, int]:
        """Open files and memory, once neither pods nor clients are connected."""
        await asyncio.sleep(1.2)  # lingering is over
        pods.kill_all()
        await asyncio.sleep(0.2)
        return files_of(gateway), memory_of(gateway)

    async def scene() -> Clients:
        listen_to(complaints)
        async with pods.running() as yaml:
            (tmp_path / "chaos.yaml").write_text(yaml)
            log = tmp_path / "log"
            with serving(tmp_path / "chaos.yaml", "off", log, strict=True) as gateway:
                found["files"] = files_of(gateway)
                clients = Clients(gateway.port, rng)
                await play(pods, clients, SECONDS / 3)
                files, memory = await calm(gateway)
                assert files == found["files"]
                await play(pods, clients, SECONDS * 2 / 3)
                files, after = await calm(gateway)
                assert files == found["files"]
                assert after - memory < 8 << 20
                gateway.process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(gateway.process.wait, 10) == 0
                assert gateway.said() == ""
        return clients

    audit(pods, run(scene))


def files_of(gateway: Served) -> int:
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def memory_of(gateway: Served) -> int:
    """Bytes of the process that are in memory."""
    pages = Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()
