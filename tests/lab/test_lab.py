"""The lab as a user runs it; small, with the golden model on the wire."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from hybridmesh.cli import main
from hybridmesh.compiler import compile_table
from hybridmesh.config import load
from hybridmesh.contract.geometry import Geometry
from hybridmesh.errors import HybridMeshError
from hybridmesh.lab.impairment import Impairment
from hybridmesh.lab.mesh import manifest
from hybridmesh.lab.namespace import Namespace
from hybridmesh.lab.tap import Tap
from hybridmesh.nic import NicError
from hybridmesh.nic.loaded import Loaded, digest
from hybridmesh.tunnel.cgroup import Cgroup, hierarchy
from hybridmesh.tunnel.errors import TunnelError
from hybridmesh.tunnel.features import check_privileges
from hybridmesh.tunnel.programs import Programs

COMMAND = [sys.executable, "-c", "import sys; from hybridmesh.cli import main; sys.exit(main())"]


@pytest.fixture(scope="module")
def root() -> None:
    try:
        check_privileges()
    except TunnelError as error:
        pytest.skip(str(error))
    try:
        Programs().close()
        Cgroup(hierarchy() / f"hybridmesh-lab-{os.getpid()}").close()
        host = Namespace()
        with host.inside():
            Tap("tap0").close()
        host.close()
    except HybridMeshError as error:
        if os.environ.get("HYBRIDMESH_TUNNEL") == "required":
            raise
        pytest.skip(str(error))


def test_every_request_comes_to_its_pod_and_nothing_is_left(
    root: None, capfd: pytest.CaptureFixture[str]
):
    code = main(
        ["lab", "run", "--nic", "reference", "--requests", "104", "--rounds", "1", "--routes", "7"]
    )
    out, err = capfd.readouterr()
    lines = [re.split(r"  +", line) for line in out.splitlines()]
    assert lines.pop(0)[:6] == ["traffic", "way", "right", "wrong", "failed", "hits"]
    assert [line[1] for line in lines] == ["tunnel, sk_msg", "tunnel", "none"] * 4
    assert [line[2:6] for line in lines if line[0] == "one after the other"] == [
        ["104", "0", "0", "100.0%"],
        ["104", "0", "0", "100.0%"],
        ["104", "0", "0", lines[2][5]],
    ]
    assert all(line[3:5] == ["0", "0"] for line in lines)
    assert "left in the kernel" not in err
    assert code == 0
    assert not list(hierarchy().glob(f"hybridmesh-lab-{os.getpid()}*"))


def test_a_lab_that_is_killed_leaves_nothing_behind(root: None):
    lab = subprocess.Popen(
        [*COMMAND, "lab", "up", "--nic", "reference"], stdout=subprocess.PIPE, text=True
    )
    assert lab.stdout is not None
    assert lab.stdout.readline().startswith("try: nsenter --net=/proc/")
    cgroup = hierarchy() / f"hybridmesh-lab-{lab.pid}"
    pods = Path(f"{cgroup}-pods")
    assert [len((g / "cgroup.procs").read_text().split()) for g in (cgroup, pods)] == [2, 1]
    lab.send_signal(signal.SIGKILL)
    lab.wait()
    lab.stdout.close()
    end = time.monotonic() + 5
    while (cgroup.exists() or pods.exists()) and time.monotonic() < end:
        time.sleep(0.05)
    left = [group for group in (cgroup, pods) if group.exists()]
    assert not left  # nor a process that was in one


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
    Loaded(7, digest(five)).write(path)
    loaded = Loaded.read(path)
    assert loaded == Loaded(7, digest(five))
    loaded.check(five, path)
    with pytest.raises(NicError, match="loaded with another table") as caught:
        loaded.check(image(tmp_path, 6), path)
    assert caught.value.place == str(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"epoch": "x", "image": ""}', "7"])
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
