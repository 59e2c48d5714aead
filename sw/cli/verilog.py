"""``hybridmesh verilog``: the NIC as one Verilog file."""

from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ..contract.geometry import Geometry
from ..errors import HybridMeshError

__all__ = ["verilog"]

_HELP = {
    "width": "Bytes per beat of the datapath: 1, 2, 4 ... 64.",
    "rows": "Rows of the matcher: 32, 64 ... 1024.",
    "path_bytes": "Bytes of the path that the NIC looks at: 16, 32 ... 256.",
    "host_bytes": "Bytes of the host that the NIC looks at: 16, 32 ... 256.",
    "header_bytes": "Bytes of a 'name: value' line that the NIC looks at: 16, 32 ... 256.",
    "hosts": "Host patterns: 16, 32, 64 or 128.",
    "predicates": "Header predicates: 16, 32 or 64.",
    "flows": "Connections that are followed at a time: 16, 32 ... 65536.",
    "max_frame": "Longest frame that gets a verdict, in bytes.",
}


def _sizes(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each size of a geometry."""
    for size in reversed(fields(Geometry)):
        flag = "--" + size.name.replace("_", "-")
        option = click.option(
            flag, type=int, default=size.default, show_default=True, help=_HELP[size.name]
        )
        command = option(command)
    return command


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE"
)
@_sizes
def verilog(output: Path, **sizes: int) -> None:
    """Write the NIC as Verilog, with AXI4-Stream and AXI4-Lite ports.

    \b
    hybridmesh verilog -o nic.v --width 1 --rows 64
    """
    try:
        geometry = Geometry(**sizes)
        text: str = import_module("hybridmesh.rtl.verilog").to_verilog(geometry)
    except ValueError as error:  # sizes that no NIC has, or that this one cannot be built with
        raise HybridMeshError(str(error)) from None
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("hybridmesh"):
            raise
        raise HybridMeshError(
            f"Verilog is made with the Python package {error.name}, which is missing",
            remedy="run: pip install 'hybridmesh[sim]'",
        ) from None
    output.write_text(text)
    click.echo(f"{output}: module hybridmesh_nic, {len(text.splitlines())} lines")
