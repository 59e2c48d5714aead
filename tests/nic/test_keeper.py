"""Keeper: what a NIC has lost when it comes back, it gets again, and its verdicts count again."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from boardlab import GEOMETRY, Board

from hybridmesh.compiler import compile_table
from hybridmesh.config import load
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.nic import NicError
from hybridmesh.nic.ethernet import EthernetNic
from hybridmesh.nic.frames import Connection
from hybridmesh.nic.keeper import LEASE, Keeper
from hybridmesh.nic.loaded import Loaded, digest

PEER = ("192.0.2.1", 40000)


@pytest.fixture
def image(lab_yaml: Path) -> TableImage:
    return compile_table(load([lab_yaml]).table, GEOMETRY).image


@pytest.fixture
def keeper(board: Board, image: TableImage) -> Iterator[Keeper]:
    sizes: list[Geometry] = []

    def table(geometry: Geometry) -> TableImage:
        sizes.append(geometry)
        return image

    with board.host.inside(), Keeper("board0", table, [8080, 8081]) as made:
        assert sizes == [GEOMETRY]
        yield made


def holds_table(board: Board, keeper: Keeper, image: TableImage) -> bool:
    words = np.concatenate([part for _, part in image.words()])
    known = board.registers._words
    return (
        board.registers.written[-len(words) :] == words.tolist()
        and known["status"] == keeper.loaded.epoch
        and (known["listen_port_0"], known["listen_port_1"]) == (8080, 8081)
    )


def test_a_nic_is_loaded_for_its_own_sizes(board: Board, keeper: Keeper, image: TableImage):
    assert keeper.loaded == Loaded(keeper.loaded.epoch, digest(image), GEOMETRY)
    assert holds_table(board, keeper, image)
    keeper.look_after()
    assert holds_table(board, keeper, image)


@pytest.mark.parametrize("silent", [False, True], ids=["at once", "after a while"])
def test_a_nic_that_was_switched_off_and_on_has_the_table_again_under_its_epoch(
    board: Board,
    keeper: Keeper,
    image: TableImage,
    silent: bool,
    caplog: pytest.LogCaptureFixture,
):
    board.reset()
    board.deaf = silent
    keeper.look_after()
    keeper.look_after() if silent else None
    assert not board.registers.written
    keeper.expect_head(Connection(PEER, ("198.51.100.1", 8080)), 5)
    board.deaf = False
    keeper.look_after()
    assert holds_table(board, keeper, image)
    lost, back = [record.getMessage() for record in caplog.records]
    assert "until it is back, the CPU matches" in lost
    assert "the NIC is back, with its table" in back


def test_an_interface_that_is_down_for_a_while_is_waited_for(
    board: Board, keeper: Keeper, image: TableImage
):
    board.host.run("ip", "link", "set", "dev", "board0", "down")
    keeper.look_after()
    keeper.look_after()
    board.host.run("ip", "link", "set", "dev", "board0", "up")
    board.reset()
    keeper.look_after()
    assert holds_table(board, keeper, image)


def test_a_nic_matches_only_as_long_as_it_is_looked_after(
    board: Board,
    keeper: Keeper,
    caplog: pytest.LogCaptureFixture,
):
    known = board.registers._words
    assert (known["control"], known["lease"]) == (1, LEASE)
    known["lease"] = 1
    keeper.look_after()
    assert (known["control"], known["lease"]) == (1, LEASE)
    assert not caplog.records
    known["lease"] = known["control"] = 0  # it has run out
    keeper.look_after()
    assert (known["control"], known["lease"]) == (1, LEASE)
    assert "had stopped to match" in caplog.text


def test_a_nic_that_is_let_go_matches_no_more(board: Board, keeper: Keeper):
    keeper.close()
    known = board.registers._words
    assert (known["control"], known["lease"]) == (0, 0)
    keeper.close()


def test_what_the_proxy_tells_reaches_a_nic_that_listens_there(
    board: Board,
    keeper: Keeper,
):
    there = Connection(PEER, ("198.51.100.1", 8081))
    keeper.expect_head(there, 5)
    assert board.registers._words["flow_hash"] == there.flow(1)
    assert board.registers._words["flow_syn"] == 4
    keeper.expect_head(Connection(PEER, ("198.51.100.1", 80)), 9)
    assert board.registers._words["flow_syn"] == 4


def test_what_is_told_while_the_nic_is_away_is_no_error(
    board: Board,
    keeper: Keeper,
    image: TableImage,
):
    board.deaf = True
    keeper.expect_head(Connection(PEER, ("198.51.100.1", 8080)), 5)
    keeper.expect_head(Connection(PEER, ("198.51.100.1", 8080)), 6)
    board.deaf = False
    keeper.look_after()
    assert holds_table(board, keeper, image)


def test_a_nic_that_another_driver_has_taken_is_let_go(board: Board, keeper: Keeper):
    with EthernetNic("board0"), pytest.raises(NicError, match="let one driver alone use"):
        keeper.look_after()


def test_a_nic_that_does_not_take_the_table_is_not_kept(board: Board, image: TableImage):
    board.registers.spoil = lambda word: word ^ 1
    with board.host.inside(), pytest.raises(NicError, match="The NIC holds"):
        Keeper("board0", lambda _: image, [8080])
