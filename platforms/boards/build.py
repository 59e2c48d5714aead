"""From a board to its bitstream: Amaranth, yosys, nextpnr once for each seed, ecppack."""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hybridmesh.contract.geometry import Geometry

from ..ecp5.devices import PARTS, Device
from ..timing import tools
from ..timing.flow import COLLISIONS, HEADROOM, ROUTER
from ..timing.reports import read_clocks
from ..timing.steps import Steps
from .results import Built, Placed, check_fit, domains, shares
from .top import BoardPlatform, Top

__all__ = ["build"]

_TOP = "top"
_DESIGN, _PINS, _NETLIST = "design.il", "pins.lpf", "netlist.json"
_FREQUENCY = re.compile(r"(FREQUENCY PORT \S+) (\S+) HZ")


def build(
    board: type[BoardPlatform],
    geometry: Geometry,
    seeds: Sequence[int],
    folder: Path,
    report: Callable[[str], None],
) -> Built:
    """Build *board* from each of *seeds*, keeping what is made below *folder*.

    The best seed's bitstream becomes ``<folder>/<board>.bit``; where all miss the timing there is
    none.  *report* is told of each step.  Raises :exc:`~hybridmesh.errors.HybridMeshError` where
    the design does not fit, and where a tool is missing or gives up.
    """
    report("elaborate")
    platform = board()
    files = platform.prepare(Top(geometry), _TOP, emit_src=False).files
    asked = _FREQUENCY.sub(_more, files[f"{_TOP}.lpf"])
    design = {_DESIGN: files[f"{_TOP}.il"], _PINS: asked}
    steps = Steps(folder / board.name, design, report)

    synthesis = f"read_rtlil {_DESIGN}; {COLLISIONS}; synth_ecp5 -top {_TOP}"
    netlist = steps.make(
        _NETLIST,
        "synthesise",
        tools.YOSYS,
        lambda partial: ["-p", f"{synthesis}; write_json {partial}"],
    )
    cells = json.loads(netlist.read_text())["modules"][_TOP]["cells"]
    parts = shares((name, cell["type"]) for name, cell in cells.items())
    check_fit(board, parts)

    placed = []
    for number, seed in enumerate(seeds, 1):
        routed = steps.make(
            f"seed{seed}.json",
            f"place and route, {number} of {len(seeds)}",
            tools.NEXTPNR,
            lambda partial, seed=seed: [
                *Device.of(board).options,
                *("--json", _NETLIST, "--lpf", _PINS, "--seed", str(seed), "--router", ROUTER),
                *("--timing-allow-fail", "--textcfg", _config(seed), "--report", partial),
            ],
        )
        use = json.loads(routed.read_text())["utilization"]
        placed.append(
            Placed(
                seed,
                domains(read_clocks(routed), platform.default_clk_frequency / 1e6),
                {word: use[word]["used"] for word in PARTS},
            )
        )
    built = Built(board, geometry, parts, tuple(placed))
    if not built.met:
        return built
    seed = built.best.seed
    packed = steps.make(
        f"seed{seed}.bit",
        "pack",
        tools.ECPPACK,
        lambda partial: ["--compress", "--input", _config(seed), "--bit", partial],
    )
    return replace(built, bitstream=shutil.copyfile(packed, folder / f"{board.name}.bit"))


def _config(seed: int) -> str:
    return f"seed{seed}.config"


def _more(frequency: re.Match[str]) -> str:
    """A constraint as it is asked for; see :data:`~..timing.flow.HEADROOM`."""
    return f"{frequency[1]} {HEADROOM * float(frequency[2]):.0f} HZ"
