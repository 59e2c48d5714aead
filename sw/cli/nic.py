"""``hybridmesh nic``: a NIC on a board, at the other end of an interface of this host."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from rich.console import Group

    from ..contract.geometry import Geometry
    from ..contract.table import TableImage
    from ..nic.ethernet import EthernetNic
    from ..nic.inbandbus import LinkState

__all__ = ["nic"]

_ROUNDS = 8
_SIZES = {
    "width": "bytes per beat",
    "rows": "rows of the matcher",
    "hosts": "host patterns",
    "predicates": "predicates",
    "path_bytes": "bytes looked up of a path",
    "host_bytes": "bytes looked up of a host",
    "header_bytes": "bytes looked up of a field line",
    "max_frame": "bytes of the longest frame with a verdict",
}

_interface = click.option(
    "--iface", "interface", required=True, metavar="IFACE", help="What the NIC is cabled to."
)


def _driven(interface: str) -> "EthernetNic":
    """The NIC at *interface*, which must have no other driver."""
    from ..nic import NicError
    from ..nic.ethernet import EthernetNic
    from ..tunnel.helper import keeps_nic

    if keeps_nic(interface):
        raise NicError(
            "A tunnel drives this NIC, and can be the only one",
            place=interface,
            remedy=f"run: hybridmesh tunnel status {interface}, which has its counters, or unload "
            "the tunnel first",
        )
    return EthernetNic(interface)


@click.group()
def nic() -> None:
    """Drive a NIC on a board, by control frames; it takes CAP_NET_RAW.

    \b
    hybridmesh nic info --iface eth1
    hybridmesh nic load --iface eth1 -f examples/shop --loaded /run/shop.json
    hybridmesh nic counters --iface eth1 --live
    hybridmesh nic selftest --iface eth1
    hybridmesh nic emulate --wire wire0 --host nic0

    The shims that the NIC puts into frames are the tunnel's: see hybridmesh tunnel.
    """


@nic.command()
@_interface
def info(interface: str) -> None:
    """Say what NIC it is, and whether a board's ports have links."""
    from .tables import console, table

    with _driven(interface) as board:
        sizes = table("of the NIC", "size", right=frozenset({"size"}))
        for name, meaning in _SIZES.items():
            sizes.add_row(meaning, f"{getattr(board.geometry, name):,}")
        links = table("of the board", "link")
        for port, state in board.links().items():
            links.add_row(f"{port} port", _link(state))
    console().print(sizes)
    if links.row_count:
        console().print(links)


@nic.command()
@_interface
@options.files
@click.option(
    "--port",
    "ports",
    type=click.IntRange(1, 65535),
    multiple=True,
    help="TCP port that heads get verdicts on; may be given several times.  [default: that of the "
    "first Gateway server without TLS]",
)
@click.option(
    "--loaded",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what was loaded to FILE, for hybridmesh serve --tunnel FILE.",
)
def load(
    interface: str, paths: tuple[Path, ...], ports: tuple[int, ...], loaded: Path | None
) -> None:
    """Compile the routes of Istio YAML for the NIC, load them, and read them back."""
    from ..compiler import compile_table
    from ..config import load as load_mesh
    from ..nic.loaded import Loaded, digest

    mesh = load_mesh(paths)
    plain = [listener.port for listener in mesh.listeners if listener.table is not None]
    with _driven(interface) as board:
        image = compile_table(mesh.table, board.geometry).image
        began = time.perf_counter()
        epoch = board.load(image)
        took = time.perf_counter() - began
        board.listen(*(ports or plain[:1]))
        board.verify()
    if loaded is not None:
        Loaded(epoch, digest(image), image.geometry).write(loaded)
    words = sum(len(part) for _, part in image.words())
    click.echo(f"{words:,} words in {took * 1000:.0f} ms, read back and right; epoch {epoch}")
    click.echo(f"verdicts for TCP port {', '.join(map(str, ports or plain[:1]))}")


@nic.command()
@_interface
@click.option("--live", is_flag=True, help="Again every second, with rates, until Ctrl-C.")
def counters(interface: str, live: bool) -> None:
    """Print what the NIC has counted."""
    from rich.live import Live

    from .tables import console

    with _driven(interface) as board:
        before = board.counters()
        if not live:
            console().print(_counters(before, before))
            return
        with Live(_counters(before, before), console=console()) as shown:
            while True:
                time.sleep(1.0)
                now = board.counters()
                shown.update(_counters(now, before))
                before = now


