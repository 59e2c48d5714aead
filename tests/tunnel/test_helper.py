"""``hybridmesh tunnel`` as a user runs it, in a namespace of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hybridmesh.lab.namespace import Namespace
from hybridmesh.tunnel.programs import Programs

from .stage import own_cgroup

COMMAND = [sys.executable, "-c", "import sys; from hybridmesh.cli import main; sys.exit(main())"]


class Shell:
    """Runs ``hybridmesh tunnel`` in a namespace, the helper's socket in a folder of its own."""

    def __init__(self, host: Namespace, folder: Path) -> None:
        self.host = host
        self.folder = folder

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        with self.host.inside():
            return subprocess.Popen(
                [*COMMAND, "tunnel", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"RUNTIME_DIRECTORY": str(self.folder)},
            )

    def run(self, *arguments: object) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=20)
        return process.returncode, out, err

    @contextmanager
    def loaded(self, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
        helper = self.start("load", "lo", "--cgroup", own_cgroup(), *arguments)
        assert helper.stderr is not None
        try:
            while "tunnel on lo (generic)" not in helper.stderr.readline():
                assert helper.poll() is None
            yield helper
        finally:
            helper.kill()
            helper.communicate()
            if own_cgroup().exists():
                own_cgroup().rmdir()


@pytest.fixture
def shell(loaded: Programs, tmp_path: Path) -> Iterator[Shell]:
    host = Namespace()
    yield Shell(host, tmp_path / "run")
    host.close()


def test_a_tunnel_is_loaded_asked_and_unloaded(shell: Shell):
    with shell.loaded("--mode", "generic") as helper:
        code, out, err = shell.run("status", "lo", "--json")
        status = json.loads(out)
        assert (code, err) == (0, "")
        assert status["interface"] == "lo"
        assert status["mode"] == "generic"
        assert status["cgroup"] == str(own_cgroup())
        assert status["counters"]["shims"] == 0
        code, out, err = shell.run("status", "lo")
        assert "unknown flow 0\n" in out
        assert shell.run("unload", "lo") == (0, "", "")
        assert helper.wait(5) == 0
    assert "xdp" not in shell.host.run("ip", "link", "show", "dev", "lo")
    assert not own_cgroup().exists()
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_unloads_it(shell: Shell, number: signal.Signals, code: int):
    with shell.loaded() as helper:
        helper.send_signal(number)
        assert helper.wait(5) == code
    assert list(shell.folder.iterdir()) == []
    assert not own_cgroup().exists()


def test_after_a_helper_that_was_killed_the_next_one_starts(shell: Shell):
    with shell.loaded():
        pass
    assert [path.name for path in shell.folder.iterdir()] == ["lo.sock"]
    with shell.loaded():
        assert shell.run("status", "lo")[0] == 0


def test_without_a_tunnel_there_is_nothing_to_ask(shell: Shell):
    for word in ("status", "unload"):
        code, out, err = shell.run(word, "lo")
        assert (code, out) == (1, "")
        assert err == (
            f"hybridmesh: {shell.folder}/lo.sock: No tunnel can be asked here (No such file or "
            "directory); run: hybridmesh tunnel load lo\n"
        )


def test_a_group_of_pods_gets_the_shortcut_and_stays(shell: Shell):
    pods = Path(f"{own_cgroup()}-pods")
    pods.mkdir()
    try:
        with shell.loaded("--pods", pods):
            counters = json.loads(shell.run("status", "lo", "--json")[1])["counters"]
            assert (counters["shortcuts"], counters["plain"]) == (0, 0)
            assert shell.run("unload", "lo")[0] == 0
        assert pods.is_dir()
    finally:
        pods.rmdir()


def test_others_may_not_ask(shell: Shell):
    with shell.loaded():
        assert (shell.folder / "lo.sock").stat().st_mode & 0o777 == 0o700


def test_nonsense_is_answered_with_the_status(shell: Shell):
    with shell.loaded() as helper:
        for word in (b"hello\n", b"\xff\n", b""):
            with socket.socket(socket.AF_UNIX) as asked:
                asked.connect(str(shell.folder / "lo.sock"))
                asked.sendall(word)
        assert shell.run("status", "lo")[0] == 0
        assert helper.poll() is None
