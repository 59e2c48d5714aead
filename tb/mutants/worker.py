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
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_MEMORY = 6 << 30
"""Bytes that a child may have: a fault can make a list grow for ever."""


class Watch:
    """A pytest plugin: orders the tests, gives each its time, says which one failed or how long
    all took."""

    def __init__(self, seconds, first, say):
        self._seconds, self._first, self._say = seconds, first, say
        self.took = {}
        self._begun = 0.0

    def pytest_collection_modifyitems(self, items):
        """What has killed others like this first, then what is quick."""
        rank = {name: number for number, name in enumerate(self._first)}
        items.sort(key=lambda item: (rank.get(item.nodeid, len(rank)), self._known(item.nodeid)))

    def pytest_runtest_logstart(self, nodeid):
        self._begun = time.monotonic()
        if not self._seconds:
            return
        usual = self._known(nodeid)

        def late(*_):
            self._say({"outcome": "timeout", "by": nodeid})
            os._exit(0)

        for timer, number, limit in (
            (signal.ITIMER_PROF, signal.SIGPROF, 5 + 3 * usual),  # of this process
            (signal.ITIMER_REAL, signal.SIGALRM, 60 + 5 * usual),  # of the simulations that it runs
        ):
            signal.signal(number, late)
            signal.setitimer(timer, limit)

    def pytest_runtest_logfinish(self, nodeid):
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)
        self.took[nodeid] = round(time.monotonic() - self._begun, 3)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self._fails(report.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            self._fails(report.nodeid)

    def _fails(self, nodeid):
        self._say({"outcome": "killed", "by": nodeid})
        os._exit(0)

    def _known(self, nodeid):
        return self._seconds.get(nodeid, 0.0)


def run_tests(task, say):
    """Say ``killed`` or ``timeout`` by which test, or ``passed`` and the seconds of each."""
    import pytest

    watch = Watch(task["seconds"], task["first"], say)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "-W", "ignore"]
    code = pytest.main([*options, *task["tests"]], plugins=[watch])
    if code == pytest.ExitCode.OK:
        say({"outcome": "passed", "seconds": watch.took})
    else:
        say({"outcome": "killed", "by": f"pytest: {pytest.ExitCode(code).name}"})


def elaborate(task, say):
    """Say what the hardware is, see :mod:`tb.mutants.netlists`."""
    from tb.mutants.netlists import netlists

    say(netlists(task["names"], task["traced"]))


_DOES = {"tests": run_tests, "netlists": elaborate}


def main():
    sys.path[0:0] = [str(Path.cwd())]
    _preload()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    for line in sys.stdin:
        task = json.loads(line)
        with _fault(task["path"], task["text"]):
            reply = _in_child(task)
        print(json.dumps(reply), file=replies, flush=True)


def _preload():
    for module in ("amaranth.back.rtlil", "amaranth.lib.wiring", "amaranth.sim", "numpy", "pytest"):
        import_module(module)
    gc.freeze()  # so that children share it


class _fault:  # noqa: N801
    """The source at *path* is *text* meanwhile; as it is where that is None."""

    def __init__(self, path, text):
        self._path, self._text = Path(path), text

    def __enter__(self):
        if self._text is None:
            return
        self._was, self._stat = self._path.read_bytes(), self._path.stat()
        self._path.write_text(self._text)
        # never the time that a compiled module of another fault has noted
        os.utime(self._path, ns=(time.time_ns(), self._stat.st_mtime_ns + (1 << 32)))

    def __exit__(self, *_):
        if self._text is not None:
            self._path.write_bytes(self._was)
            os.utime(self._path, ns=(self._stat.st_atime_ns, self._stat.st_mtime_ns))


def _in_child(task):
    """What a child says of *task*."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.setsid()
        _be_child(task, write)
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            said = pipe.readline()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # and what it has started
        os.waitpid(child, 0)
    return json.loads(said) if said else {"outcome": "killed", "by": "the process ended"}


def _be_child(task, write):
    def say(reply):
        os.write(write, json.dumps(reply).encode() + b"\n")

    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        sys.dont_write_bytecode = task["text"] is not None
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1" if task["text"] is not None else ""
        log = os.open(task["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        for number, file in ((0, null), (1, log), (2, log)):
            os.dup2(file, number)
        faulthandler.enable()
        _DOES[task["do"]](task, say)
    except BaseException as error:
        say({"outcome": "killed", "by": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
