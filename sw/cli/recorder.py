"""``hybridmesh explain --trace`` and ``--waves``: a NIC with probes is asked, and what it did goes
into files.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import cast

import click

from ..compiler import CompiledTable, Row, compile_table
from ..config.model import Mesh
from ..contract.geometry import Geometry
from ..errors import HybridMeshError
from ..explain import Explainer, head_frames
from ..ingress import load_table
from ..nic import SimulatedNic
from ..nic.build import Waves
from ..nic.probes import probe_groups
from ..trace import Trace, draw, write_gtkwave_view, write_surfer_view
from .output import whole

__all__ = ["explain_and_record"]

Task = Callable[[SimulatedNic], None]


def explain_and_record(
    mesh: Mesh,
    head: bytes,
    tell: Callable[[Explainer], int],
    *,
    width: int,
    trace: Path | None,
    waves: Path | None,
) -> int:
    """*tell* what becomes of *head* in a NIC of *width* bytes per beat, and record it.

    Parameters
    ----------
    trace, waves : Path or None
        The picture to be drawn; the waves to be written, in the format that the suffix says, and
        with the suffixes of the viewers beside it what these show of them.
    """
    if waves is not None and waves.suffix not in (".fst", ".vcd"):
        raise HybridMeshError(
            "Waves are written as FST or as VCD",
            place=str(waves),
            remedy="name a file that ends in .fst or .vcd",
        )
    try:
        geometry = Geometry(width=width)
    except ValueError as error:
        raise HybridMeshError(str(error)) from None
    frames = head_frames(head)
    if len(frames) == 1:
        raise HybridMeshError("The head is empty: there is nothing to record")
    compiled = compile_table(mesh.table, geometry)
    code = 0
    with ExitStack() as files:
        tasks: list[tuple[Waves, Task]] = []
        if trace is not None:
            (picture,) = files.enter_context(whole(trace))
            # Nothing but a C++ compiler is needed for VCD.
            tasks.append(("vcd", partial(_draw, frames, compiled, picture)))
        if waves is not None:
            written = files.enter_context(whole(waves, *_views(waves)))
            tasks.append((cast(Waves, waves.suffix[1:]), partial(_dump, frames, waves, written)))
        for number, (kind, task) in enumerate(tasks):
            with SimulatedNic(geometry, kind) as nic:
                explainer = Explainer(mesh, load_table(compiled, nic))
                if number == 0:
                    code = tell(explainer)
                task(nic)
    if waves is not None:
        save, commands = _views(waves)
        click.echo(f"{waves}: open it with gtkwave {save}, or surfer -c {commands}", err=True)
    return code


def _views(waves: Path) -> tuple[Path, Path]:
    return waves.with_suffix(".gtkw"), waves.with_suffix(".sucl")


def _record(nic: SimulatedNic, frames: Sequence[bytes], waves: Path) -> None:
    """From the first beat with bytes of the head to the last one to the host."""
    opening, *bringing = frames
    nic.exchange([opening])
    with nic.recording(waves):
        nic.exchange(bringing)


def _draw(
    frames: Sequence[bytes], compiled: CompiledTable, picture: Path, nic: SimulatedNic
) -> None:
    waves = picture.with_suffix(".vcd")
    _record(nic, frames, waves)
    names = _names(compiled.rows)
    picture.write_text(draw(Trace.read(waves, nic.geometry), names), encoding="utf-8")


def _dump(
    frames: Sequence[bytes], waves: Path, written: tuple[Path, ...], nic: SimulatedNic
) -> None:
    dump, gtkwave, surfer = written
    _record(nic, frames, dump)
    groups = probe_groups(nic.geometry)
    write_gtkwave_view(gtkwave, waves, groups)
    write_surfer_view(surfer, waves, groups)


def _names(rows: Sequence[Row]) -> list[str]:
    """The routes of *rows*, without the namespace and name that all begin with."""
    routes = ["any" if row.route is None else row.route.id for row in rows]
    common = {route.rpartition("/")[0] for route in routes}
    if len(common) == 1:
        routes = [route.rpartition("/")[2] for route in routes]
    marks = ["~" if row.provisional else "" for row in rows]
    return [route + mark for route, mark in zip(routes, marks, strict=True)]
