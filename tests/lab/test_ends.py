"""The ends that a lab can come to: taken down, interrupted, killed; nothing of it stays."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hybridmesh.cli import main
from hybridmesh.lab import footprint
from hybridmesh.lab.mesh import FIRST_PORT, HOST
from hybridmesh.lab.namespace import LabError
from hybridmesh.lab.setup import ADDRESS
from hybridmesh.tunnel.cgroup import hierarchy

COMMAND = """
import sys
from pathlib import Path
from hybridmesh.cli import main
from hybridmesh.lab import footprint

groups = Path(sys.argv.pop(1))
footprint.hierarchy = lambda: groups
sys.exit(main())
"""
Process = subprocess.Popen[str]
REQUEST = """
import sys
from urllib.request import Request, urlopen

print(urlopen(Request(sys.argv[1], headers={"host": sys.argv[2]}), timeout=30).read().decode())
"""


@pytest.fixture
def groups(root: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the labs of a test have their cgroups, apart from those that run elsewhere."""
    path = hierarchy() / f"hybridmesh-labs-{os.getpid()}"
    path.mkdir()
    monkeypatch.setattr(footprint, "hierarchy", lambda: path)
    yield path
    path.rmdir()


@contextmanager
def lab(groups: Path, *arguments: str, setpriv: tuple[str, ...] = ()) -> Iterator[Process]:
    """``hybridmesh lab`` in a process of its own, whose cgroups are in *groups*."""
    command = [sys.executable, "-c", COMMAND, str(groups), "lab", *arguments]
    with subprocess.Popen(
        [*setpriv, *command, "--nic", "reference"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: Process) -> str:
    """Wait until a lab is up; returns the network namespace of its clients."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("try: nsenter --net=/proc/")
    return line.split()[2]


def names(number: int) -> list[str]:
    return [f"hybridmesh-lab-{number}{kind}" for kind in ("", "-far", "-near")]


def folders(number: int) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"hybridmesh-lab-{number}-*"))


def guard(process: Process) -> int:
    """The process that removes what the lab leaves."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (found,) = (
        child for child in children if b"cgroup.kill" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    return int(found)


def orphan(groups: Path, number: int) -> "subprocess.Popen[bytes]":
    """A process among the pods that does not end with the lab, as a worker of a server may not."""
    process = subprocess.Popen(["sleep", "60"])
    (groups / names(number)[2] / "cgroup.procs").write_text(str(process.pid))
    return process


def soon_empty(groups: Path) -> bool:
    end = time.monotonic() + 5
    while (left := any(path.is_dir() for path in groups.iterdir())) and time.monotonic() < end:
        time.sleep(0.05)
    return not left


def down(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """What ``lab down`` says."""
    capfd.readouterr()
    assert main(["lab", "down"]) == 0
    return capfd.readouterr().out.splitlines()


def test_labs_run_side_by_side_and_are_taken_down_together(
    groups: Path, capfd: pytest.CaptureFixture[str]
):
    with lab(groups, "up") as one, lab(groups, "up") as other:
        for process in (one, other):
            url = f"http://{ADDRESS}:8080/r1/"
            answer = subprocess.check_output(
                ["nsenter", ready(process), sys.executable, "-c", REQUEST, url, HOST], text=True
            )
            assert answer.strip() == str(FIRST_PORT + 1)
            members = [(groups / name / "cgroup.procs").read_text() for name in names(process.pid)]
            assert [len(text.split()) for text in members] == [1, 1, 1]
            assert len(folders(process.pid)) == 1
        numbers = sorted([one.pid, other.pid])
        assert down(capfd) == [f"lab {number} is down" for number in numbers]
        assert [one.wait(), other.wait()] == [-signal.SIGTERM] * 2
        assert not any(path.is_dir() for path in groups.iterdir())
        assert not folders(one.pid) + folders(other.pid)
    assert down(capfd) == ["no lab is up"]


def test_a_lab_that_is_killed_leaves_nothing_behind(groups: Path):
    with lab(groups, "up") as process:
        ready(process)
        worker = orphan(groups, process.pid)
        os.killpg(process.pid, signal.SIGKILL)
    assert soon_empty(groups)
    assert worker.wait() == -signal.SIGKILL
    assert not folders(process.pid)


def test_what_a_lab_leaves_that_was_killed_with_its_guard_is_removed(
    groups: Path, capfd: pytest.CaptureFixture[str]
):
    with lab(groups, "up") as process:
        ready(process)
        worker = orphan(groups, process.pid)
        os.kill(guard(process), signal.SIGKILL)
        process.kill()
    assert len(folders(process.pid)) == 1
    assert down(capfd) == [f"lab {process.pid} had been killed; what it left is removed"]
    assert worker.wait() == -signal.SIGKILL
    assert not any(path.is_dir() for path in groups.iterdir())
    assert not folders(process.pid)


def test_a_process_that_has_the_number_of_a_lab_is_let_alone(
    groups: Path, capfd: pytest.CaptureFixture[str]
):
    with subprocess.Popen(["sleep", "60"]) as other:
        group = groups / names(other.pid)[0]
        group.mkdir()
        mine = os.open(group, os.O_RDONLY)
        fcntl.flock(mine, fcntl.LOCK_EX)
        with pytest.raises(LabError, match="its process cannot be seen from here"):
            list(footprint.take_down())
        os.close(mine)
        assert down(capfd) == [f"lab {other.pid} had been killed; what it left is removed"]
        assert other.poll() is None
        other.kill()


def test_a_run_that_is_interrupted_says_so_and_leaves_nothing(groups: Path):
    with lab(groups, "run", "--requests", "1000000") as process:
        assert process.stderr is not None
        while "round 1" not in process.stderr.readline():
            pass
        time.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        assert time.monotonic() - began < 10
    assert (out, err.strip()) == ("", "hybridmesh: interrupted")
    assert process.returncode == 128 + signal.SIGINT
    assert not any(path.is_dir() for path in groups.iterdir())
    assert not folders(process.pid)


@pytest.mark.parametrize("word", ["run", "up"])
def test_who_is_not_root_is_told_so_in_one_line(groups: Path, word: str):
    nobody = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    with lab(groups, word, setpriv=nobody) as process:
        out, err = process.communicate()
    lines = [line for line in err.splitlines() if " is missing, so " not in line]
    assert out == ""
    assert len(lines) == 1
    assert re.fullmatch(
        r"hybridmesh: A network namespace cannot be made .*; run this as root", lines[0]
    )
    assert process.returncode == 1
    assert not folders(process.pid)
