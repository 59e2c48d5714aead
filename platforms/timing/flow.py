"""From a target to its measurement: Amaranth, yosys, nextpnr once for each seed.

Every step's product stays in a folder named after the design's text, and is not made again: a run
that was interrupted goes on where it was, and a design that has not changed costs nothing.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from ..ecp5 import TableMemories, floorplan
from . import tools
from .harness import TOP, Harness, to_rtlil
from .reports import read_cells, read_placement
from .results import Result, count_cells
from .targets import Family, Target

__all__ = ["SEEDS", "measure"]

SEEDS = (1, 2, 3)

ROUTER = "router1"
"""nextpnr's older router takes longer on large designs; of one placement of the host's matcher it
made 241 MHz, the newer one 168."""

HEADROOM = 1.088
"""What is asked of the placer, times the goal: beyond what is asked, it takes any path for good."""

TIMING_WEIGHT = 60
"""How much the placer heeds late ends of paths where the block RAMs stand already, which its other
measure, the length of all wires, is content with; of its own it is 10."""

_DESIGN, _NETLIST, _PLANNED, _STAT = "design.il", "netlist.json", "planned.json", "stat.json"

_COLLISIONS = (
    "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:MEMID=\\\\memory %i r:CLK_ENABLE=1 %i"
)
"""The RTL calls those memories so whose entries are never read as they are written (banks of a
table, delay lines): nothing has to be built for it.
"""

_SYNTHESIS = {
    Family.ECP5: f"synth_ecp5 -top {TOP} -json {_NETLIST}",
    Family.ULTRASCALE_PLUS: f"synth_xilinx -family xcup -top {TOP} -flatten -noiopad",
}


def _placed(seed: int) -> str:
    return f"placed{seed}.json"


def measure(target: Target, build: Path, report: Callable[[str], None]) -> Result:
    """Measure *target*, keeping what is made below *build*; *report* is told of each step.

    Raises :exc:`~hybridmesh.errors.HybridMeshError` where a tool is missing or gives up.
    """
    report("elaborate")
    platform = TableMemories() if target.device.family is Family.ECP5 else None
    dut = target.dut()
    harness = Harness(dut)
    design = to_rtlil(harness, platform)
    digest = hashlib.sha256(design.encode()).hexdigest()[:12]
    folder = build / target.name / digest
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _DESIGN).write_text(design)

    def make(product: str, step: str, tool: str, arguments: Callable[[str], list[str]]) -> Path:
        """The file *product*, made by *tool* under another name until it is whole."""
        path = folder / product
        if not path.exists():
            report(step)
            partial = f"partial-{product}"
            tools.run(tool, arguments(partial), folder, f"{path.stem}.log")
            (folder / partial).rename(path)
        return path

    synthesis = f"read_rtlil {_DESIGN}; {_COLLISIONS}; {_SYNTHESIS[target.device.family]}"
    stat = make(
        _STAT,
        "synthesise",
        tools.YOSYS,
        lambda partial: ["-p", f"{synthesis}; tee -q -o {partial} stat -json"],
    )
    placements, failure = {}, ""
    if target.device.family is Family.ECP5:
        goal = ("--freq", f"{HEADROOM * target.goal_mhz:.1f}") if target.goal_mhz else ()
        common = [
            *target.device.options,
            *("--lpf-allow-unconstrained", "--timing-allow-fail", *goal),
            *("--router", ROUTER),
        ]
        netlist, heeding = _NETLIST, ()
        if target.sites is not None:
            netlist, heeding = _PLANNED, ("--placer-heap-timingweight", str(TIMING_WEIGHT))
            floorplan(folder / _NETLIST, folder / _PLANNED, TOP, target.sites)
        try:
            for seed in SEEDS:
                make(
                    _placed(seed),
                    f"place, seed {seed} of {SEEDS[-1]}",
                    tools.NEXTPNR,
                    lambda partial, seed=seed: [
                        *common,
                        *heeding,
                        *("--json", netlist, "--seed", str(seed), "--no-route"),
                        *("--write", partial),
                    ],
                )
                routed = make(
                    f"seed{seed}.json",
                    f"route, seed {seed} of {SEEDS[-1]}",
                    tools.NEXTPNR,
                    lambda partial, seed=seed: [
                        *common,
                        *("--json", _placed(seed), "--no-pack", "--no-place"),
                        *("--report", partial),
                    ],
                )
                placements[seed] = read_placement(routed)
        except tools.ToolError as error:
            placements, failure = {}, error.problem
    return Result(
        target,
        latency=dut.latency,
        harness=harness.input_bits + harness.output_bits,
        cells=count_cells(target.device.family, read_cells(stat)),
        placements=placements,
        failure=failure,
    )
