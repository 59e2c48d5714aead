"""Simulated hardware as a shared library: RTL to Verilog to C++ to machine code, built once.

A library is kept under the user's cache directory, named by a hash over all that it is made of: the
sources of the RTL and of the contract, the harness, the geometry, the versions of the tools.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.resources import files
from pathlib import Path
from typing import Literal

from ..contract.geometry import Geometry
from ..workshop import Workshop, user_cache
from .error import NicError

__all__ = ["BOARD", "NIC", "PERIOD", "Simulated", "Waves", "shared_library"]

Waves = Literal["vcd", "fst"]
"""Format of a file of waves."""

PERIOD = 10
"""Time units of a clock in the waves, nanoseconds; its edge is in the middle."""

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Simulated:
    """What is built.

    Attributes
    ----------
    name : str
        A word for it, in names of files and classes.
    what : str
        With its article, as within a sentence.
    top : str
        The module in its Verilog.
    harness : str
        The C++ file beside this one that Verilator's class is compiled with.
    verilog : str
        The module with its ``to_verilog(geometry)``.
    """

    name: str
    what: str
    top: str
    harness: str
    verilog: str

    @property
    def shop(self) -> Workshop:
        return Workshop(self.what, NicError)

    def needs(self, thing: str) -> str:
        """That it needs *thing*, as the beginning of a sentence."""
        return f"{self.what[0].upper()}{self.what[1:]} needs {thing}"


NIC = Simulated(
    "nic", "the simulated NIC", "hybridmesh_nic", "harness.cpp", "hybridmesh.rtl.verilog"
)
BOARD = Simulated(
    "board", "the emulated board", "hybridmesh_board", "board.cpp", "hybridmesh.rtl.board.verilog"
)

_VERILATE = ("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert")
_FEW_FILES = ("--output-split", "0")  # where all are compiled in haste, their headers take the time
_QUIET = ("-Wno-fatal", "-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC")
_COMPILE = ("-std=c++20", "-fPIC", "-DNDEBUG", "-DVL_TIME_CONTEXT")
_HOT, _COLD, _HASTY = "-O3", "-O1", "-O0"
"""What runs every cycle, what runs at the start only, what runs for a request and no longer."""

_FST_HEADERS = {"lz4.h": "liblz4-dev", "zlib.h": "zlib1g-dev"}
"""What Verilator writes FST with, and the packages that it is in."""
_FST_LIBRARIES = ("-llz4", "-lz")


def shared_library(
    geometry: Geometry, waves: Waves | None = None, simulated: Simulated = NIC
) -> Path:
    """The library of *simulated* at *geometry*, built first where it is not there yet.

    With *waves* it is a NIC with probes that can write waves of that format.

    Raises
    ------
    NicError
        Where a tool is missing or fails.
    """
    target = user_cache() / f"{simulated.name}-{_digest(simulated, geometry, waves)}.so"

    def make(work: Path) -> Path:
        compiler = _compiler(simulated, waves)
        with _progress(simulated, geometry, waves):
            return _build(simulated, geometry, compiler, work, waves)

    return simulated.shop.kept(target, make)


def _digest(simulated: Simulated, geometry: Geometry, waves: Waves | None) -> str:
    """Hash over all that the library is made of."""
    folders = (Path(str(files("hybridmesh.rtl"))), _PACKAGE / "contract")
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    digest = hashlib.sha256()
    if waves is not None:
        sources += [_beside("probes.py"), _beside("probed.py")]
    for source in (_beside(simulated.harness), Path(__file__), *sources):
        digest.update(f"{source.name} {source.stat().st_size}\n".encode())
        digest.update(source.read_bytes())
    for tool in ("amaranth", "verilator"):
        digest.update(f"{tool} {_version(simulated, tool)}\n".encode())
    digest.update(f"{geometry} {waves} {platform.system()} {platform.machine()}".encode())
    return digest.hexdigest()[:16]


def _beside(name: str) -> Path:
    return Path(__file__).with_name(name)


def _version(simulated: Simulated, tool: str) -> str:
    try:
        return metadata.version(tool)
    except metadata.PackageNotFoundError:
        raise NicError(
            simulated.needs(f"the Python package {tool}"),
            remedy="run: pip install 'hybridmesh[sim]'",
        ) from None


def _compiler(simulated: Simulated, waves: Waves | None) -> str:
    compiler = shutil.which("g++")
    if compiler is None:
        raise NicError(simulated.needs("the C++ compiler g++"), remedy="run: apt-get install g++")
    if waves == "fst":
        for header, package in _FST_HEADERS.items():
            looked = (compiler, "-E", "-include", header, "-x", "c++", os.devnull)
            if subprocess.run(looked, capture_output=True, check=False).returncode != 0:
                raise NicError(
                    f"Waves in FST need the C header {header}",
                    remedy=f"run: apt-get install {package}, or name a file that ends in .vcd",
                )
    return compiler


def _build(
    simulated: Simulated, geometry: Geometry, compiler: str, work: Path, waves: Waves | None
) -> Path:
    run = simulated.shop.run
    verilog = work / f"{simulated.name}.v"
    if waves is None:
        to_verilog = import_module(simulated.verilog).to_verilog
    else:
        to_verilog = import_module("hybridmesh.nic.probed").to_probed_verilog
    verilog.write_text(to_verilog(geometry))

    root = Path(str(metadata.distribution("verilator").locate_file("verilator")))
    out = work / "cpp"
    run(
        *(str(root / "bin" / "verilator_bin"), *_VERILATE, *_QUIET),
        *((f"--trace-{waves}", *_FEW_FILES) if waves else ()),
        *("--top-module", simulated.top, "--prefix", f"V{simulated.name}"),
        *("--Mdir", str(out), str(verilog)),
        env={"VERILATOR_ROOT": str(root)},
    )

    include = root / "include"
    sources = [_beside(simulated.harness)]
    sources += [include / "verilated.cpp", include / "verilated_threads.cpp"]
    if waves is not None:
        sources.append(include / f"verilated_{waves}_c.cpp")
    sources += sorted(out.glob("*.cpp"), key=lambda path: -path.stat().st_size)
    flags = (
        *(*_COMPILE, f"-DWIDTH={geometry.width}"),
        *((f"-DWAVES_{waves.upper()}", f"-DPERIOD={PERIOD}") if waves else ()),
        *(f"-I{out}", f"-isystem{include}", f"-isystem{include / 'vltstd'}"),
    )

    def compiled(source: Path) -> str:
        cold = source.stem.endswith("Slow") or source.parent == include
        optimise = _HASTY if waves else _COLD if cold else _HOT
        run(compiler, *flags, optimise, "-c", str(source), "-o", f"{work / source.stem}.o")
        return f"{work / source.stem}.o"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, sources))
    library = work / f"{simulated.name}.so"
    linked = _FST_LIBRARIES if waves == "fst" else ()
    run(compiler, "-shared", "-pthread", *objects, *linked, "-o", str(library))
    return library


@contextmanager
def _progress(simulated: Simulated, geometry: Geometry, waves: Waves | None) -> Iterator[None]:
    """Say on stderr what is under way, as it takes a while."""
    what = f"{simulated.what} with waves in {waves.upper()}" if waves else simulated.what
    width = f"{geometry.width} byte{'s' if geometry.width > 1 else ''}"
    text = f"building {what} ({geometry.rows} rows, {width} per beat), this is done once"
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(text):
            yield
    else:
        print(text, file=sys.stderr, flush=True)
        yield
