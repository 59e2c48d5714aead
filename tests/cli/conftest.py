"""The command line, called as a function and run as a process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybridmesh.cli import main

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys) -> Callable[..., Done]:
    def run(*arguments: object) -> Done:
        code = main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def process() -> Callable[..., "subprocess.Popen[str]"]:
    """Starts ``hybridmesh``; what is left of it at the end of the test is killed."""

    @contextmanager
    def process(*arguments: object) -> Iterator["subprocess.Popen[str]"]:
        code = "import sys; from hybridmesh.cli import main; sys.exit(main())"
        started = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        try:
            yield started
        finally:
            started.kill()
            started.wait()
            for pipe in (started.stdin, started.stdout, started.stderr):
                pipe.close()

    return process
