"""The covered NIC as a shared library, kept under ``build/coverage`` by a hash of all that it is
made of.  Verilator counts the lines and toggles of some of them.
"""

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from importlib.resources import files
from pathlib import Path

from hybridmesh.contract.geometry import Geometry
from hybridmesh.workshop import Workshop

from .errors import BuildError
from .hardware import covered_by, to_covered_verilog

__all__ = ["PLACE", "Built", "build"]

PLACE = Path(__file__).resolve().parents[2] / "build" / "coverage"

_SHOP = Workshop("the covered NIC", BuildError)
_HARNESS = Path(__file__).with_name("harness.cpp")
_VERILATE = (
    *("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert"),
    *("--output-split", "20000", "-Wno-fatal", "-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC"),
)
_COUNTED = ("--coverage-line", "--coverage-toggle")
_COMPILE = ("-std=c++20", "-fPIC")
_HOT, _COLD = "-O1", "-O0"
"""What runs every cycle, what runs at the start only."""


class Built:
    """A library that has been built.

    Attributes
    ----------
    library, verilog : Path
    counted : bool
        Its lines and toggles are counted.
    """

    def __init__(self, place: Path, *, counted: bool) -> None:
        self.library = place / "nic.so"
        self.verilog = place / "nic.v"
        self.counted = counted


def build(geometry: Geometry, *, counted: bool, jobs: int) -> Built:
    """The library of a covered NIC of *geometry*; *counted*: its lines and toggles are counted.
    It is compiled by *jobs* processes at a time.

    Raises
    ------
    BuildError
        Where a tool is missing or fails.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise BuildError("The C++ compiler g++ is missing", remedy="run: apt-get install g++")
    flags = (*_VERILATE, *(_COUNTED if counted else ()))
    place = PLACE / f"nic-width{geometry.width}-{_digest(geometry, flags)}"
    _SHOP.kept(place, lambda work: _built(geometry, flags, compiler, work, jobs))
    return Built(place, counted=counted)


def _digest(geometry: Geometry, flags: Sequence[str]) -> str:
    """Hash over all that the library is made of; whose Verilog takes a while to write."""
    rooms = [Path(str(files(f"hybridmesh.{room}"))) for room in ("rtl", "contract")]
    sources = [path for room in rooms for path in sorted(room.rglob("*.py"))]
    digest = hashlib.sha256(f"{geometry} {flags}".encode())
    for source in (*sources, *covered_by(), _HARNESS, Path(__file__)):
        digest.update(f"{source.name} {source.stat().st_size} ".encode() + source.read_bytes())
    for tool in ("amaranth", "verilator"):
        digest.update(metadata.version(tool).encode())
    return digest.hexdigest()[:12]


def _built(geometry: Geometry, flags: Sequence[str], compiler: str, work: Path, jobs: int) -> Path:
    """A folder with the library and the Verilog that it was made of."""
    done, cpp = work / "done", work / "cpp"
    done.mkdir()
    verilog = done / "nic.v"
    verilog.write_text(to_covered_verilog(geometry))
    root = Path(str(metadata.distribution("verilator").locate_file("verilator")))
    _SHOP.run(
        *(str(root / "bin" / "verilator_bin"), *flags, "--top-module", "hybridmesh_nic"),
        *("--prefix", "Vnic", "--Mdir", str(cpp), str(verilog)),
        env={"VERILATOR_ROOT": str(root)},
    )
    include = root / "include"
    names = ["verilated", "verilated_threads"]
    counted = set(_COUNTED) <= set(flags)
    names += ["verilated_cov"] if counted else []
    sources = [_HARNESS, *(include / f"{name}.cpp" for name in names)]
    sources += sorted(cpp.glob("*.cpp"), key=lambda path: -path.stat().st_size)
    defined = (f"-DWIDTH={geometry.width}", f"-DVM_COVERAGE={int(counted)}", "-DVL_TIME_CONTEXT")
    found = (f"-I{cpp}", f"-isystem{include}", f"-isystem{include / 'vltstd'}")

    def compiled(source: Path) -> str:
        optimise = _COLD if source.stem.endswith("Slow") else _HOT
        _SHOP.run(
            *(compiler, *_COMPILE, optimise, *defined, *found),
            *("-c", str(source), "-o", f"{work / source.stem}.o"),
        )
        return f"{work / source.stem}.o"

    with ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(compiled, sources))
    _SHOP.run(compiler, "-shared", "-pthread", *objects, "-o", str(done / "nic.so"))
    return done
