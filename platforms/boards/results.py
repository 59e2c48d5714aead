"""What was built: what of the device it takes, how fast each clock may be, from which seed."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hybridmesh.contract.geometry import Geometry
from hybridmesh.errors import HybridMeshError

from ..ecp5.devices import PARTS, Device
from ..timing.reports import Clock, CriticalPath
from .top import LINE_HZ, BoardPlatform

__all__ = ["Built", "Domain", "Placed", "check_fit", "domains", "shares"]

_CELLS = {
    "LUT4": ("TRELLIS_COMB", 1),
    "CCU2C": ("TRELLIS_COMB", 2),
    "TRELLIS_DPR16X4": ("TRELLIS_COMB", 6),
    "TRELLIS_FF": ("TRELLIS_FF", 1),
    "DP16KD": ("DP16KD", 1),
}
"""What synthesis asks for, by what it takes of nextpnr's parts."""

_SHARES = (
    (r"board\.core\.engine\.path", "paths", "--path-bytes or --rows"),
    (r"board\.core\.engine\.hosts", "hosts", "--hosts"),
    (r"board\.core\.engine\.keys", "field lines", "--predicates"),
    (r"board\.core\.engine\.rows", "rows", "--rows or --predicates"),
    (r"board\.core\.", "the rest of the core", "--rows"),
    (r"board\.(wire|host)\b", "MACs", "--max-frame"),
    (r"board\.", "control", "--rows"),
    (r"", "pins and clocks", "--rows"),
)
"""Parts of the design by what the names of their cells begin with, and the size they go with."""

_DOMAINS = {"clk": "sync", "wire_rx_clk": "wire_rx", "host_rx_clk": "host_rx"}
"""Domains by the last part of their clocks' names; any other clock is the oscillator's."""
OSCILLATOR = "start"


@dataclass(frozen=True)
class Domain:
    """A clock of a placed board; *path* is the slowest."""

    name: str
    achieved_mhz: float
    required_mhz: float
    path: CriticalPath

    @property
    def margin(self) -> float:
        """By how much of what is required it is faster, below zero: slower."""
        return self.achieved_mhz / self.required_mhz - 1


@dataclass(frozen=True)
class Placed:
    """The board from one seed; *used* by nextpnr's words."""

    seed: int
    domains: tuple[Domain, ...]
    used: Mapping[str, int]

    @property
    def worst(self) -> Domain:
        """The domain that has the least margin."""
        return min(self.domains, key=lambda domain: domain.margin)


@dataclass(frozen=True)
class Built:
    """A board that was built.

    Attributes
    ----------
    shares : Mapping
        Cells of each part of the design, by part and by nextpnr's word.
    placed : tuple of Placed
        In the order of the seeds.
    bitstream : Path or None
        Of the best seed.
    """

    board: type[BoardPlatform]
    geometry: Geometry
    shares: Mapping[str, Mapping[str, int]]
    placed: tuple[Placed, ...]
    bitstream: Path | None = None

    @property
    def best(self) -> Placed:
        """The seed of the most margin."""
        return max(self.placed, key=lambda placed: placed.worst.margin)

    @property
    def takes(self) -> list[tuple[str, int, int]]:
        """Each part of the device, how many of it are used, of how many."""
        has = Device.of(self.board).has
        return [(name, self.best.used[word], has[word]) for word, name in PARTS.items()]

    def share(self, part: str, word: str) -> float:
        """What a part of the design takes, of all that the device has of *word*."""
        return self.shares[part].get(word, 0) / Device.of(self.board).has[word]

    @property
    def met(self) -> bool:
        """Whether a seed meets the timing."""
        return self.best.worst.margin >= 0

    def check_timing(self) -> None:
        """Raise :exc:`HybridMeshError` where none does."""
        if not self.met:
            worst = self.best.worst
            raise HybridMeshError(
                f"{self.board.name} misses its timing: {worst.name} runs at "
                f"{worst.achieved_mhz:.1f} MHz at most and must at {worst.required_mhz:g} (seed "
                f"{self.best.seed}); slowest is {worst.path}",
                remedy="try other seeds, as with --seeds 3, or lower --rows",
            )


def domains(clocks: Mapping[str, Clock], oscillator_mhz: float) -> tuple[Domain, ...]:
    """The domains of *clocks*, which nextpnr was asked to make faster than they must be."""
    found = {}
    for net, clock in clocks.items():
        name = _DOMAINS.get(net.rpartition(".")[2], OSCILLATOR)
        required = oscillator_mhz if name == OSCILLATOR else LINE_HZ / 1e6
        found[name] = Domain(name, clock.achieved_mhz, required, clock.path)
    order = (*_DOMAINS.values(), OSCILLATOR)
    return tuple(sorted(found.values(), key=lambda domain: order.index(domain.name)))


def shares(cells: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """How much each part of the design asks for, of its cells' names and types."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for name, kind in cells:
        if kind in _CELLS:
            word, count = _CELLS[kind]
            part = next(part for pattern, part, _ in _SHARES if re.match(pattern, name))
            total[part][word] += count
    return {part: dict(total[part]) for _, part, _ in _SHARES}


def check_fit(board: type[BoardPlatform], asked: Mapping[str, Mapping[str, int]]) -> None:
    """Raise :exc:`HybridMeshError` where the parts of the design ask for more than there is."""
    for word, most in Device.of(board).has.items():
        count = sum(part.get(word, 0) for part in asked.values())
        if count > most:
            sizes = {part: size for _, part, size in _SHARES}
            largest = max(asked, key=lambda part: asked[part].get(word, 0))
            raise HybridMeshError(
                f"The design does not fit {board.name}: it takes {count:,} {PARTS[word]} of "
                f"{most:,}, {asked[largest][word]:,} of them for {largest}",
                remedy=f"lower {sizes[largest]}",
            )
