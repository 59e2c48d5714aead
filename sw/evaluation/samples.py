"""The raw samples: a line of JSON for each round, workload and gateway; what they were taken on.

A round's samples of one workload are one block, taken one after the other and written at once, so
that their ratios are of the same minute of the machine.
"""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from .peers import Peer
from .site import EvaluationError
from .stage import cores

__all__ = ["Sample", "Samples", "Setup"]

_PACKAGE = Path(__file__).parents[1]
_CODE = {".py", ".c", ".h", ".cpp", ".lua"}


@dataclass(frozen=True)
class Sample:
    """What one gateway took in one round of one workload.

    Attributes
    ----------
    user, system : float
        Microseconds of CPU per request: the gateway's own code, and the kernel's for it.
    arrival : float
        Microseconds per request of the tunnel's program that takes shims off. No process is
        charged with it, and yet it is work of the gateway's host.
    stamp : float
        Microseconds per request of the program that puts them on, in place of a NIC.
    whole, softirq : float
        Microseconds per request that all cores were busy, and of these in softirq.
    gateway, load, pods : float
        Share of one core that was taken by each.
    others : float
        Share of one core that was taken by whatever else ran on the machine.
    p50, p99 : float
        Latency in microseconds.
    rss, pss : int
        Bytes.
    hits : float or None
        Of the verdicts that were asked for, those that could be used; None: none were.
    verdict : str
        What the verdicts said that were stamped, in a word or two.
    """

    workload: str
    round: int
    peer: str
    requests: int
    seconds: float
    user: float
    system: float
    whole: float
    softirq: float
    gateway: float
    load: float
    pods: float
    others: float
    p50: float
    p99: float
    rss: int
    pss: int
    arrival: float = 0.0
    stamp: float = 0.0
    hits: float | None = None
    verdict: str = ""

    @property
    def cpu(self) -> float:
        """Microseconds of CPU per request, the tunnel's work included."""
        return self.user + self.system + self.arrival

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Setup:
    """What samples are taken on; where any of it but *commit* is another, so are the samples.

    Attributes
    ----------
    code : str
        A hash over this package's sources; what is compiled of them differs from build to build.
    seconds : int
        Of each measurement.
    namespaces : bool
        Whether the gateways were in network namespaces, or on the loopback.
    versions : mapping of str to str
        Of gateways that were there, by name.
    absent : mapping of str to str
        Why others were not.
    """

    commit: str
    code: str
    cpu: str
    cores: int
    gateway_core: int
    other_core: int
    memory: str
    kernel: str
    python: str
    seconds: int
    namespaces: bool
    versions: Mapping[str, str]
    absent: Mapping[str, str]

    @classmethod
    def here(
        cls, peers: Iterable[Peer], absent: Mapping[str, str], seconds: int, namespaces: bool
    ) -> "Setup":
        gateway, other = cores()
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
        return cls(
            commit=_commit(),
            code=_code(),
            cpu=_cpu(),
            cores=os.cpu_count() or 1,
            gateway_core=gateway,
            other_core=other,
            memory=f"{memory:.0f} GiB",
            kernel=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            seconds=seconds,
            namespaces=namespaces,
            versions={peer.name: peer.version() for peer in peers},
            absent=dict(absent),
        )

    def same_as(self, other: "Setup") -> bool:
        return asdict(self) | {"commit": ""} == asdict(other) | {"commit": ""}


class Samples:
    """Those of one folder.

    Attributes
    ----------
    setup : Setup
        What they were taken on.
    folder : Path
    """

    def __init__(self, folder: Path, setup: Setup) -> None:
        self.setup = setup
        self.folder = folder
        self._path = folder / "samples.jsonl"
        self._samples = {(s.workload, s.round, s.peer): s for s in _read(self._path)}

    @classmethod
    def opened(cls, folder: Path, setup: Setup) -> "tuple[Samples, str]":
        """Those that are there already, if they were taken on *setup*, to be gone on with; and
        what is to be said of that.  Others are laid aside."""
        folder.mkdir(parents=True, exist_ok=True)
        said, described = "", folder / "setup.json"
        if described.exists():
            before = _setup(described)
            if before.same_as(setup):
                samples = cls(folder, before)
                return samples, f"going on with {len(samples)} samples in {folder}"
            number = 1 + sum(1 for _ in folder.glob("samples-*.jsonl"))
            for name in ("samples.jsonl", "setup.json", "profile.json"):
                if (folder / name).exists():
                    stem, _, kind = name.partition(".")
                    (folder / name).rename(folder / f"{stem}-{number}.{kind}")
            said = (
                f"starting anew: {_difference(before, setup)}; the samples before are in "
                f"{folder}/samples-{number}.jsonl"
            )
        described.write_text(json.dumps(asdict(setup), indent=1) + "\n")
        return cls(folder, setup), said

    @classmethod
    def read(cls, folder: Path) -> "Samples":
        """Those that are there, whatever they were taken on."""
        described = folder / "setup.json"
        if not described.exists():
            raise EvaluationError(
                "There are no samples", place=str(folder), remedy="run: hybridmesh bench run"
            )
        return cls(folder, _setup(described))

    def has(self, workload: str, number: int, peers: Iterable[str]) -> bool:
        """Whether the block is complete."""
        return all((workload, number, peer) in self._samples for peer in peers)

    def append(self, block: Iterable[Sample]) -> None:
        """Keep a whole *block*."""
        block = list(block)
        with self._path.open("a") as file:
            file.write("".join(json.dumps(asdict(sample)) + "\n" for sample in block))
            file.flush()
            os.fsync(file.fileno())
        self._samples |= {(s.workload, s.round, s.peer): s for s in block}

    def of(self, workload: str, peer: str) -> dict[int, Sample]:
        """By round."""
        return {
            number: sample
            for (name, number, who), sample in self._samples.items()
            if name == workload and who == peer
        }

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples.values())

    def __len__(self) -> int:
        return len(self._samples)


def _read(path: Path) -> Iterator[Sample]:
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield Sample(**json.loads(line))
        except (ValueError, TypeError):  # cut off when the machine went down
            continue


def _setup(path: Path) -> Setup:
    try:
        return Setup(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise EvaluationError(
            "This does not say what the samples were taken on",
            place=str(path),
            remedy="remove the folder",
        ) from None


def _difference(before: Setup, now: Setup) -> str:
    names = [
        field.name
        for field in fields(Setup)
        if field.name != "commit" and getattr(before, field.name) != getattr(now, field.name)
    ]
    return f"{', '.join(names)} changed since"


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=_PACKAGE,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _code() -> str:
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        if path.suffix in _CODE:
            digest.update(str(path.relative_to(_PACKAGE)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cpu() -> str:
    values: dict[str, Any] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        values.setdefault(name.strip(), value.strip())
    return str(values.get("model name") or platform.machine())
