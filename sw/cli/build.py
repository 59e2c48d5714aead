"""``hybridmesh build``: the NIC as a bitstream for a board."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import join
from typing import Any

import click

from ..errors import HybridMeshError
from .fpga import module, progress

__all__ = ["build"]

_BUILD = Path("build/boards")


@click.command()
@click.option("--platform", "name", metavar="NAME", help="Build for this board.")
@click.option("--all", "everything", is_flag=True, help="Build for all boards.")
@click.option("--rows", type=int, help="Rows of the matcher.  [default: the board's]")
@click.option("--hosts", type=int, help="Host patterns.")
@click.option("--path-bytes", type=int, help="Bytes of the path that the NIC looks at.")
@click.option("--predicates", type=int, help="Header predicates.")
@click.option("--max-frame", type=int, help="Longest frame, in bytes.")
@click.option("--seed", type=click.IntRange(1), default=1, help="Of the placement; the first.")
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Place from so many seeds that follow, and take the best.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="With --all: write tables and picture into this Markdown page too.",
)
def build(
    name: str | None,
    everything: bool,
    seed: int,
    seeds: int,
    page: Path | None,
    **sizes: int | None,
) -> None:
    """Build the bitstream of a board with yosys and nextpnr, and say how to load it.

    Without an option it lists the boards. What is made stays in build/boards, and is made again
    only where the design has changed. The exit code is 1 where the design does not fit the device
    or misses its timing.

    \b
    hybridmesh build --platform versa_ecp5_5g
    hybridmesh build --platform colorlight_5a75b --rows 32 --seeds 3
    """
    if name is not None and everything:
        raise click.UsageError("--platform goes without --all")
    if page is not None and not everything:
        raise click.UsageError("--page goes with --all")
    registry = module("boards.registry")
    if not (name or everything):
        _list(registry.BOARDS.values())
        return
    boards = list(registry.BOARDS.values()) if everything else [registry.find(name)]
    make = module("boards.build").build
    builds = []
    with progress([board.name for board in boards]) as told:
        for board in boards:
            geometry = _geometry(board, sizes)
            numbers = range(seed, seed + seeds)
            builds.append(make(board, geometry, numbers, _BUILD, told(board.name)))
    if page is not None:
        pages = module("boards.page")
        pages.write_page(page, builds)
        pages.write_plot(page.with_suffix(".svg"), builds)
        click.echo(f"written: {page}, {page.with_suffix('.svg')}", err=True)
    for built in builds:
        _show(built)
    for built in builds:
        built.check_timing()


def _geometry(board: Any, sizes: dict[str, int | None]) -> Any:
    given = {name: size for name, size in sizes.items() if size is not None}
    try:
        return replace(board.geometry, **given)
    except ValueError as error:
        raise HybridMeshError(str(error)) from None


def _list(boards: Sequence[Any]) -> None:
    from .tables import console, table

    listed = table("platform", "board", "device", "rows", "hosts", "longest frame")
    for board in boards:
        sizes = board.geometry
        listed.add_row(
            *(board.name, board.doc, f"{board.device}-{board.speed}"),
            *(str(sizes.rows), str(sizes.hosts), f"{sizes.max_frame:,}"),
        )
    console().print(listed)


def _show(built: Any) -> None:
    from .tables import console, table

    out, best = console(), built.best
    numbers = frozenset({"used", "of", "share", "achieved", "required", "margin"})
    takes = table(built.board.name, "used", "of", "share", right=numbers)
    for part, used, most in built.takes:
        takes.add_row(part, f"{used:,}", f"{most:,}", f"{used / most:.0%}")
    out.print(takes)
    clocks = table("clock", "achieved", "required", "margin", "slowest path", right=numbers)
    for domain in best.domains:
        margin = f"{domain.margin:+.1%}"
        clocks.add_row(
            domain.name,
            f"{domain.achieved_mhz:.1f} MHz",
            f"{domain.required_mhz:g} MHz",
            margin if domain.margin >= 0 else f"[red]{margin}[/]",
            str(domain.path),
        )
    out.print(clocks)
    if len(built.placed) > 1:
        out.print(f"seed {best.seed} is the best of {len(built.placed)}; margins of all:")
        out.print(", ".join(f"seed {p.seed} {p.worst.margin:+.1%}" for p in built.placed))
    if built.bitstream is not None:
        click.echo(f"bitstream: {built.bitstream}")
        click.echo(f"load it:   {join((*built.board.program, str(built.bitstream)))}")
