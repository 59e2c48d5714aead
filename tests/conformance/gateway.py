"""The gateway in this process, on a NIC or on none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hybridmesh.compiler import compile_table
from hybridmesh.config.model import Mesh
from hybridmesh.ingress import load_table
from hybridmesh.nic import NicDriver
from hybridmesh.proxy import Gateway, NoVerdicts
from hybridmesh.reference.resolver import Resolver
from hybridmesh.tunnel.rootless import RootlessLink

__all__ = ["gateway_running"]


@asynccontextmanager
async def gateway_running(mesh: Mesh, nic: NicDriver | None) -> AsyncIterator[Gateway]:
    """Serve *mesh* in this process, its routes on *nic* if there is one."""
    if nic is None:
        gateway = Gateway(mesh, Resolver(mesh.table), NoVerdicts())
    else:
        table = load_table(compile_table(mesh.table, nic.geometry), nic)
        gateway = Gateway(mesh, table.resolver, RootlessLink(nic))
    await gateway.start("127.0.0.1", 0)
    if nic is not None:
        nic.listen(gateway.port)
    try:
        yield gateway
    finally:
        await gateway.stop(grace=0)
