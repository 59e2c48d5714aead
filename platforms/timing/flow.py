"""From a target to its measurement: Amaranth, yosys, nextpnr once for each seed."""

from collections.abc import Callable
from pathlib import Path

from ..ecp5 import TableMemories, floorplan
from . import tools
from .harness import TOP, Harness, to_rtlil
from .reports import read_cells, read_placement
from .results import Result, count_cells
from .steps import Steps
from .targets import Family, Target

__all__ = ["COLLISIONS", "HEADROOM", "ROUTER", "SEEDS", "measure"]

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

COLLISIONS = (
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
    steps = Steps(build / target.name, {_DESIGN: to_rtlil(harness, platform)}, report)
    synthesis = f"read_rtlil {_DESIGN}; {COLLISIONS}; {_SYNTHESIS[target.device.family]}"
    stat = steps.make(
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
            floorplan(steps.folder / _NETLIST, steps.folder / _PLANNED, TOP, target.sites)
        try:
            for seed in SEEDS:
                steps.make(
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
                routed = steps.make(
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
