"""A process that runs tests on one fault after the other, each in a child of its own.

It is a script of its own, started in a copy of the checkout, and imports at once what all tests
need and nothing that could have a fault in it: a child is forked with all that loaded.  A line of
JSON on standard input is a task, a line on standard output its outcome.
"""

import faulthandler
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

_LIBRARIES = ("amaranth.back.rtlil", "amaranth.lib.wiring", "amaranth.sim", "numpy", "pytest")

_MEMORY = 6 << 30
"""Bytes that a child may have: a fault can make a list grow for ever."""

_OPTIONS = ("-q", "-W", "ignore", "-p", "no:cacheprovider", "-p", "no:xdist")

_Say = Callable[[dict[str, Any]], None]


def main() -> None:
    sys.path.insert(0, str(Path.cwd()))
    for library in _LIBRARIES:
        import_module(library)
    gc.freeze()  # so that children share it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints
    for line in sys.stdin:
        task = json.loads(line)
        with _fault(Path(task["path"]), task["text"]):
            reply = _in_child(task)
        print(json.dumps(reply), file=replies, flush=True)


@contextmanager
def _fault(path: Path, text: str | None) -> Iterator[None]:
    """The source at *path* is *text* meanwhile, if there is one."""
    if text is None:
        yield
        return
    was, stat = path.read_bytes(), path.stat()
    path.write_text(text)
    # Not the time by which Python would know a module that it has compiled before.
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + (1 << 32)))
    try:
        yield
    finally:
        path.write_bytes(was)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


# ------------------------------------------------------------------ children
def _in_child(task: dict[str, Any]) -> dict[str, Any]:
    """What a child says of *task*."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(read)
        _be_child(task, lambda reply: os.write(write, json.dumps(reply).encode() + b"\n"))
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            said = pipe.readline()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # and what it has started
        os.waitpid(child, 0)
    return json.loads(said) if said else {"outcome": "killed", "by": "the process ended"}


def _be_child(task: dict[str, Any], say: _Say) -> NoReturn:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        if task["text"] is not None:  # a module with a fault must not be kept
            sys.dont_write_bytecode = True
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        log = os.open(task["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number in (1, 2):
            os.dup2(log, number)
        faulthandler.enable()
        _DOES[task["do"]](task, say)
    except BaseException as error:
        say({"outcome": "killed", "by": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def _tests(task: dict[str, Any], say: _Say) -> None:
    """Say ``killed`` or ``timeout`` by which test, or ``passed`` and the seconds of each."""
    import pytest

    watch = Watch(task["seconds"], task["first"], say)
    left_out = [f"--deselect={name}" for name in task["left_out"]]
    code = pytest.main([*_OPTIONS, *left_out, *task["tests"]], plugins=[watch])
    if code == pytest.ExitCode.OK:
        say({"outcome": "passed", "seconds": watch.took})
    else:
        say({"outcome": "killed", "by": f"pytest: {pytest.ExitCode(code).name}"})


def _netlists(task: dict[str, Any], say: _Say) -> None:
    """Say what the hardware is."""
    from tb.mutants.netlists import netlists

    say(netlists(task["names"], task["traced"]))


_DOES = {"tests": _tests, "netlists": _netlists}


class Watch:
    """A pytest plugin: orders the tests, gives each its time, and says which one fails first.

    Parameters
    ----------
    seconds : dict of str to float
        By test, how long it takes; without, all may take as long as they do.
    first : list of str
        The tests to begin with; the others follow, the quick ones first.
    say : callable

    Attributes
    ----------
    took : dict of str to float
        Seconds, by test.
    """

    def __init__(self, seconds: dict[str, float], first: list[str], say: _Say) -> None:
        self._seconds = seconds
        self._rank = {name: number for number, name in enumerate(first)}
        self._say = say
        self._begun = 0.0
        self.took: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        last = len(self._rank)
        items.sort(key=lambda item: (self._rank.get(item.nodeid, last), self._usual(item.nodeid)))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._begun = time.monotonic()
        if not self._seconds:
            return
        for timer, number, limit in (
            (signal.ITIMER_PROF, signal.SIGPROF, 5 + 3 * self._usual(nodeid)),  # its own work
            (signal.ITIMER_REAL, signal.SIGALRM, 60 + 5 * self._usual(nodeid)),  # and others'
        ):
            signal.signal(number, lambda *_: self._end("timeout", nodeid))
            signal.setitimer(timer, limit)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)
        self.took[nodeid] = round(time.monotonic() - self._begun, 3)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self._end("killed", report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._end("killed", report.nodeid)

    def _usual(self, nodeid: str) -> float:
        return self._seconds.get(nodeid, 0.0)

    def _end(self, outcome: str, nodeid: str) -> NoReturn:
        self._say({"outcome": outcome, "by": nodeid})
        os._exit(0)


if __name__ == "__main__":
    main()
