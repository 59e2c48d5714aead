"""Where a gateway's CPU goes, by perf: the share of each shared object, and of the kernel.

By functions it would tell more, but the Envoy that pip installs has no symbols.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .peers import Peer, find
from .site import EvaluationError
from .stage import Stage
from .workload import Workload

__all__ = ["Profile", "kept", "profile", "shares"]

Profile = Mapping[str, Mapping[str, float]]
"""By gateway, the share of each object."""

_KERNEL = "[kernel.kallsyms]"
_SECONDS = 3


def profile(stage: Stage, peer: Peer, workload: Workload) -> dict[str, float]:
    """The share of each shared object of the CPU that *peer* takes.

    Raises
    ------
    EvaluationError
        Where perf is missing, or may not look.
    """
    perf = find("perf")
    if perf is None:
        raise EvaluationError("perf is missing", remedy="run: apt-get install linux-perf")
    path = stage.site.folder / "perf.data"
    with stage.pods(workload), stage.gateway(peer, workload) as process:
        stage.load(workload, 1)
        # A clock of the kernel's, for virtual machines often have no counters of the CPU's.
        watch = [perf, "record", "-e", "cpu-clock", "-o", str(path), "-p", str(process.pid)]
        with subprocess.Popen(
            [*watch, "--", "sleep", str(_SECONDS)], stderr=subprocess.PIPE, text=True
        ) as recorder:
            stage.load(workload, _SECONDS)
            _, said = recorder.communicate()
    command = [perf, "report", "-i", str(path), "--sort", "dso", "--stdio", "-q", "-t", "|"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    path.unlink(missing_ok=True)
    if recorder.returncode or done.returncode:
        raise EvaluationError(
            f"perf failed: {(said + done.stderr).strip().splitlines()[-1]}",
            remedy="run as root",
        )
    return shares(done.stdout)


def shares(printed: str) -> dict[str, float]:
    """By object, largest first, of what perf has *printed*."""
    found: dict[str, float] = {}
    for line in printed.splitlines():
        share, bar, name = line.partition("|")
        if bar:
            name = name.strip()
            name = "the kernel" if name == _KERNEL else name
            found[name] = found.get(name, 0.0) + float(share.strip().rstrip("%")) / 100
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def kept(folder: Path) -> Profile:
    """That of the samples in *folder*; empty: there is none."""
    try:
        profiles: Profile = json.loads((folder / "profile.json").read_text())
    except (OSError, ValueError):
        return {}
    return profiles
