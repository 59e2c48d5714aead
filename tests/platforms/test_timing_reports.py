"""What the tools report, told in the terms of the tables."""

import json
from pathlib import Path

import pytest
from nextpnrreport import report

from hybridmesh.errors import HybridMeshError
from hybridmesh.platforms.timing import tools
from hybridmesh.platforms.timing.markdown import BEGIN, END
from hybridmesh.platforms.timing.page import tables, write_page, write_plot
from hybridmesh.platforms.timing.reports import CriticalPath, read_cells, read_placement
from hybridmesh.platforms.timing.results import Result, count_cells
from hybridmesh.platforms.timing.targets import Family, find


@pytest.fixture(autouse=True)
def _tools_of_a_version(monkeypatch):
    """The tools are an extra, which tests do without."""
    monkeypatch.setattr(tools, "version", lambda tool: "1.2.3")


def placement(folder: Path, fmax: float):
    file = folder / f"{fmax}.json"
    file.write_text(json.dumps(report(fmax)))
    return read_placement(file)


def measured(folder: Path, name: str, *clocks: float) -> Result:
    placements = {seed: placement(folder, clock) for seed, clock in enumerate(clocks)}
    return Result(find(name), 30, 100, {"LUT": 5000, "FF": 7000, "RAMB36": 64}, placements)


def test_the_slowest_path_is_told_by_signals_and_parts(tmp_path):
    assert placement(tmp_path, 150.123).path == CriticalPath(
        source="walker.o__payload.seq",
        sink="engine.path.lane0_low.block$10",
        delay_ns=6.5,
        routing_ns=5.25,
        levels=1,
        through=("walker.o__payload", "engine", "engine.path.lane0_low"),
    )


def test_a_placement_tells_clock_and_parts(tmp_path):
    placed = placement(tmp_path, 150.123)
    assert placed.fmax_mhz == 150.12
    assert placed.used["DP16KD"] == 14
    assert placed.available["DP16KD"] == 56


def test_cells_are_counted_by_what_they_are_made_of(tmp_path):
    stat = tmp_path / "stat.json"
    kinds = {"LUT3": 4, "LUT6": 5, "FDRE": 6, "FDSE": 1, "RAMB36E2": 2, "$scopeinfo": 9}
    stat.write_text(json.dumps({"design": {"num_cells_by_type": kinds}}))
    counted = count_cells(Family.ULTRASCALE_PLUS, read_cells(stat))
    assert counted == {"LUT": 9, "FF": 7, "RAMB36": 2}


@pytest.mark.parametrize(
    ("clocks", "median", "met"),
    [((120.0, 131.0, 126.0), 126.0, True), ((130.0, 110, 124), 124, False)],
)
def test_the_median_of_the_seeds_meets_the_goal_or_misses_it(tmp_path, clocks, median, met):
    result = measured(tmp_path, "nic-w1-256-45f", *clocks)
    assert result.fmax == median
    assert result.met is met
    assert result.gbps == pytest.approx(median * 8 / 1000)
    assert result.latency_ns == pytest.approx(30_000 / median)


def test_a_design_that_does_not_fit_misses_its_goal_and_says_why(tmp_path):
    result = Result(find("nic-w1-256-45f"), 30, 100, {"DP16KD": 130}, failure="no BELs remaining")
    assert result.met is False
    assert result.as_json()["failure"] == "no BELs remaining"
    assert "| no BELs remaining | 125: **missed** |" in tables([result]).replace(" - ", " ")


def test_the_clock_is_told_with_its_spread_and_seeds(tmp_path):
    three = tables([measured(tmp_path, "nic-w1-256-45f", 120, 131, 126)])
    assert "| 126.0 (120.0 to 131.0, 3 seeds) | 125: met |" in three
    assert "| 126.0 (1 seed) |" in tables([measured(tmp_path, "nic-w1-256-45f", 126)])


def test_the_json_of_a_result_is_plain(tmp_path):
    told = json.loads(json.dumps(measured(tmp_path, "nic-w8-256-85f", 160, 170, 165).as_json()))
    assert told["fmax_mhz"] == {"median": 165.0, "by_seed": {"0": 160.0, "1": 170.0, "2": 165.0}}
    assert told["met"] is True
    assert told["gbps"] == 10.56
    assert told["used"] == {"LUT4": 1200, "FF": 900, "DP16KD": 14}
    assert told["critical_path"]["words"].startswith("walker.o__payload.seq to engine.path.lane0")


def test_the_tcam_is_told_in_the_units_of_the_literature(tmp_path):
    text = tables([measured(tmp_path, "tcam-w8-256-85f", 200)])
    row = next(line for line in text.splitlines() if "| 256 x 512 |" in line)
    # 1200 LUT4 and 14 blocks of 18,432 bits for 131,072 rule bits; a 4-byte key takes one beat of
    # eight bytes, 64 bytes take eight; 2,048 entries of eight words write 256 rules
    assert "| 0.009 | 1.969 | 200.0 | 25.0 | 3,125 | no |" in row


def test_the_tables_go_between_the_markers_of_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        write_page(page, [measured(tmp_path, "nic-w8-256-85f", 160)])
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert text.count("156.25: met") == 1


def test_a_page_without_markers_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{END}\n{BEGIN}\n")
    with pytest.raises(HybridMeshError, match="no place for the tables"):
        write_page(page, [])
    assert page.read_text() == f"before\n{END}\n{BEGIN}\n"


def test_the_plot_is_the_same_for_the_same_results(tmp_path):
    pytest.importorskip("matplotlib")
    results = [
        measured(tmp_path, "nic-w8-256-85f", 160, 170),
        measured(tmp_path, "tcam-w1-256-45f", 140),
    ]
    for name in ("a.svg", "b.svg"):
        write_plot(tmp_path / name, results)
    picture = (tmp_path / "a.svg").read_text()
    assert picture == (tmp_path / "b.svg").read_text()
    assert picture.count("<svg") == 1
