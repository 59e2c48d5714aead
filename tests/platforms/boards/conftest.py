"""Boards as they are handed to the tools."""

from dataclasses import dataclass

import pytest

from hybridmesh.contract.geometry import Geometry
from hybridmesh.platforms.boards.registry import BOARDS
from hybridmesh.platforms.boards.top import BoardPlatform, Top

SMALL = Geometry(
    width=1,
    rows=32,
    path_bytes=16,
    host_bytes=16,
    header_bytes=16,
    hosts=16,
    predicates=16,
    flows=16,
    max_frame=128,
)


@dataclass(frozen=True)
class Prepared:
    """A board, of any size, and the texts that are made of it."""

    board: type[BoardPlatform]
    design: str
    pins: str
    script: str


@pytest.fixture(scope="session", params=BOARDS)
def prepared(request: pytest.FixtureRequest) -> Prepared:
    board = BOARDS[request.param]
    files = board().prepare(Top(SMALL), "top", emit_src=False).files
    return Prepared(board, files["top.il"], files["top.lpf"], files["build_top.sh"])
