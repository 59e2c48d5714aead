"""What makes the inputs: Atheris, guided by what they reach, or Hypothesis where that is missing.

There is no Atheris for every platform.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import randrange
from tempfile import TemporaryDirectory
from time import monotonic

from hypothesis import HealthCheck, Phase, given, seed, settings

from hybridmesh.errors import HybridMeshError

from .corpus import corpus, failing, grown, inputs
from .mutated import mutated
from .target import put
from .targets import TARGETS

__all__ = ["FuzzError", "Outcome", "atheris_is_here", "by_atheris", "by_hypothesis", "merge"]


class FuzzError(HybridMeshError):
    """The fuzzer does not do what it is asked to."""


Progress = Callable[[int], object]
"""Is told now and then how many inputs there have been."""


@dataclass
class Outcome:
    """What has come of a run.

    Attributes
    ----------
    tried, kept : int
        Inputs, and those of them that reached something new.
    failed : bytes or None
        The one that is complained about.
    """

    tried: int = 0
    kept: int = 0
    failed: bytes | None = None


def atheris_is_here() -> bool:
    return find_spec("atheris") is not None


_SECONDS_A_RUN = 20
_SECONDS_TO_MINIMISE = 20


def by_atheris(name: str, seconds: int, progress: Progress) -> Outcome:
    """Fuzz target *name* for so many seconds; what reaches more is kept for the next time."""
    target, outcome = TARGETS[name], Outcome()
    for folder in (grown(name), failing(name)):
        folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        words, failed = Path(scratch, "words"), failing(name) / "last"
        words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words))
        failed.unlink(missing_ok=True)
        options = (
            *(f"-max_total_time={seconds}", f"-max_len={target.longest}", f"-dict={words}"),
            *(f"-timeout={_SECONDS_A_RUN}", f"-exact_artifact_path={failed}"),
            "-print_final_stats=1",
        )
        worker = _worker(name, *options, str(grown(name)), str(corpus(name)))
        with _ending(worker):
            last = _follow(worker, outcome, progress)
        if failed.exists():
            outcome.failed = _minimised(name, failed)
        elif worker.returncode:
            raise _ended(worker, last)
    return outcome


_WORKER = ("-m", "tb.fuzz.worker")


def _worker(name: str, *options: str) -> subprocess.Popen[str]:
    # A terminal's Ctrl-C reaches it too, and it ends by itself.
    command = [sys.executable, *_WORKER, name, *options]
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        command, cwd=root, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )


@contextmanager
def _ending(worker: subprocess.Popen[str]) -> Iterator[None]:
    """*worker* has ended by the end of the block, or is ended there, as by Ctrl-C."""
    try:
        yield
        worker.wait()
    finally:
        worker.kill()
        worker.wait()


def _follow(worker: subprocess.Popen[str], outcome: Outcome, progress: Progress) -> str:
    """Read what *worker* says until it ends; returns the last of it."""
    assert worker.stderr is not None
    line = ""
    for line in worker.stderr:
        if found := re.match(r"#(\d+)\t", line):
            outcome.tried = int(found[1])
            progress(outcome.tried)
        elif found := re.match(r"stat::new_units_added: +(\d+)", line):
            outcome.kept = int(found[1])
    return line


def _minimised(name: str, failed: Path) -> bytes:
    """As few bytes as can be found that are complained about, too."""
    smaller = failed.with_name("minimised")
    smaller.unlink(missing_ok=True)
    options = f"-max_total_time={_SECONDS_TO_MINIMISE}", f"-exact_artifact_path={smaller}"
    worker = _worker(name, "-minimize_crash=1", *options, str(failed))
    with _ending(worker):
        worker.communicate()
    return (smaller if smaller.exists() else failed).read_bytes()


def _ended(worker: subprocess.Popen[str], last: str) -> FuzzError:
    return FuzzError(f"libFuzzer ended with status {worker.returncode}: {last.strip()}")


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def merge(name: str) -> None:
    """Let the repository have the inputs that reach all that is reached by any, and no others but
    those that somebody has given a name."""
    sources = [folder for folder in (corpus(name), grown(name)) if folder.exists()]
    with TemporaryDirectory() as scratch:
        failing(name).mkdir(parents=True, exist_ok=True)
        aside = f"-artifact_prefix={failing(name)}/"
        options = "-set_cover_merge=1", "-use_counters=0", aside
        worker = _worker(name, *options, scratch, *map(str, sources))
        with _ending(worker):
            last = _follow(worker, Outcome(), lambda tried: None)
        if worker.returncode:
            raise _ended(worker, last)
        found = {path.name: path.read_bytes() for path in Path(scratch).iterdir()}
    for path in corpus(name).iterdir():
        if _DIGEST.fullmatch(path.name):
            path.unlink()
    named = set(inputs(name).values())
    for file, data in found.items():
        if data not in named:
            (corpus(name) / file).write_bytes(data)


_DIGEST = re.compile(r"[0-9a-f]{40}")
"""Names that libFuzzer gives."""

_A_ROUND = 100


def by_hypothesis(name: str, seconds: int, progress: Progress) -> Outcome:
    """Fuzz target *name* for so many seconds with inputs that nothing guides."""
    target, outcome, end = TARGETS[name], Outcome(), monotonic() + seconds
    strategy = mutated(list(inputs(name).values()), target.words)
    while outcome.failed is None and monotonic() < end:

        @seed(randrange(1 << 32))
        @settings(
            max_examples=_A_ROUND,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def holds(data: bytes) -> None:
            outcome.tried += 1
            try:
                put(target, data)
            except Exception:
                outcome.failed = data  # the last one is the least
                raise

        with suppress(Exception):
            holds()
        progress(outcome.tried)
    return outcome
