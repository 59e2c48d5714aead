"""What the tools report, read: yosys' ``stat``, nextpnr's ``--report``."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Clock", "CriticalPath", "Placement", "read_cells", "read_clocks", "read_placement"]

_CELL = re.compile(
    r"^dut\.|_(?:TRELLIS_FF|LUT4|PFUMX|L6MUX21|CCU2C|DP16KD|TRELLIS_DPR16X4|MULT18X18D)_.*"
)
"""What a cell's name holds beyond the signal that it makes."""


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path from register to register.

    Attributes
    ----------
    source, sink : str
        Signals that it starts and ends at, by their way through the design.
    delay_ns, routing_ns : float
        The whole of it; what of it is wires.
    levels : int
        Cells of logic between the registers.
    through : tuple of str
        The parts of the design that it goes through, in order.
    """

    source: str
    sink: str
    delay_ns: float
    routing_ns: float
    levels: int
    through: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.source} to {self.sink}: {self.delay_ns:.1f} ns, {self.routing_ns:.1f} of them "
            f"wires, through {self.levels} cells"
        )


@dataclass(frozen=True)
class Placement:
    """One run of nextpnr: the clock, the device's parts by nextpnr's names, the slowest path."""

    fmax_mhz: float
    used: Mapping[str, int]
    available: Mapping[str, int]
    path: CriticalPath


@dataclass(frozen=True)
class Clock:
    """What nextpnr says of one clock of several; *path* is the slowest from it to itself."""

    achieved_mhz: float
    asked_mhz: float
    path: CriticalPath


def read_cells(stat: Path) -> Counter[str]:
    """Cells by type, from yosys' ``stat -json`` of a flat design."""
    return Counter(json.loads(stat.read_text())["design"]["num_cells_by_type"])


def read_placement(report: Path) -> Placement:
    """A report of nextpnr on a design with one clock."""
    told = json.loads(report.read_text())
    ((clock, speed),) = told["fmax"].items()
    (slowest,) = (
        path
        for path in told["critical_paths"]
        if {path["from"], path["to"]} == {f"posedge {clock}"}
    )
    use = told["utilization"]
    return Placement(
        fmax_mhz=round(speed["achieved"], 2),
        used={name: count["used"] for name, count in use.items()},
        available={name: count["available"] for name, count in use.items()},
        path=_critical_path(slowest["path"]),
    )


def read_clocks(report: Path) -> dict[str, Clock]:
    """The clocks of a report by nextpnr's names of their nets, as they are before promotion."""
    told = json.loads(report.read_text())
    clocks = {}
    for name, speed in told["fmax"].items():
        (slowest,) = (
            path["path"]
            for path in told["critical_paths"]
            if path["from"] == path["to"] == f"posedge {name}"
        )
        clocks[name.removeprefix("$glbnet$")] = Clock(
            round(speed["achieved"], 2), round(speed["constraint"], 2), _critical_path(slowest)
        )
    return clocks


def _critical_path(steps: Sequence[Mapping[str, Any]]) -> CriticalPath:
    cells = [steps[0]["from"]["cell"], *(step["to"]["cell"] for step in steps)]
    signals = [_CELL.sub("", cell) for cell in cells]
    return CriticalPath(
        source=signals[0],
        sink=signals[-1],
        delay_ns=round(sum(step["delay"] for step in steps), 2),
        routing_ns=round(sum(step["delay"] for step in steps if step["type"] == "routing"), 2),
        levels=sum(step["type"] == "logic" for step in steps),
        through=tuple(dict.fromkeys(signal.rpartition(".")[0] for signal in signals)),
    )
