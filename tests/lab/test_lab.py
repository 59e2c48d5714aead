"""The lab as a user runs it; small, with the golden model on the wire."""

import os
import random
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from hybridmesh.cli import main
from hybridmesh.compiler import compile_table
from hybridmesh.config import load
from hybridmesh.contract.geometry import Geometry
from hybridmesh.lab import curl, wrk
from hybridmesh.lab.impairment import Impairment
from hybridmesh.lab.mesh import HOST, manifest
from hybridmesh.lab.namespace import LabError
from hybridmesh.lab.setup import ADDRESS, Lab
from hybridmesh.lab.tools import find, missing
from hybridmesh.nic import NicError
from hybridmesh.nic.loaded import Loaded, digest
from hybridmesh.tunnel.cgroup import hierarchy

LATE_BODY = """
import sys, time
from http.client import HTTPConnection

address, port, host = sys.argv[1:]
connection = HTTPConnection(address, int(port), timeout=30)
connection.auto_open = 0
connection.connect()

def late():
    time.sleep(0.3)
    yield b"body"

headers = {"host": host, "content-length": "4"}
for method, path, body in (("POST", "/r1/", late()), ("GET", "/r0/", None)):
    connection.request(method, path, body, headers if body else {"host": host})
    print(connection.getresponse().read().decode().strip(), flush=True)
"""


def near() -> bytes:
    """The command of the pods that the tunnel knows, of the lab that is this process."""
    (process,) = (
        (hierarchy() / f"hybridmesh-lab-{os.getpid()}-near" / "cgroup.procs").read_text().split()
    )
    return Path(f"/proc/{process}/cmdline").read_bytes()


def test_every_request_comes_to_its_pod_and_nothing_is_left(
    root: None, capfd: pytest.CaptureFixture[str]
):
    code = main(
        ["lab", "run", "--nic", "reference", "--requests", "104", "--rounds", "1", "--routes", "7"]
    )
    out, err = capfd.readouterr()
    lines = [re.split(r"  +", line) for line in out.splitlines()]
    assert lines.pop(0)[:7] == ["traffic", "way", "right", "wrong", "failed", "hits", "by sk_msg"]
    kinds = 5 if find("wrk") else 4
    assert [line[1] for line in lines] == ["tunnel, sk_msg", "tunnel", "none"] * kinds
    for name in ("one after the other", "wrk, 8 connections")[: kinds - 3]:
        rows = [line[2:7] for line in lines if line[0] == name]
        assert rows == [
            ["104", "0", "0", "100.0%", rows[0][4]],
            ["104", "0", "0", "100.0%", "0.0"],
            ["104", "0", "0", "0.0", rows[2][4]],
        ]
        assert 1 < float(rows[0][4]) <= 2
    assert all(line[3:5] == ["0", "0"] for line in lines)
    assert ("curl: the right pod" in err) == bool(find("curl"))
    assert "left in the kernel" not in err
    assert code == 0
    assert not list(hierarchy().glob(f"hybridmesh-lab-{os.getpid()}*"))
    assert not list(Path(tempfile.gettempdir()).glob(f"hybridmesh-lab-{os.getpid()}-*"))


