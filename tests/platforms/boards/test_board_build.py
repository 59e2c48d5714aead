"""Build of a board, with stand-ins for the tools: what is run, what is kept, what is refused."""

import json
import re
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from nextpnrreport import path_of

from hybridmesh.errors import HybridMeshError
from hybridmesh.platforms.boards import build as building
from hybridmesh.platforms.boards.page import tables, write_page, write_plot
from hybridmesh.platforms.boards.registry import BOARDS
from hybridmesh.platforms.boards.results import Built
from hybridmesh.platforms.timing import tools
from hybridmesh.platforms.timing.markdown import BEGIN, END

BOARD = BOARDS["colorlight_5a75b"]

CELLS = {
    "board.core.engine.path$216.array.block": "DP16KD",
    "board.core.frames.memory": "TRELLIS_FF",
    "board.wire$90.received": "LUT4",
    "board.control.session": "CCU2C",
    "startup.running": "LUT4",
    "name": "$scopeinfo",
}

STAND_IN = """#!{python}
import json, sys
from pathlib import Path
arguments = sys.argv[1:]
with open({calls!r}, "a") as calls:
    print(json.dumps(arguments), file=calls)
if "-p" in arguments:
    told = arguments[arguments.index("-p") + 1].split("write_json ")[1]
    cells = {{name: {{"type": kind}} for name, kind in {cells!r}.items()}}
    Path(told).write_text(json.dumps({{"modules": {{"top": {{"cells": cells}}}}}}))
elif "--lpf" in arguments:
    seed = arguments[arguments.index("--seed") + 1]
    Path(arguments[arguments.index("--textcfg") + 1]).write_text("config " + seed)
    Path(arguments[arguments.index("--report") + 1]).write_text(json.dumps({reports!r}[seed]))
else:
    config = Path(arguments[arguments.index("--input") + 1]).read_text()
    Path(arguments[arguments.index("--bit") + 1]).write_text("bits of " + config)
"""

NETS = {
    "sync": "board.clk",
    "wire_rx": "board.wire$90.inband.wire_rx_clk",
    "host_rx": "board.host_rx_clk",
    "start": "$glbnet$clk$62.buf.i",
}


def report(**mhz: float) -> dict:
    """What nextpnr says, the clocks given by domain; others are fast enough."""
    clocks = {name: mhz.get(name, 200.0) for name in NETS}
    return {
        "fmax": {
            NETS[name]: {"achieved": achieved, "constraint": 136.0}
            for name, achieved in clocks.items()
        },
        "utilization": {
            word: {"used": used, "available": most}
            for word, used, most in (
                ("TRELLIS_COMB", 12_144, 24_288),
                ("TRELLIS_FF", 6_072, 24_288),
                ("DP16KD", 56, 56),
            )
        },
        "critical_paths": [
            {"from": "posedge board.clk", "to": "posedge board.host_rx_clk", "path": []},
            *(
                {"from": f"posedge {net}", "to": f"posedge {net}", "path": path_of(name)}
                for name, net in NETS.items()
            ),
        ],
    }


