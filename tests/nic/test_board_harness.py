"""The harness around a board, with its ports joined to each other in place of the RTL: preamble,
FCS and gap are made and checked, and a failure is heard."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hybridmesh.nic import NicError, build, emulated
from hybridmesh.nic.emulated import EmulatedBoard
from hybridmesh.reference.ethernet import carrier

BOARD = """
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>

struct Vboard {
    explicit Vboard(void*) {}
    uint8_t clk = 0, rst = 0;
    uint8_t wire_rx_data = 0, wire_rx_dv = 0, host_rx_data = 0, host_rx_dv = 0;
    uint8_t wire_tx_data = 0, wire_tx_dv = 0, host_tx_data = 0, host_tx_dv = 0;
    FILE* log = fopen(getenv("OCTETS"), "w");
    int fault = atoi(getenv("FAULT"));  // the octet, from 1, that is spoilt; below 0: the last one
    int at = 0;

    ~Vboard() { fclose(log); }

    void eval() {
        if (!clk || rst) {
            return;
        }
        fprintf(log, "%d %d\\n", wire_rx_dv, wire_rx_data);
        wire_tx_dv = host_rx_dv;
        wire_tx_data = host_rx_data;
        at = wire_rx_dv ? at + 1 : 0;
        host_tx_dv = wire_rx_dv && (fault >= 0 || at <= -fault);
        host_tx_data = wire_rx_data ^ (fault > 0 && at == fault);
    }
};
"""

VERILATED = "#pragma once\nstruct VerilatedContext {};\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("harness")
    (folder / "Vboard.h").write_text(BOARD)
    (folder / "verilated.h").write_text(VERILATED)
    source = Path(build.__file__).with_name("board.cpp")
    flags = ("-std=c++20", "-shared", "-fPIC", f"-I{folder}")
    subprocess.run(["g++", *flags, str(source), "-o", str(folder / "board.so")], check=True)
    return folder / "board.so"


@pytest.fixture
def loop(
    library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., EmulatedBoard]:
    """Makes a board whose ports are joined; with a fault in what the host gets, if one is named."""

    def make(fault: int = 0) -> EmulatedBoard:
        monkeypatch.setattr(emulated, "shared_library", lambda *_, **__: library)
        monkeypatch.setenv("OCTETS", str(tmp_path / "octets"))
        monkeypatch.setenv("FAULT", str(fault))
        return EmulatedBoard()

    return make


def test_a_board_gets_carriers_as_the_model_makes_them_and_the_gaps_asked_for(loop, tmp_path):
    frames = [b"a short one", bytes(range(256)) * 5, b"\xff" * 60, b"\x55" * 61]
    gaps = [12, 52, 13, 12]
    with loop() as board:
        for frame, gap in zip(frames, gaps, strict=True):
            board.put("wire", frame, gap)
        assert board.run(10**6)
        assert board.take("host") == [frame.ljust(60, b"\0") for frame in frames]
    clocks = [line.split() for line in (tmp_path / "octets").read_text().splitlines()]
    octets = [bytes([int(octet)]) if within == "1" else b"-" for within, octet in clocks]
    behind = b"".join(octets).lstrip(b"-")
    expected = [carrier(frame) + b"-" * gap for frame, gap in zip(frames, gaps, strict=True)]
    assert behind.startswith(b"".join(expected))
    assert not behind.removeprefix(b"".join(expected)).strip(b"-")
    assert {octet for within, octet in clocks if within == "0"} == {str(0xDD)}  # the link is up


@pytest.mark.parametrize("octet", [1, 7, 8, 9, 40, 68, 69, 72], ids=str)
def test_a_carrier_that_is_spoilt_in_any_octet_is_a_failure(loop, octet):
    with loop(octet) as board:
        board.put("wire", b"a frame")
        with pytest.raises(NicError, match="run: The emulated board has sent what is no Ethernet"):
            board.run(10**6)


@pytest.mark.parametrize("octets", [1, 8, 11, 12, 40, 71], ids=str)
def test_a_carrier_that_is_cut_is_a_failure(loop, octets):
    with loop(-octets) as board:
        board.put("wire", b"a frame")
        with pytest.raises(NicError, match="no Ethernet frame"):
            board.run(10**6)


def test_a_carrier_that_comes_too_soon_is_a_failure(loop):
    with loop() as board:
        for _ in range(2):
            board._put(board._open, 0, b"a frame", 7, 11)
        with pytest.raises(NicError, match="no Ethernet frame"):
            board.run(10**6)


def test_both_ports_have_queues_of_their_own(loop):
    frames = [bytes([n]) * 60 for n in range(1, 40)]
    with loop() as board:
        for frame in frames:
            board.put("wire", frame)
            board.put("host", frame[::-1] + b"!")
        assert board.run(10**6)
        assert board.take("wire") == [frame[::-1] + b"!" for frame in frames]
        assert board.take("host") == frames


def test_more_than_a_buffer_of_frames_is_taken_at_once(loop):
    frames = [bytes([n % 256]) * 1500 for n in range(100)]
    with loop() as board:
        for frame in frames:
            board.put("wire", frame)
        assert board.run(10**6)
        assert board.take("host") == frames
