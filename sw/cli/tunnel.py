"""``hybridmesh tunnel``: the kernel's part of the way from the NIC to the proxy."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..nic.keeper import Keeper
    from ..tunnel.helper import Status
    from ..tunnel.loader import Mode

__all__ = ["tunnel"]

_interface = click.argument("interface")


@click.group()
def tunnel() -> None:
    """Bring the NIC's verdicts through the kernel to the gateway's sockets.

    \b
    hybridmesh tunnel load eth1         root: takes shims off, until it is unloaded
    hybridmesh tunnel status eth1       what it has done
    hybridmesh tunnel unload eth1
    """


@tunnel.command()
@_interface
@click.option(
    "--cgroup",
    type=click.Path(path_type=Path, file_okay=False),
    help="The group that the gateway is started in; made if it is not there.  [default: the group "
    "hybridmesh of the hierarchy]",
)
@click.option(
    "--mode",
    type=click.Choice(["auto", "native", "generic", "tc"]),
    default="auto",
    show_default=True,
    help="Where shims come off: XDP in the interface's driver, behind it, or TC; auto: the first "
    "of these that works.",
)
@click.option(
    "--pods",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The group that this node's pods are in, such as kubepods.slice: between them and the "
    "gateway messages go from socket to socket.",
)
@click.option(
    "--forward",
    multiple=True,
    metavar="PATTERN",
    help="The host's ends of pods' interfaces, such as 'veth*', also those to come; may be given "
    "several times. Between them and INTERFACE frames of the gateway's connections go past the "
    "host's stack, its packet filter included.",
)
@click.option(
    "-f",
    "--file",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="YAML whose routes are loaded into the NIC at the other end of INTERFACE, and kept there; "
    "may be given several times. Without it the NIC is somebody else's affair.",
)
@click.option(
    "--port",
    "ports",
    type=click.IntRange(1, 65535),
    multiple=True,
    help="With --file: TCP port that heads get verdicts on; may be given several times.  [default: "
    "that of the first Gateway server without TLS]",
)
def load(
    interface: str,
    cgroup: Path | None,
    mode: "Mode",
    pods: Path | None,
    forward: tuple[str, ...],
    paths: tuple[Path, ...],
    ports: tuple[int, ...],
) -> None:
    """Attach the tunnel to INTERFACE, where the NIC's frames arrive, until Ctrl-C or unload.

    It takes CAP_BPF and CAP_NET_ADMIN, and CAP_NET_RAW to drive the NIC; the gateway takes none of
    them. Nothing stays attached when this command ends, however it does. Start the gateway
    afterwards, in the cgroup:

    \b
    hybridmesh tunnel load eth1 -f gateway.yaml
    sh -c 'echo $$ > /sys/fs/cgroup/hybridmesh/cgroup.procs && exec "$@"' - \\
        hybridmesh serve --nic eth:eth1 -f gateway.yaml --listen 0.0.0.0:80
    """
    from ..nic.loaded import loaded_path
    from ..tunnel.cgroup import hierarchy
    from ..tunnel.helper import Helper
    from ..tunnel.loader import Tunnel

    if ports and not paths:
        raise click.UsageError("--port goes with --file")
    with ExitStack() as parts:
        group = cgroup or hierarchy() / "hybridmesh"
        loaded = parts.enter_context(Tunnel(interface, group, mode, pods, forward))
        # The NIC comes last and goes first: somebody must take its shims off.
        keeper = parts.enter_context(_keeper(interface, paths, ports)) if paths else None
        helper = Helper(loaded, interface, keeper)
        if keeper is not None:
            keeper.loaded.write(loaded_path(interface))
            parts.callback(loaded_path(interface).unlink, missing_ok=True)
        text = f"tunnel on {interface} ({loaded.mode}) for sockets of {loaded.cgroup}"
        helper.serve(lambda: click.echo(f"{text}; Ctrl-C unloads it", err=True))


def _keeper(interface: str, paths: tuple[Path, ...], ports: tuple[int, ...]) -> "Keeper":
    from ..compiler import compile_table
    from ..config import load as load_mesh
    from ..nic.keeper import Keeper

    mesh = load_mesh(paths)
    plain = [listener.port for listener in mesh.listeners if listener.table is not None]
    return Keeper(
        interface,
        lambda geometry: compile_table(mesh.table, geometry).image,
        ports or plain[:1],
    )


@tunnel.command()
@_interface
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def status(interface: str, as_json: bool) -> None:
    """Print what the tunnel on INTERFACE has done."""
    from ..tunnel.helper import ask

    _show(ask(interface, "status"), as_json)


@tunnel.command()
@_interface
def unload(interface: str) -> None:
    """Detach the tunnel from INTERFACE; the gateway goes on without verdicts."""
    from ..tunnel.helper import ask

    ask(interface, "unload")


def _show(status: "Status", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(status))
        return
    lines = dict(status)
    for part in ("counters", "nic"):
        counted = lines.pop(part, {})
        assert isinstance(counted, dict)
        prefix = "nic: " if part == "nic" else ""
        lines |= {prefix + name: value for name, value in counted.items()}
    width = max(map(len, lines)) + 1
    for name, value in lines.items():
        click.echo(f"{name.replace('_', ' '):{width}}{value}")
