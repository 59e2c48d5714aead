"""``hybridmesh tunnel``: the kernel's part of the way from the NIC to the proxy."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
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
def load(
    interface: str,
    cgroup: Path | None,
    mode: "Mode",
    pods: Path | None,
    forward: tuple[str, ...],
) -> None:
    """Attach the tunnel to INTERFACE, where the NIC's frames arrive, until Ctrl-C or unload.

    It takes CAP_BPF and CAP_NET_ADMIN; the gateway takes neither. Nothing stays attached when this
    command ends, however it does. Start the gateway afterwards, in the cgroup:

    \b
    echo $$ > /sys/fs/cgroup/hybridmesh/cgroup.procs && exec ...
    """
    from ..tunnel.cgroup import hierarchy
    from ..tunnel.helper import Helper
    from ..tunnel.loader import Tunnel

    group = cgroup or hierarchy() / "hybridmesh"
    with Tunnel(interface, group, mode, pods, forward) as loaded:
        text = f"tunnel on {interface} ({loaded.mode}) for sockets of {loaded.cgroup}"
        Helper(loaded, interface).serve(lambda: click.echo(f"{text}; Ctrl-C unloads it", err=True))


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
    counters = status.pop("counters")
    assert isinstance(counters, dict)
    for name, value in (*status.items(), *counters.items()):
        click.echo(f"{name.replace('_', ' '):13}{value}")
