"""A board on the wire, emulated as a whole: its driver, the tunnel, real clients and pods."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from hybridmesh.cli import main
from hybridmesh.lab.boardwire import BoardWire
from hybridmesh.lab.mesh import FIRST_PORT, HOST, manifest
from hybridmesh.lab.namespace import Namespace
from hybridmesh.lab.tap import Tap
from hybridmesh.nic.emulated import EmulatedBoard
from hybridmesh.nic.ethernet import EthernetNic
from hybridmesh.nic.loaded import Loaded
from hybridmesh.tunnel.cgroup import hierarchy

COMMAND = [sys.executable, "-c", "import sys; from hybridmesh.cli import main; sys.exit(main())"]
CLIENT, GATEWAY = "198.51.100.7", "198.51.100.1"
REQUESTS = """
import sys, time
from http.client import HTTPConnection

address, host, *requests = sys.argv[1:]
connection = HTTPConnection(address, 8080, timeout=30)
for request in requests:
    method, path = request.split(":")
    body = iter([b"some", b"thing"]) if method == "POST" else None
    connection.request(method, path, body, {"host": host}, encode_chunked=bool(body))
    print(connection.getresponse().read().decode().strip())
    if body:
        time.sleep(0.5)  # the NIC is to know by then where the next head begins
"""


def test_every_request_comes_to_its_pod_while_tables_and_control_frames_come_and_go(
    root: None, capfd: pytest.CaptureFixture[str]
):
    code = main(
        ["lab", "run", "--nic", "board", "--requests", "152", "--rounds", "1", "--routes", "7"]
    )
    out, err = capfd.readouterr()
    assert code == 0, err
    lines = [re.split(r"  +", line) for line in out.splitlines()][1:]
    assert {line[0] for line in lines} >= {
        "one after the other",
        "tables reloaded",
        "tables reloaded, 20 % of the control frames lost",
    }
    assert all(line[3:5] == ["0", "0"] for line in lines)
    assert [line[5] for line in lines if line[0] == "one after the other"][:2] == ["100.0%"] * 2
    assert re.search(r"^[1-9]\d* tables were loaded meanwhile$", err, re.MULTILINE)
    assert "left in the kernel" not in err


class Host:
    """A host whose interface ``nic0`` is cabled to an emulated board, and pods on its loopback."""

    def __init__(self, folder: Path, parts: ExitStack) -> None:
        self.client, self.host = (parts.enter_context(closing(Namespace())) for _ in range(2))
        self.yaml = folder / "lab.yaml"
        self.yaml.write_text(manifest(3, "127.0.0.1", 8080))
        self.runtime = folder / "run"
        self.cgroup = hierarchy() / f"hybridmesh-board-{os.getpid()}"
        taps = []
        for place, name, address in ((self.client, "wire0", CLIENT), (self.host, "nic0", GATEWAY)):
            with place.inside():
                taps.append(parts.enter_context(closing(Tap(name))))
            place.run("ip", "address", "add", f"{address}/24", "dev", name)
            place.run("ip", "link", "set", "dev", name, "mtu", "1540", "up")
        board = parts.enter_context(EmulatedBoard())
        parts.enter_context(closing(BoardWire(*taps, board)))

    @contextmanager
    def runs(self, until: str, *command: object) -> Iterator["subprocess.Popen[str]"]:
        """*command* in the host, once it has said *until*."""
        with (
            self.host.inside(),
            subprocess.Popen(
                list(map(str, command)),
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"RUNTIME_DIRECTORY": str(self.runtime)},
            ) as process,
        ):
            try:
                assert process.stderr is not None
                while until not in (line := process.stderr.readline()):
                    assert line, "it has ended"
                yield process
            finally:
                process.terminate()

    def tunnel(self, *words: str) -> bytes:
        """What ``hybridmesh tunnel`` prints."""
        with self.host.inside():
            return subprocess.check_output(
                [*COMMAND, "tunnel", *words],
                env=os.environ | {"RUNTIME_DIRECTORY": str(self.runtime)},
            )

    def status(self) -> dict[str, dict[str, int]]:
        said = self.tunnel("status", "nic0", "--json")
        parts: dict[str, dict[str, int]] = json.loads(said)
        return parts

    def asks(self, *requests: str) -> list[str]:
        """What the pods answer to *requests*, on one connection."""
        with self.client.inside():
            command = [sys.executable, "-c", REQUESTS, GATEWAY, HOST, *requests]
            return subprocess.check_output(command, text=True).split()


def test_the_commands_of_the_tunnel_and_the_gateway_are_all_that_a_board_takes(
    root: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    with ExitStack() as parts:
        host = Host(tmp_path, parts)
        pods = (sys.executable, "-m", "hybridmesh.lab.pods", "127.0.0.1", FIRST_PORT, 3)
        parts.enter_context(host.runs("", "sh", "-c", 'echo up >&2; exec "$@"', "-", *pods))
        helper = parts.enter_context(
            host.runs(
                "tunnel on nic0",
                *(*COMMAND, "tunnel", "load", "nic0", "-f", host.yaml, "--cgroup", host.cgroup),
            )
        )
        assert Loaded.read(host.runtime / "nic0.json").geometry.width == 1
        gateway = ("serve", "--nic", "eth:nic0", "-f", host.yaml, "--listen", f"{GATEWAY}:8080")
        enter = ("sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', host.cgroup)
        with host.runs("NIC: eth:nic0", *enter, *COMMAND, *gateway):
            answers = host.asks("GET:/r0/a", "GET:/r1/b", "POST:/r0/c", "GET:/r1/", "GET:/r0/")
            assert answers == [str(FIRST_PORT + n) for n in (0, 1, 0, 1, 0)]
            status = host.status()
            assert (status["counters"]["expected"], status["counters"]["usable"]) == (1, 5)
            assert status["nic"]["decided"] == 5
            assert b"\nnic: decided" in host.tunnel("status", "nic0")
            with host.host.inside():
                monkeypatch.setenv("RUNTIME_DIRECTORY", str(host.runtime))
                assert main(["nic", "counters", "--iface", "nic0"]) == 1
            assert "nic0: A tunnel drives this NIC" in capfd.readouterr().err
            host.tunnel("unload", "nic0")
            assert helper.wait() == 0
            with host.host.inside(), EthernetNic("nic0") as nic:
                decided = nic.counters()["decided"]
                assert host.asks("GET:/r1/", "GET:/r0/") == [str(FIRST_PORT + n) for n in (1, 0)]
                assert nic.counters()["decided"] == decided > 0
    host.cgroup.rmdir()  # the gateway was in it when the helper ended
    assert list(host.runtime.iterdir()) == []