class Tools:
    """Stand-ins; ``calls`` is what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._calls = folder / "calls"

    def say(self, cells: dict[str, str], **reports: dict) -> None:
        """Have them make these cells, and these reports by ``seed<number>``."""
        text = STAND_IN.format(
            python=sys.executable,
            calls=str(self._calls),
            cells=cells,
            reports={seed.removeprefix("seed"): told for seed, told in reports.items()},
        )
        for name in (tools.YOSYS, tools.NEXTPNR, tools.ECPPACK):
            tool = self.folder / name
            tool.write_text(text)
            tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self._calls.read_text().splitlines()]


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: dict[str, str]) -> Tools:
    monkeypatch.setattr(tools, "locate", lambda name: tmp_path / name)
    plan = type("Plan", (), {"files": texts})
    monkeypatch.setattr(BOARD, "prepare", lambda self, top, name, emit_src: plan)
    return Tools(tmp_path)


@pytest.fixture
def texts() -> dict[str, str]:
    """What Amaranth makes of the board."""
    return {"top.il": "the design", "top.lpf": 'FREQUENCY PORT "clk25_0__io" 25000000.0 HZ;\n'}


def build(folder: Path, seeds: range = range(1, 2), steps: list[str] | None = None) -> Built:
    tell = (lambda step: None) if steps is None else steps.append
    return building.build(BOARD, BOARD.geometry, seeds, folder / "build", tell)


def test_the_seed_of_the_most_margin_becomes_the_bitstream(stand_ins, tmp_path):
    stand_ins.say(
        CELLS,
        seed4=report(sync=126.0),
        seed5=report(sync=140.0, host_rx=130.0),
        seed6=report(wire_rx=128.0),
    )
    steps = []
    built = build(tmp_path, range(4, 7), steps)
    assert built.bitstream == tmp_path / "build" / "colorlight_5a75b.bit"
    assert built.bitstream.read_text() == "bits of config 5"
    assert (built.best.seed, built.best.worst.name) == (5, "host_rx")
    assert built.best.worst.margin == pytest.approx(0.04)
    assert [domain.name for domain in built.best.domains] == ["sync", "wire_rx", "host_rx", "start"]
    assert built.takes == [("LUT4", 12144, 24288), ("FF", 6072, 24288), ("DP16KD", 56, 56)]
    built.check_timing()
    numbered = [f"place and route, {number} of 3" for number in (1, 2, 3)]
    assert steps == ["elaborate", "synthesise", *numbered, "pack"]


def test_what_was_made_is_not_made_again(stand_ins, tmp_path, texts):
    stand_ins.say(CELLS, seed1=report(), seed2=report(sync=126.0))
    build(tmp_path)
    calls, steps = stand_ins.calls, []
    build(tmp_path, steps=steps)
    assert stand_ins.calls == calls
    assert steps == ["elaborate"]
    build(tmp_path, range(1, 3), steps)
    assert steps[1:] == ["elaborate", "place and route, 2 of 2"]
    texts["top.il"] = "another design"
    build(tmp_path, steps=steps)
    assert steps[3:] == ["elaborate", "synthesise", "place and route, 1 of 1", "pack"]


def test_the_tools_get_the_device_and_are_asked_for_more_than_is_required(stand_ins, tmp_path):
    stand_ins.say(CELLS, seed1=report())
    build(tmp_path)
    synthesis, placing, packing = stand_ins.calls
    assert "synth_ecp5 -top top" in synthesis[1]
    assert placing[:5] == ["--25k", "--package", "CABGA256", "--speed", "6"]
    (pins,) = (tmp_path / "build").rglob(placing[placing.index("--lpf") + 1])
    asked = re.fullmatch(r'FREQUENCY PORT "clk25_0__io" (\d+) HZ;\n', pins.read_text())[1]
    assert 1.05 < int(asked) / 25e6 < 1.15
    assert packing[0] == "--compress"


def test_a_missed_timing_names_the_clock_and_the_path_and_gives_no_bitstream(stand_ins, tmp_path):
    stand_ins.say(CELLS, seed1=report(sync=99.42), seed2=report(sync=118.5))
    built = build(tmp_path, range(1, 3))
    assert built.bitstream is None
    assert not list((tmp_path / "build").rglob("*.bit"))
    with pytest.raises(HybridMeshError) as raised:
        built.check_timing()
    assert str(raised.value) == (
        "colorlight_5a75b misses its timing: sync runs at 118.5 MHz at most and must at 125 "
        "(seed 2); slowest is board.sync.first to board.sync.second: 6.2 ns, 5.2 of them wires, "
        "through 1 cells; try other seeds, as with --seeds 3, or lower --rows"
    )


def test_the_oscillator_may_be_as_slow_as_it_is(stand_ins, tmp_path):
    stand_ins.say(CELLS, seed1=report(start=26.0))
    assert build(tmp_path).bitstream is not None


@pytest.mark.parametrize(
    ("part", "count", "problem"),
    [
        ("board.core.engine.path$1.", 57, "lower --path-bytes or --rows"),
        ("board.core.engine.hosts.tcam.", 60, "lower --hosts"),
        ("board.core.engine.keys.tcam0.", 60, "lower --predicates"),
        ("board.host$92.sent.", 60, "lower --max-frame"),
    ],
)
def test_a_design_that_does_not_fit_says_what_is_short_and_what_to_lower(
    stand_ins, tmp_path, part, count, problem
):
    stand_ins.say({f"{part}block{n}": "DP16KD" for n in range(count)} | CELLS)
    with pytest.raises(HybridMeshError) as raised:
        build(tmp_path)
    assert f"does not fit colorlight_5a75b: it takes {count + 1} DP16KD of 56" in str(raised.value)
    assert str(raised.value).endswith(problem)
    assert len(stand_ins.calls) == 1, "nothing is placed"


def test_logic_that_does_not_fit_is_told_too(stand_ins, tmp_path):
    stand_ins.say({f"board.core.engine.rows.{n}": "TRELLIS_FF" for n in range(24_289)})
    with pytest.raises(HybridMeshError, match=r"24,289 FF of 24,288.*lower --rows or --predicates"):
        build(tmp_path)


def test_the_parts_of_the_design_share_what_it_takes(stand_ins, tmp_path):
    stand_ins.say(CELLS, seed1=report())
    built = build(tmp_path)
    shared = {part: counts for part, counts in built.shares.items() if counts}
    assert shared == {
        "paths": {"DP16KD": 1},
        "the rest of the core": {"TRELLIS_FF": 1},
        "MACs": {"TRELLIS_COMB": 1},
        "control": {"TRELLIS_COMB": 2},
        "pins and clocks": {"TRELLIS_COMB": 1},
    }
    assert built.share("paths", "DP16KD") == 1 / 56


def test_page_and_picture_tell_of_all_boards(stand_ins, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    stand_ins.say(CELLS, seed1=report(sync=140.0), seed2=report(sync=120.0))
    built = build(tmp_path, range(1, 3))
    other = replace(built, board=BOARDS["versa_ecp5_5g"])
    monkeypatch.setattr(tools, "version", lambda tool: "1.0")
    page, picture = tmp_path / "boards.md", tmp_path / "boards.svg"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page(page, [built, other])
    write_plot(picture, [built, other])
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert tables([built, other]) in text
    assert "| `colorlight_5a75b` | `sync` | 125 | 120.0 to 140.0, 2 seeds | +12.0% |" in text
    assert "| 140.0, 1 seed | +12.0% |" in tables([replace(built, placed=built.placed[:1])])
    assert "12,144 of 24,288 (50%)" in text
    assert "12,144 of 43,848 (28%)" in text
    assert "MACs" in picture.read_text()
