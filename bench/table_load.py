"""How long a table takes into the NIC: python bench/table_load.py [--width N ...] [--rows N ...].

Clocks are counted in the simulated RTL, through the AXI4-Lite port, and turned into time at the
clock of a line that the width fills.  Matching goes on meanwhile: a load goes to the spare bank.
"""

import argparse
import time

from hybridmesh.compiler import compile_table
from hybridmesh.config.model import (
    Forward,
    Location,
    MatchKind,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.nic import SimulatedNic

CLOCKS = {1: 125.0, 8: 156.25, 64: 195.3125}
"""MHz at which so many bytes a clock are 1, 10 and 100 Gb/s."""

OTHERS = """
Published, rows changed one at a time (a row here is one 64-byte path, host class, method and
predicates, and all rows change at once):
  DURE, 512 x 36 bits, Virtex-6: 5.15 M updates/s at 335 M lookups/s, search goes on
    (I. Ullah et al., IEEE Trans. VLSI Systems, 2019)
  AMD TCAM LogiCORE (PG318): updates take the memory accesses that look-ups leave over, none at
    the highest look-up rate
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, nargs="+", choices=CLOCKS, default=list(CLOCKS))
    parser.add_argument("--rows", type=int, nargs="+", default=[256, 1024])
    args = parser.parse_args()
    for width in args.width:
        for rows in args.rows:
            measure(Geometry(width=width, rows=rows))
    print(OTHERS, end="")


def measure(geometry: Geometry) -> None:
    """Load a full table into a NIC of *geometry*, and print what it took."""
    started = time.perf_counter()
    image = full(geometry)
    compiled = time.perf_counter() - started
    used = sum(int((words != 0).sum()) for _, words in image.words())
    total = sum(space.words for space in geometry.spaces)
    with SimulatedNic(geometry) as nic:
        before, started = nic.cycles, time.perf_counter()
        nic.load(image)
        clocks, loaded = nic.cycles - before, time.perf_counter() - started
    clock = CLOCKS[geometry.width] * 1e6
    print(
        f"width {geometry.width}, {geometry.rows} rows: {total:,} words ({used:,} not zero) in "
        f"{clocks:,} clocks, {clocks / total:.3f} each\n"
        f"  at {clock / 1e6:g} MHz: {clocks / clock * 1e3:.3f} ms, "
        f"{geometry.rows * clock / clocks / 1e6:.2f} M rows/s, {clock / clocks:,.0f} tables/s\n"
        f"  in software: {compiled:.2f} s to compile, {loaded:.2f} s to load in simulation"
    )


def full(geometry: Geometry) -> TableImage:
    """The image of as many routes as there are rows."""
    routes = tuple(
        Route(
            f"bench/{n}",
            RouteMatch(path=StringMatch(MatchKind.PREFIX, f"/service-{n}/")),
            Forward((WeightedCluster("c"),)),
            Location("bench", n + 1),
        )
        for n in range(geometry.rows)
    )
    host = VirtualHost("shop", "shop.example.com", routes)
    return compile_table(RouteTable(80, (host,)), geometry).image


if __name__ == "__main__":
    main()