def test_pods_are_in_python_where_there_is_no_nginx(root: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    assert [line.partition(" is missing")[0] for line in missing("nginx", "curl", "wrk")] == [
        "nginx",
        "curl",
        "wrk",
    ]
    with Lab("reference", 3) as lab:
        assert b"hybridmesh.lab.pods" in near()
        tally = lab.clients(lab.gateway("shortcut").port, 32, 4, "mixed", 1)
    assert (tally.right + tally.broken_off, tally.wrong, tally.failed) == (32, 0, 0)


def test_pods_answer_when_the_body_has_come_so_that_connections_go_on(root: None):
    if not find("nginx"):
        pytest.skip("run: apt-get install nginx-light")
    with Lab("reference", 3) as lab:
        port = lab.gateway("none").port
        with lab.client(sys.executable, "-c", LATE_BODY, ADDRESS, port, HOST) as client:
            printed, _ = client.communicate()
    assert printed.split() == ["9001", "9000"]


def test_a_wrong_pod_is_noticed_by_every_client(root: None, monkeypatch: pytest.MonkeyPatch):
    if not (find("nginx") and find("curl") and find("wrk")):
        pytest.skip("run: apt-get install nginx-light curl wrk")
    with Lab("reference", 3) as lab:
        assert b"nginx" in near()
        gateway = lab.gateway("tunnel")
        port = gateway.port
        curl.check(lab, port)
        tally = wrk.send(lab, port, 32, 4, 1)
        assert (tally.right, tally.wrong, tally.failed) == (32, 0, 0)
        assert 0 < tally.times[0] <= tally.times[1]
        for module in (curl, wrk):
            monkeypatch.setattr(module, "FIRST_PORT", 9001)
        with pytest.raises(
            LabError, match=re.escape(r"curl was told '9002\n200' where '9003\n200'")
        ):
            curl.check(lab, port)
        tally = wrk.send(lab, port, 32, 4, 1)
        assert (tally.right, tally.wrong, tally.failed) == (0, 32, 0)
        lab.routes = 4  # of which the gateway does not know the last
        tally = wrk.send(lab, port, 32, 4, 1)
        assert tally.failed
        assert tally.wrong + tally.failed == 32
        gateway.process.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(wrk, "_PATIENCE", 1)
        assert wrk.send(lab, port, 8, 4, 1).failed == 4


def test_impairments_happen_as_often_as_they_should():
    rng = random.Random(3)
    frames = [number.to_bytes(2, "big") for number in range(10_000)]
    whole = Impairment().applied(frames, rng)
    assert whole == frames
    came = Counter(Impairment(loss=0.02).applied(frames, rng))
    assert 9_750 < came.total() < 9_850
    assert set(came.values()) == {1}
    came = Counter(Impairment(duplication=0.1).applied(frames, rng))
    assert 10_900 < came.total() < 11_100
    late = Impairment(reordering=0.05).applied(frames, rng)
    assert sorted(late) == frames
    assert late[:9_000] == sorted(late[:9_000])
    assert late != frames


def image(tmp_path: Path, routes: int):
    path = tmp_path / "lab.yaml"
    path.write_text(manifest(routes, "203.0.113.2", 8080))
    return compile_table(load([path]).table, Geometry()).image


def test_the_digest_of_a_table_is_that_of_its_words(tmp_path: Path):
    assert digest(image(tmp_path, 5)) == digest(image(tmp_path, 5))
    assert digest(image(tmp_path, 5)) != digest(image(tmp_path, 6))


def test_what_a_nic_was_loaded_with_is_written_read_and_checked(tmp_path: Path):
    path = tmp_path / "loaded.json"
    five = image(tmp_path, 5)
    small = Geometry(width=1, rows=64)
    Loaded(7, digest(five), small).write(path)
    loaded = Loaded.read(path)
    assert loaded == Loaded(7, digest(five), small)
    loaded.check(five, path)
    with pytest.raises(NicError, match="loaded with another table") as caught:
        loaded.check(image(tmp_path, 6), path)
    assert caught.value.place == str(path)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"epoch": "x", "image": ""}', "7", '{"epoch": 1, "image": "a"}'),
        *(f'{{"epoch": 1, "image": "a", "geometry": {sizes}}}' for sizes in ('{"rows": 7}', "7")),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "loaded.json"
    path.write_text(text)
    with pytest.raises(NicError, match="does not say what the NIC was loaded with"):
        Loaded.read(path)


def test_a_gateway_of_another_table_does_not_start(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    loaded = tmp_path / "loaded.json"
    Loaded(1, digest(image(tmp_path, 5))).write(loaded)
    image(tmp_path, 6)
    arguments = ["serve", "-f", tmp_path / "lab.yaml", "--tunnel", loaded, "--listen", ":0"]
    assert main([str(argument) for argument in arguments]) == 1
    assert "loaded with another table than these files give" in capfd.readouterr().err
