"""A measurement: what a design takes, how fast it is, and whether that is what was asked."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from .reports import Placement
from .targets import Family, Target

__all__ = ["Result", "count_cells"]

PLACED = {"LUT4": "TRELLIS_COMB", "FF": "TRELLIS_FF", "DP16KD": "DP16KD"}
"""What is told of an ECP5, and nextpnr's word for it."""

SYNTHESISED: Mapping[Family, Mapping[str, tuple[str, ...]]] = {
    Family.ECP5: {
        "LUT4": ("LUT4",),
        "FF": ("TRELLIS_FF",),
        "DP16KD": ("DP16KD",),
        "LUT RAM": ("TRELLIS_DPR16X4",),
    },
    Family.ULTRASCALE_PLUS: {
        "LUT": ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6"),
        "FF": ("FDRE", "FDSE", "FDCE", "FDPE"),
        "RAMB36": ("RAMB36E2",),
        "RAMB18": ("RAMB18E2",),
        "RAM32M16": ("RAM32M16",),
        "RAM64M8": ("RAM64M8",),
    },
}
"""What is told where nothing is placed, and yosys' cells that it is."""


def count_cells(family: Family, cells: Counter[str]) -> dict[str, int]:
    """The parts of *family* that synthesis asks for; those that it does not are left out."""
    counts = {
        name: sum(cells[kind] for kind in kinds) for name, kinds in SYNTHESISED[family].items()
    }
    return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True)
class Result:
    """What was measured of one target.

    Attributes
    ----------
    latency : int
        In clocks, see :meth:`Target.dut`.
    harness : int
        Registers of the harness, which are counted with the design's.
    cells : Mapping
        Parts that synthesis asks for.
    placements : Mapping
        By seed; empty where nothing was placed.
    failure : str
        Why nothing was placed where something should be.
    """

    target: Target
    latency: int
    harness: int
    cells: Mapping[str, int]
    placements: Mapping[int, Placement] = field(default_factory=dict)
    failure: str = ""

    @property
    def fmax(self) -> float | None:
        """Median clock in MHz over the seeds."""
        return median(p.fmax_mhz for p in self.placements.values()) if self.placements else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """Slowest and fastest clock."""
        clocks = [p.fmax_mhz for p in self.placements.values()]
        return (min(clocks), max(clocks)) if clocks else None

    @property
    def typical(self) -> Placement | None:
        """The placement whose clock is nearest to the median."""
        return min(
            self.placements.values(), key=lambda p: abs(p.fmax_mhz - self.fmax), default=None
        )

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.target.goal_mhz is None:
            return None
        return self.fmax is not None and self.fmax >= self.target.goal_mhz

    @property
    def used(self) -> Mapping[str, int]:
        """Parts of the device: as placed, or else as synthesis asks for."""
        if self.typical is None:
            return self.cells
        return {name: self.typical.used[word] for name, word in PLACED.items()}

    @property
    def available(self) -> Mapping[str, int]:
        """Parts that the device has, of those that are used."""
        if self.typical is None:
            return {}
        return {name: self.typical.available[word] for name, word in PLACED.items()}

    @property
    def gbps(self) -> float | None:
        """Bits of a full datapath per second."""
        return self.fmax and self.fmax * self.target.geometry.width * 8 / 1000

    @property
    def latency_ns(self) -> float | None:
        return self.fmax and self.latency * 1000 / self.fmax

    def as_json(self) -> dict[str, Any]:
        """All of it, with what follows from it."""
        target, path = self.target, self.typical and self.typical.path
        return {
            "target": target.name,
            "design": target.design.value,
            "device": target.device.name,
            "how": target.device.family.value,
            "geometry": asdict(target.geometry),
            "used": dict(self.used),
            "available": dict(self.available),
            "harness_registers": self.harness,
            "fmax_mhz": {
                "median": self.fmax,
                "by_seed": {seed: p.fmax_mhz for seed, p in self.placements.items()},
            },
            "goal_mhz": target.goal_mhz,
            "met": self.met,
            "gbps": _rounded(self.gbps),
            "latency": {"cycles": self.latency, "ns": _rounded(self.latency_ns)},
            "critical_path": path and asdict(path) | {"words": str(path)},
            "failure": self.failure or None,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
