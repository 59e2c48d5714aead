"""The floorplan: each block RAM on a site of its own, those of a group of columns together."""

import json
import re
from collections import defaultdict
from pathlib import Path

from hybridmesh.platforms.ecp5 import LFE5_85, floorplan
from hybridmesh.platforms.ecp5.floorplan import locate

HALVES = [(lane, half) for lane in range(8) for half in ("low", "high")]


def lanes(array: str, columns: int) -> list[str]:
    return [
        f"dut.engine.{array}.lane{lane}_{half}.blocks.entries0_bits{low}.block$10"
        for lane, half in HALVES
        for low in range(0, columns, 36)
    ]


PATH = lanes("path$7.array", 256)
CALLS = [name for name in lanes("rows.calls.array", 256) if ".lane0_" in name]
OTHERS = [
    *(lanes("hosts.tcam.array", 32) + lanes("keys.tcam0.array", 32)),
    *lanes("keys.tcam1.array", 32),
    *(f"dut.guard.memory.blocks.entries0_bits{low}.block$3" for low in (0, 36, 72, 108)),
    *(f"dut.frames.memory.blocks.entries0_bits{low}.block$3" for low in (0, 36, 72)),
]
ALL = PATH + CALLS + OTHERS


def place(bel: str) -> tuple[int, int]:
    x, y, _ = re.fullmatch(r"X(\d+)/Y(\d+)/EBR(\d)", bel).groups()
    return int(x), int(y)


def test_every_block_of_the_nic_has_a_site_of_its_own() -> None:
    located = locate(ALL, LFE5_85)
    assert len(ALL) == 199
    assert set(located) == set(ALL)
    assert len(set(located.values())) == len(ALL)
    assert {place(bel)[1] for bel in located.values()} == {22, 46, 70, 82}


def test_a_site_has_the_name_that_nextpnr_gives_it() -> None:
    assert LFE5_85.bel(0, 0, 0) == "X4/Y22/EBR0"
    assert LFE5_85.bel(1, 27, 1) == "X64/Y82/EBR3"
    assert LFE5_85.bel(0, 51, 1) == "X120/Y46/EBR3"


def test_what_is_ored_stands_within_a_sixth_of_the_device() -> None:
    located = locate(ALL, LFE5_85)
    groups = defaultdict(list)
    for name in PATH + CALLS:
        groups[re.search(r"bits(\d+)", name)[1]].append(place(located[name]))
    assert len(groups) == 8
    for places in groups.values():
        assert len(places) == 18
        assert max(x for x, _ in places) - min(x for x, _ in places) <= 126 / 6
        assert len({y for _, y in places}) == 2


def test_the_netlist_is_left_as_it_is_but_for_the_sites(tmp_path: Path) -> None:
    def cell(kind: str) -> dict:
        return {"type": kind, "attributes": {"src": "x"}, "connections": {"A": [1]}}

    cells = {PATH[0]: cell("DP16KD"), "dut.other.block": cell("DP16KD"), "dut.lut": cell("LUT4")}
    netlist, planned = tmp_path / "netlist.json", tmp_path / "planned.json"
    netlist.write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    floorplan(netlist, planned, "top", LFE5_85)
    cells[PATH[0]]["attributes"]["BEL"] = "X4/Y22/EBR0"
    assert json.loads(planned.read_text()) == {"modules": {"top": {"cells": cells}}}
