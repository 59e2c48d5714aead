"""The town's gateway: as the command that a user starts, and within the test's own process."""

import asyncio
import os
import resource
import signal
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybridmesh.config import load
from hybridmesh.config.model import Mesh
from hybridmesh.contract.verdict import Verdict
from hybridmesh.ingress import Table, open_table
from hybridmesh.nic import NicDriver
from hybridmesh.nic.frames import find_segment, split
from hybridmesh.proxy import Gateway, run
from hybridmesh.tunnel.rootless import RootlessLink

from .town import pods_running, write_yaml

COMMAND = Path(sysconfig.get_path("scripts")) / "hybridmesh"


@pytest.fixture(scope="session")
def ports() -> Iterator[Mapping[str, int]]:
    with pods_running() as ports:
        yield ports


@pytest.fixture(scope="session")
def yaml(tmp_path_factory: pytest.TempPathFactory, ports: Mapping[str, int]) -> Path:
    return write_yaml(tmp_path_factory.mktemp("town") / "town.yaml", ports)


# ------------------------------------------------------------------ as a process


@dataclass(frozen=True)
class Served:
    """``hybridmesh serve``, listening at ``port``."""

    process: "subprocess.Popen[str]"
    port: int
    log: Path

    def said(self) -> str:
        """The rest of its standard error, once it has ended; that the machine was slow, which a
        *strict* one says too, is left out."""
        lines = self.process.stderr.readlines()
        return "".join(line for line in lines if not line.startswith("Executing <"))


@contextmanager
def serving(
    yaml: Path, nic: str, log: Path, *, strict: bool = False, files: tuple[int, int] | None = None
) -> Iterator[Served]:
    """Start it in a process group of its own; what is left of that in the end is killed.

    With *strict* Python complains of all that is left open or never waited for.  *files* are the
    soft and the hard limit of open ones.
    """
    words = ["serve", "-f", yaml, "--nic", nic, "--listen", "127.0.0.1:0", "--access-log", log]
    process = subprocess.Popen(
        [COMMAND, *words],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | ({"PYTHONDEVMODE": "1"} if strict else {}),
        preexec_fn=None if files is None else lambda: _limit(files),
    )
    try:
        for line in process.stderr:
            if line.startswith("listening on "):
                break
        else:
            pytest.fail(f"the gateway with --nic {nic} does not start")
        process.stderr.readline()  # how to try it
        yield Served(process, int(line.partition(",")[0].rpartition(":")[2]), log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def _limit(files: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, files)


# ------------------------------------------------------------------ in this process


@pytest.fixture(scope="session")
def mesh(yaml: Path) -> Mesh:
    return load([yaml])


@pytest.fixture(scope="session")
def table(mesh: Mesh) -> Iterator[Table]:
    """The town's routes on the simulated NIC."""
    with open_table(mesh, "sim") as table:
        yield table


class Overheard:
    """A NIC; what goes through it is noted.

    ``chunks`` are the TCP payloads of each exchange, ``verdicts`` all that the NIC said.  A test
    may put ``exchange_frames`` in place of what the NIC does.
    """

    def __init__(self, nic: NicDriver) -> None:
        self.exchange_frames = nic.exchange
        self.expect_head = nic.expect_head
        self.chunks: list[bytes] = []
        self.verdicts: list[Verdict] = []

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        segments = [(frame, find_segment(frame)) for frame in frames]
        self.chunks.append(b"".join(frame[s.start : s.end] for frame, s in segments))
        out = self.exchange_frames(frames)
        self.verdicts += [verdict for frame in out if (verdict := split(frame)[0]) is not None]
        return out

    def forget(self) -> None:
        self.chunks.clear()
        self.verdicts.clear()


@dataclass(frozen=True)
class Answer:
    status: int
    pod: str
    body: bytes


class Client:
    """A client's connection, under control to the byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def answer(self) -> Answer:
        """The next answer, within two seconds."""
        async with asyncio.timeout(2):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
            status, *lines = head.rstrip().split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines)
            body = await self._reader.readexactly(int(fields["content-length"]))
        return Answer(int(status.split(" ")[1]), fields.get("x-pod", ""), body)

    async def closed(self) -> bool:
        """Whether the gateway ends the connection within two seconds, and says no more."""
        async with asyncio.timeout(2):
            return await self._reader.read() == b""


class Scene:
    """The gateway, and the NIC that it listens through."""

    def __init__(self, gateway: Gateway, nic: Overheard) -> None:
        self.gateway = gateway
        self.nic = nic

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    async def heard(self, chunks: int) -> None:
        """Wait until so many chunks have come to the gateway."""
        async with asyncio.timeout(2):
            while len(self.nic.chunks) < chunks:
                await asyncio.sleep(0)


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


@pytest.fixture
def play(mesh: Mesh, table: Table) -> Play:
    """Runs a scene in front of the gateway on the simulated NIC."""

    def play(act: Callable[[Scene], Awaitable[None]]) -> None:
        async def main() -> None:
            nic = Overheard(table.nic)
            gateway = Gateway(mesh, table.resolver, RootlessLink(nic))
            await gateway.start("127.0.0.1", 0)
            table.nic.listen(gateway.port)
            try:
                await act(Scene(gateway, nic))
            finally:
                await gateway.stop(grace=0)

        run(main)

    return play
