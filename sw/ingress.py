"""The parts put together: a mesh, its table on a NIC, the link, and the gateway on TCP ports.

Whoever wants an ingress gateway of this package starts here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Literal

from .compiler import CompiledTable, compile_table
from .config.model import Mesh
from .contract.geometry import Geometry
from .nic import NicDriver, open_nic
from .nic.loaded import Loaded
from .proxy import AccessLog, Gateway, NoVerdicts, VerdictSource, run, serve
from .proxy.io.files import raise_limit
from .reference.resolver import Resolver
from .tunnel.rootless import RootlessLink
from .tunnel.sockets import SocketLink

__all__ = ["NicChoice", "Table", "load_table", "open_table", "serve_mesh"]

NicChoice = Literal["sim", "reference", "off"]
"""The RTL in simulation, the golden model, or no NIC at all."""


@dataclass(frozen=True)
class Table:
    """A mesh's routes, ready to be asked.

    Attributes
    ----------
    nic : NicDriver or None
        With the table loaded, listening on no port yet.
    resolver : Resolver
        Knows the epoch of that table.
    compiled : CompiledTable or None
        What the NIC was loaded with.
    """

    nic: NicDriver | None
    resolver: Resolver
    compiled: CompiledTable | None = None


@contextmanager
def open_table(mesh: Mesh, choice: NicChoice) -> Iterator[Table]:
    """Compile the routes of *mesh* and load them into the NIC of *choice*, until the block ends.

    Raises
    ------
    HybridMeshError
        Where the routes mean nothing, or there is no such NIC.
    """
    if choice == "off":
        yield Table(None, Resolver(mesh.table))
        return
    geometry = Geometry()
    compiled = compile_table(mesh.table, geometry)
    with open_nic(choice, geometry) as nic:
        yield load_table(compiled, nic)


def load_table(compiled: CompiledTable, nic: NicDriver) -> Table:
    """Load *compiled* into *nic*, which stays the caller's."""
    resolver = Resolver(compiled.table)
    resolver.add_epoch(nic.load(compiled.image), compiled)
    return Table(nic, resolver, compiled)


def serve_mesh(
    mesh: Mesh,
    choice: NicChoice,
    host: str,
    ports: Mapping[int, int] | int,
    *,
    access_log: AccessLog | None = None,
    on_start: Callable[[Mapping[int, int]], None] | None = None,
    tunnel: Path | None = None,
) -> Signals:
    """Serve *mesh* on *host* until SIGINT or SIGTERM; returns which of them it was.

    The process may open as many files as the hard limit allows from then on.

    Parameters
    ----------
    ports : mapping of int to int, or int
        As :meth:`.proxy.Gateway.start` takes them.
    on_start : callable
        Called once with the ports that are listened on, by port of the configuration.
    tunnel : Path or None
        What the NIC of the kernel's tunnel was loaded with, if the verdicts come from there; then
        there is no choice of a NIC.

    Raises
    ------
    HybridMeshError
        Where the gateway cannot start.
    """
    raise_limit()
    with open_table(mesh, choice) if tunnel is None else _loaded_table(mesh, tunnel) as table:
        nic = table.nic
        source: VerdictSource = NoVerdicts() if nic is None else RootlessLink(nic)
        if tunnel is not None:
            source = SocketLink()
        gateway = Gateway(mesh, table.resolver, source, access_log=access_log)

        def started(gateway: Gateway) -> None:
            port = gateway.ports.get(mesh.table.port)
            if nic is not None and port is not None:
                nic.listen(port)
            if on_start is not None:
                on_start(gateway.ports)

        return run(lambda: serve(gateway, host, ports, on_start=started))


@contextmanager
def _loaded_table(mesh: Mesh, path: Path) -> Iterator[Table]:
    """The routes of *mesh*, with which somebody else has loaded a NIC, as *path* says."""
    loaded = Loaded.read(path)
    compiled = compile_table(mesh.table, loaded.geometry)
    loaded.check(compiled.image, path)
    resolver = Resolver(compiled.table)
    resolver.add_epoch(loaded.epoch, compiled)
    yield Table(None, resolver, compiled)
