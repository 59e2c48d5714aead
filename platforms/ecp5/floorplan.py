"""Where the matcher's block RAMs stand on an ECP5.

At width 8 a table takes nearly all blocks of the largest device, and what is read from those of one
group of columns meets in one OR.  A placer that spreads them over the device pays with half of all
its wires; so each group stands together, in the order in which a head goes through the parts.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LFE5_85", "Sites", "floorplan", "locate"]

COLUMNS = 36
"""Columns of a table memory that are in one block."""

_LANE = re.compile(r"\.lane(\d+)_(low|high)\.blocks\.entries0_bits(\d+)\.")


@dataclass(frozen=True)
class Sites:
    """The block RAMs of a device, as Project Trellis has them.

    Attributes
    ----------
    columns : tuple of int
        X of each.
    bands : tuple of pair of int
        Y of two neighbouring rows each.
    """

    columns: tuple[int, ...]
    bands: tuple[tuple[int, int], ...]

    def bel(self, band: int, column: int, row: int) -> str:
        """nextpnr's name of a site."""
        return f"X{self.columns[column]}/Y{self.bands[band][row]}/EBR{column % 4}"


_TILES = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
LFE5_85 = Sites(
    columns=tuple(x + step for x in _TILES for step in (0, 2, 4, 6)),
    bands=((22, 46), (70, 82)),
)

_GROUP = 9
"""Columns of sites of one group of the path's columns: 16 blocks, and two of the calls'."""

_HOSTS, _KEYS = 36, (36, 44)
_QUEUES = {"frames.memory": 44, "guard.memory": 46}
"""First columns of sites: hosts and queues are in the upper band, field lines in the lower."""


def locate(names: Iterable[str], sites: Sites) -> dict[str, str]:
    """The sites of the block RAMs of a NIC with 8 bytes per beat and 256 rows, by their cells'
    *names*; those that it does not know are left out.

    On the left stand the groups of the path's columns, in both bands by turns, each with the calls
    that it is ANDed with; on the right hosts, field lines, and queues.
    """
    located = {}
    queued = dict.fromkeys(_QUEUES, 0)
    for name in sorted(names):
        for queue, column in _QUEUES.items():
            if queue in name:
                number = queued[queue]
                queued[queue] += 1
                located[name] = sites.bel(0, column + number // 2, number % 2)
        if lane := _LANE.search(name):
            high, group = lane[2] == "high", int(lane[3]) // COLUMNS
            column, row = int(lane[1]), int(high)
            band, left = group % 2, _GROUP * (group // 2)
            if ".path" in name:
                located[name] = sites.bel(band, left + column, row)
            elif ".rows.calls." in name:
                located[name] = sites.bel(band, left + _GROUP - 1, row)
            elif ".hosts." in name:
                located[name] = sites.bel(0, _HOSTS + column, row)
            elif engine := re.search(r"\.keys\.tcam(\d)\.", name):
                located[name] = sites.bel(1, _KEYS[int(engine[1])] + column, row)
    return located


def floorplan(netlist: Path, planned: Path, top: str, sites: Sites) -> None:
    """Write yosys' JSON *netlist* as *planned*, the block RAMs of module *top* with their sites."""
    design = json.loads(netlist.read_text())
    cells = design["modules"][top]["cells"]
    blocks = [name for name, cell in cells.items() if cell["type"] == "DP16KD"]
    for name, bel in locate(blocks, sites).items():
        cells[name]["attributes"]["BEL"] = bel
    planned.write_text(json.dumps(design))
