"""EthernetNic, and the commands over it, on a TAP device with the golden model at its other end."""

from pathlib import Path

import numpy as np
import pytest
from boardlab import GEOMETRY, Board
from inbandlab import NicRegisters

from hybridmesh.cli import main
from hybridmesh.compiler import compile_table
from hybridmesh.config import load
from hybridmesh.nic import NicError
from hybridmesh.nic.ethernet import EthernetNic
from hybridmesh.nic.loaded import Loaded, digest


def test_a_table_goes_over_the_interface_and_comes_back(board: Board, lab_yaml: Path):
    image = compile_table(load([lab_yaml]).table, GEOMETRY).image
    with board.host.inside(), EthernetNic("board0") as nic:
        assert nic.geometry == GEOMETRY
        epoch = nic.load(image)
        assert board.registers._words["status"] == epoch
        nic.listen(8080)
        nic.verify()
        assert nic.counters()["frames_in"] == 5
    words = np.concatenate([part for _, part in image.words()])
    assert board.registers.written == words.tolist()


def refusal(board: Board, interface: str) -> str:
    with board.host.inside(), pytest.raises(NicError) as caught:
        EthernetNic(interface)
    return str(caught.value)


def test_an_interface_without_a_nic_is_said_to_have_none(board: Board):
    board.deaf = True
    assert refusal(board, "board0").startswith("board0: No NIC answers; see that board0 is up")


def test_what_is_wrong_with_the_interface_is_named_with_its_remedy(board: Board):
    assert "name one of this network namespace" in refusal(board, "eth9")
    board.host.run("ip", "link", "set", "dev", "board0", "down")
    assert "run: ip link set dev board0 up" in refusal(board, "board0")


def test_an_interface_that_goes_meanwhile_is_named(board: Board):
    with board.host.inside(), EthernetNic("board0") as nic:
        board.host.run("ip", "link", "set", "dev", "board0", "down")
        with pytest.raises(NicError, match="board0: Control frames cannot be exchanged"):
            nic.counters()


def test_an_interface_of_a_small_mtu_is_named(board: Board, lab_yaml: Path):
    board.host.run("ip", "link", "set", "dev", "board0", "mtu", "1000")
    image = compile_table(load([lab_yaml]).table, GEOMETRY).image
    with (
        board.host.inside(),
        EthernetNic("board0") as nic,
        pytest.raises(NicError, match="run: ip link set dev board0 mtu 1540"),
    ):
        nic.load(image)


def test_a_user_without_the_capability_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("hybridmesh.nic.ethernet.socket.socket", refused)
    assert main(["nic", "info", "--iface", "eth0"]) == 1
    assert "Control frames take the capability CAP_NET_RAW; run" in capsys.readouterr().err


def run(board: Board, *arguments: object) -> int:
    with board.host.inside():
        return main(["nic", *map(str, arguments), "--iface", "board0"])


def test_info_says_what_nic_it_is(board: Board, capsys: pytest.CaptureFixture[str]):
    assert run(board, "info") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["rows", "of", "the", "matcher", "64"] in lines
    assert ["bytes", "of", "the", "longest", "frame", "with", "a", "verdict", "1,522"] in lines
    assert ["wire", "port", "100", "Mb/s,", "full", "duplex"] in lines
    assert ["host", "port", "none,", "or", "its", "PHY", "does", "not", "tell"] in lines


def test_load_puts_the_routes_in_use_and_says_so_for_the_gateway(
    board: Board, lab_yaml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "loaded.json"
    assert run(board, "load", "-f", lab_yaml, "--loaded", file) == 0
    image = compile_table(load([lab_yaml]).table, GEOMETRY).image
    epoch = board.registers._words["status"]
    assert Loaded.read(file) == Loaded(epoch, digest(image), GEOMETRY)
    out = capsys.readouterr().out
    assert f"read back and right; epoch {epoch}" in out
    assert "verdicts for TCP port 8080" in out
    assert board.registers._words["listen_port_0"] == 8080
    assert run(board, "load", "-f", lab_yaml, "--port", 80, "--port", 81) == 0
    assert board.registers._words["listen_port_1"] == 81


def test_selftest_leaves_the_table_in_use_alone(board: Board, capsys: pytest.CaptureFixture[str]):
    assert run(board, "selftest") == 0
    assert "8 came whole" in capsys.readouterr().out
    assert "table_commit" not in board.registers._words
    assert board.registers._words.get("status", 0) == 0


def test_selftest_notices_a_bus_that_changes_words(
    board: Board, capsys: pytest.CaptureFixture[str]
):
    board.registers.write = spoiled(board.registers)  # type: ignore[method-assign]
    assert run(board, "selftest") == 1
    assert "did not reach the NIC whole" in capsys.readouterr().err


def spoiled(registers: NicRegisters):
    whole = registers.write
    return lambda address, word: whole(address, word ^ (word == 0x01234567 or word % 251 == 7))


def test_counters_are_listed_with_what_they_mean(board: Board, capsys: pytest.CaptureFixture[str]):
    assert run(board, "counters") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    heads = [n for n, line in enumerate(lines) if line[:2] == ["of", "the"]]
    assert [lines[n][2] for n in heads] == ["NIC", "board"]
    values = {line[0]: (n, line[1]) for n, line in enumerate(lines) if len(line) > 2}
    assert heads[0] < values["frames_in"][0] < heads[1] < values["host_rx_frames"][0]
    assert (values["frames_in"][1], values["host_rx_frames"][1]) == ("5", "6")
    assert values["control_missed"][1] == "7"
