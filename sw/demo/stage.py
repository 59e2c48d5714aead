"""The stage: pods, and the gateway in a process of its own, gone again when the block ends."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from ..config import load
from ..config.model import Mesh
from ..contract.geometry import Geometry
from ..errors import HybridMeshError
from ..ingress import NicChoice, serve_mesh
from ..nic import open_nic
from ..proxy import AccessLog
from . import pods

__all__ = ["SHOP", "DemoError", "Stage"]

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop"
"""The shop's YAML, in the checkout that this file is part of."""

_START, _STOP = 30.0, 8.0
"""Seconds that the gateway may take."""


class DemoError(HybridMeshError):
    """The demo cannot be shown."""


@dataclass(frozen=True)
class Stage:
    """All is up: the ``mesh`` that the gateway serves at ``host`` and ``port``, and the
    ``access_log`` that it writes."""

    mesh: Mesh
    host: str
    port: int
    access_log: Path

    @staticmethod
    @contextmanager
    def up(choice: NicChoice, access_log: Path, host: str, port: int) -> Iterator["Stage"]:
        """Start all of it, until the block ends."""
        if not SHOP.is_dir():
            raise DemoError(
                "The demo's configuration is not there",
                place=str(SHOP),
                remedy="install hybridmesh from a checkout: pip install -e .",
            )
        mesh = load([SHOP])
        if choice != "off":
            open_nic(choice, Geometry()).close()  # builds it, with its progress on this terminal
        with pods.running() as ports:
            moved = _moved(mesh, ports)
            with _gateway(moved, choice, host, port, access_log) as bound:
                yield Stage(moved, host, bound, access_log)


def _moved(mesh: Mesh, ports: Mapping[int, int]) -> Mesh:
    """*mesh* with the pods where they are."""
    clusters = {
        name: replace(
            cluster,
            endpoints=tuple(replace(e, port=ports[e.port]) for e in cluster.endpoints),
        )
        for name, cluster in mesh.clusters.items()
    }
    return replace(mesh, clusters=clusters)


@contextmanager
def _gateway(
    mesh: Mesh, choice: NicChoice, host: str, port: int, access_log: Path
) -> Iterator[int]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(mesh, choice, host, port, access_log, theirs), daemon=True
    )
    # Ctrl-C reaches every process of the terminal; this one is stopped by the demo alone.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    try:
        if not ours.poll(_START):
            raise DemoError("The gateway does not start")
        try:
            answer = ours.recv()
        except EOFError:
            raise DemoError("The gateway died while it started") from None
        if isinstance(answer, str):
            raise DemoError(answer)
        yield answer
    finally:
        ours.close()  # which stops it
        process.join(_STOP)
        if process.is_alive():
            process.kill()
            process.join()


def _serve(
    mesh: Mesh, choice: NicChoice, host: str, port: int, access_log: Path, demo: Connection
) -> None:
    """The gateway's process.  It stops when *demo* is closed, however the demo ended."""

    def started(ports: Mapping[int, int]) -> None:
        demo.send(*ports.values())
        asyncio.get_running_loop().add_reader(demo.fileno(), stop)

    def stop() -> None:
        asyncio.get_running_loop().remove_reader(demo.fileno())
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        with access_log.open("a", buffering=1) as lines:
            log = AccessLog(lines)
            serve_mesh(mesh, choice, host, port, access_log=log, on_start=started)
    except HybridMeshError as error:
        demo.send(str(error))
