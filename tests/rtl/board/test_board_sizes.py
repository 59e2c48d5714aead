"""What a board can be built as.  What it does: tests/nic/test_emulated.py, tb/board_pins."""

import pytest

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.board.board import Board
from hybridmesh.rtl.board.lights import LIGHTS


def test_a_board_takes_a_byte_per_beat_alone() -> None:
    with pytest.raises(ValueError, match="A board takes a byte per beat, not 8"):
        Board(Geometry(width=8))


def test_a_board_of_width_one_has_two_ports_and_its_lights() -> None:
    board = Board(Geometry(width=1, rows=32))
    assert set(board.signature.members) == {"wire", "host", "lights"}
    assert [name for name, _ in board.lights.shape()] == list(LIGHTS)
