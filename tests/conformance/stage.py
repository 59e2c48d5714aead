"""Requests to Envoy and to the gateway, in front of the same pods."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import uvloop

from hybridmesh.config import ConfigError
from hybridmesh.config.model import Forward, Mesh
from hybridmesh.contract.geometry import Geometry
from hybridmesh.ingress import NicChoice
from hybridmesh.nic import NicDriver, open_nic

from .cases import Asked, Case, cases, mesh_of
from .client import Client
from .envoy import Ports, envoy_running
from .exchange import Answer, alike
from .gateway import gateway_running
from .keys import Keys
from .pods import Pods

__all__ = ["Stage", "ask_all", "has_mirrors"]

_SETTLE = 0.15
"""Seconds for copies of a request that come to their pods when the client has its answer."""

_tags = count(1)


async def ask_all(port: int, asked: Sequence[Asked], pods: Pods, *, late: bool) -> list[Answer]:
    """The answers of what listens at *port*, on one connection for as long as it lasts.

    With *late*, pods may get requests after the client has its answer.
    """
    said = []
    with Client(port) as client:
        for one in asked:
            tag = str(next(_tags))
            pods.play(tag, one.script)
            try:
                answer = await client.ask(one.request, tag)
            except TimeoutError:  # one that hangs does not end a run of thousands
                client.close()
                answer = Answer(reason="no answer in time", whole=False)
            said.append((tag, answer))
    if late:
        await asyncio.sleep(_SETTLE)
    return [replace(answer, arrivals=alike(pods.arrivals(tag))) for tag, answer in said]


async def ask_case(ports: Ports, case: Case, mesh: Mesh, pods: Pods, keys: Keys) -> list[Answer]:
    """The answers of what listens at *ports*, each request on a connection of its own."""
    tags = [str(next(_tags)) for _ in case.asked]

    async def ask(number: int) -> Answer:
        await asyncio.sleep(case.asked[number].after + number * (case.apart or 0))
        pods.play(tags[number], case.asked[number].script)
        asked = case.asked[number]
        tls = keys.client(asked.certificate) if asked.tls else None
        with Client(ports[asked.port], tls, asked.tls) as client:
            return await client.ask(asked.request, tags[number])

    numbers = range(len(tags))
    if case.apart is None:
        said = [await ask(number) for number in numbers]
    else:
        said = await asyncio.gather(*map(ask, numbers))
    if has_mirrors(mesh):
        await asyncio.sleep(_SETTLE)
    arrivals = map(pods.arrivals, tags)
    return [
        replace(answer, arrivals=found if case.live else alike(found))
        for answer, found in zip(said, arrivals, strict=True)
    ]


def has_mirrors(mesh: Mesh) -> bool:
    return any(
        isinstance(route.action, Forward) and route.action.mirrors
        for host in mesh.table.virtual_hosts
        for route in host.routes
    )


class Stage:
    """Puts cases to Envoy, which runs once with the meshes of all, and to a gateway for each.

    Everything is made when it is first asked for, and stays until the block ends.
    """

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()
        self._keys = Keys(Path(self._stack.enter_context(tempfile.TemporaryDirectory())))
        self._pods = Pods(self._keys.pods)
        self._meshes: dict[str, Mesh] = {}
        self._envoy: dict[str, Ports] = {}
        self._said: dict[str, list[Answer]] = {}
        self._nics: dict[NicChoice, NicDriver] = {}

    def mesh(self, case: Case) -> Mesh:
        """What the gateway reads in *case*; :exc:`ConfigError` where it does not know a field."""
        if case.namespace not in self._meshes:
            self._meshes[case.namespace] = self._runner.run(mesh_of(case, self._pods, self._keys))
        return self._meshes[case.namespace]

    def ask_envoy(self, case: Case) -> list[Answer]:
        """Envoy's answers; it is asked once, as it remembers what has come of it."""
        mesh = self.mesh(case)
        if not self._envoy:
            self._start_envoy()
        if case.namespace not in self._said:
            ports = self._envoy[case.namespace]
            asking = ask_case(ports, case, mesh, self._pods, self._keys)
            self._said[case.namespace] = self._runner.run(asking)
        return self._said[case.namespace]

    def ask_gateway(self, case: Case, choice: NicChoice) -> list[Answer]:
        mesh, nic = self.mesh(case), self._nic(choice)

        async def ask() -> list[Answer]:
            async with gateway_running(mesh, nic) as gateway:
                return await ask_case(gateway.ports, case, mesh, self._pods, self._keys)

        return self._runner.run(ask())

    def _start_envoy(self) -> None:
        meshes = {}
        for case in cases():
            try:
                meshes[case.namespace] = self.mesh(case)
            except ConfigError:
                continue  # nobody can ask about it
        running = self._stack.enter_async_context(envoy_running(list(meshes.values())))
        self._envoy = dict(zip(meshes, self._runner.run(running), strict=True))

    def _nic(self, choice: NicChoice) -> NicDriver | None:
        if choice != "off" and choice not in self._nics:
            self._nics[choice] = self._stack.enter_context(open_nic(choice, Geometry()))
        return self._nics.get(choice)

    def __enter__(self) -> Self:
        self._stack.push_async_callback(self._pods.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()
