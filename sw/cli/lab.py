"""``hybridmesh lab``: client, wire, NIC, tunnel, gateway and pods on this machine, for root."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..lab.run import Row
    from ..lab.setup import FrontKind

__all__ = ["lab"]

_HEAD = (
    "traffic",
    "way",
    "right",
    "wrong",
    "failed",
    "hits",
    "by sk_msg",
    "median",
    "p99",
    "CPU/request = own + kernel",
)

_WAYS = {"shortcut": "tunnel, sk_msg", "tunnel": "tunnel", "none": "none"}

_nic = click.option(
    "--nic",
    "kind",
    type=click.Choice(["sim", "reference", "board"]),
    default="sim",
    show_default=True,
    help="On the wire: the RTL in simulation, its golden model, or the whole board in simulation, "
    "with its driver at the host's end.",
)
_routes = click.option("--routes", type=click.IntRange(1, 200), default=16, show_default=True)


@click.group()
def lab() -> None:
    """Try the tunnel with real sockets, in network namespaces that nobody else sees.

    It takes root, and leaves nothing behind, even when it is killed.
    """


@lab.command()
@_nic
@_routes
@click.option("--requests", type=click.IntRange(100), default=4000, show_default=True,
              help="Of each kind of traffic, to each gateway.")  # fmt: skip
@click.option("--connections", type=click.IntRange(1), default=8, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=2, show_default=True,
              help="In which the gateways take turns.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
def run(
    kind: "FrontKind",
    routes: int,
    requests: int,
    connections: int,
    rounds: int,
    seed: int,
    markdown: bool,
) -> int:
    """Send requests to gateways with the tunnel and to one without, and compare them.

    The exit code is 1 where a request came to a wrong pod, or to none, or something was left in the
    kernel when all was over.
    """
    from ..lab import run as running
    from ..lab.setup import Lab
    from ..lab.tools import missing

    for lack in missing("nginx", "curl", "wrk"):
        click.echo(lack, err=True)
    with Lab(kind, routes, seed=seed) as set_up:
        scenarios = running.ON_BOARD if kind == "board" else running.SCENARIOS
        rows = running.run(
            *(set_up, scenarios, requests, connections, rounds, seed),
            lambda text: click.echo(text, err=True),
        )
        left = set_up.left()
    lines = [_HEAD, *map(_cells, rows)]
    if markdown:
        lines.insert(1, ("---",) * len(_HEAD))
        for line in lines:
            click.echo(f"| {' | '.join(line)} |")
    else:
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            click.echo("  ".join(map(str.ljust, line, widths)).rstrip())
    if reloads := sum(row.reloads for row in rows):
        click.echo(f"{reloads} tables were loaded meanwhile", err=True)
    if left:
        click.echo(f"{left} connections and verdicts are left in the kernel", err=True)
    return int(bool(left) or any(row.wrong or row.failed for row in rows))


@lab.command()
@_nic
@_routes
def up(kind: "FrontKind", routes: int) -> None:
    """Set the lab up and leave it to you until Ctrl-C."""
    import signal

    from ..lab.mesh import HOST
    from ..lab.setup import ADDRESS, Lab
    from ..lab.tools import missing

    for lack in missing("nginx"):
        click.echo(lack, err=True)
    with Lab(kind, routes) as set_up:
        port = set_up.gateway("shortcut").port
        click.echo(
            f"try: nsenter --net={set_up.client_namespace} "
            f"curl -H 'Host: {HOST}' http://{ADDRESS}:{port}/r1/; "
            "Ctrl-C or hybridmesh lab down takes it down"
        )
        signal.pause()


@lab.command()
def down() -> None:
    """End all labs, and remove what killed ones left."""
    from ..lab.footprint import take_down

    lines = 0
    for line in take_down():
        click.echo(line)
        lines += 1
    if not lines:
        click.echo("no lab is up")


def _cells(row: "Row") -> tuple[str, ...]:
    own, kernel = row.cpu_per_request
    return (
        row.scenario,
        _WAYS[row.way],
        f"{row.right:,}",
        str(row.wrong),
        str(row.failed),
        f"{row.hit_rate:.1%}" if row.way != "none" else "",
        f"{row.shortcuts_per_request:.1f}",
        f"{row.median / 1000:.1f} ms",
        f"{row.late / 1000:.1f} ms",
        f"{own + kernel:.0f} us = {own:.0f} + {kernel:.0f}",
    )