@nic.command()
@_interface
def selftest(interface: str) -> None:
    """See that control frames come through, and that tables reach the NIC whole.

    The table in use is not touched: what is written goes to the spare bank.
    """

    with _driven(interface) as board:
        trips = []
        for _ in range(100):
            began = time.perf_counter()
            board.check()
            trips.append((time.perf_counter() - began) * 1e6)
        trips.sort()
        click.echo(f"control frames: {trips[0]:.0f} to {trips[-1]:.0f} us, median {trips[50]:.0f}")
        began = time.perf_counter()
        for seed in range(_ROUNDS):
            board.fill(_noise(board.geometry, seed))
        took = (time.perf_counter() - began) / _ROUNDS
        click.echo(f"tables of noise: {_ROUNDS} came whole, {took * 1000:.0f} ms each")


@nic.command()
@click.option("--wire", required=True, metavar="TAP", help="What its wire port is cabled to.")
@click.option("--host", required=True, metavar="TAP", help="What its host port is cabled to.")
@click.option(
    "--rows",
    type=click.Choice(["32", "64", "128", "256", "512", "1024"]),
    default="256",
    show_default=True,
    help="Of the matcher.",
)
def emulate(wire: str, host: str, rows: str) -> None:
    """Emulate a board, for who has none: its RTL, with a TAP device at either port, until Ctrl-C.

    The devices are made, or taken where they are there already, in this network namespace.  The
    board's time stands still while no frame comes.
    """
    from contextlib import ExitStack, closing
    from dataclasses import replace

    from ..contract.verdict import SHIM
    from ..lab.boardwire import BoardWire
    from ..lab.tap import Tap
    from ..nic.emulated import GEOMETRY, EmulatedBoard

    with ExitStack() as parts:
        outside, inside = (parts.enter_context(closing(Tap(name))) for name in (wire, host))
        board = parts.enter_context(EmulatedBoard(replace(GEOMETRY, rows=int(rows))))
        cables = parts.enter_context(closing(BoardWire(outside, inside, board)))
        told = parts.enter_context(_told(cables.stop))
        click.echo(
            f"a board of {rows} rows, wire {wire}, host {host}; go on: ip link set {wire} up; "
            f"ip link set {host} mtu {1500 + SHIM.size} up; hybridmesh nic info --iface {host}"
        )
        cables.wait()
    if signal.SIGINT in told:
        raise KeyboardInterrupt


@contextmanager
def _told(stop: Callable[[], None]) -> Iterator[list[int]]:
    """In this block SIGINT and SIGTERM call *stop*; gives those that have come."""
    came: list[int] = []

    def tell(number: int, _: object) -> None:
        came.append(number)
        stop()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _noise(geometry: "Geometry", seed: int) -> "TableImage":
    """A table that means nothing, with about as many zeros as ones."""
    import numpy as np

    from ..contract.table import TableImage

    rng = np.random.default_rng(seed)
    image = TableImage(geometry)
    for tcam in (image.path, image.host, image.header, image.word):
        tcam.mismatch[:] = rng.integers(0, 2, tcam.mismatch.shape, dtype=np.uint8)
    return image


def _link(state: "LinkState") -> str:
    if not state.up:
        return "none, or its PHY does not tell"
    return f"{state.megabits} Mb/s, {'full' if state.full_duplex else 'half'} duplex"


def _counters(now: Mapping[str, int], before: Mapping[str, int]) -> "Group":
    """A table of those of every NIC, and one of those of a board, where it is one."""
    from rich.console import Group

    from ..contract.registers import BOARD_COUNTERS, COUNTERS
    from .tables import table

    numbers = frozenset({"value", "per second"})
    groups = []
    for name, counters in (("of the NIC", COUNTERS), ("of the board", BOARD_COUNTERS)):
        shown = table(name, "value", "per second", "meaning", right=numbers)
        for counter in counters:
            if (value := now.get(counter.name)) is not None:
                rate = value - before[counter.name] & 0xFFFFFFFF
                shown.add_row(counter.name, f"{value:,}", f"{rate:,}" if rate else "", counter.doc)
        if shown.row_count:
            groups.append(shown)
    return Group(*groups)
