"""EmulatedBoard: both directions at once as the golden models say, tables over control frames, and
nobody on the wire who can speak for the NIC or to it."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
from boardtraffic import Scenario, timeless
from emulation import BoardLink, driver, finished
from nicclient import HEAD, SERVER, WIRE

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.inband import (
    NIC_ADDRESS,
    Header,
    Kind,
    Outcome,
    frame,
    message,
    operations,
    read,
    write,
)
from hybridmesh.contract.registers import BOARD_COUNTERS, COUNTERS, register
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM, State, Verdict
from hybridmesh.nic import NicError
from hybridmesh.nic.emulated import GEOMETRY, PERIOD, EmulatedBoard
from hybridmesh.nic.frames import split
from hybridmesh.platforms.boards.versa_ecp5_5g import VersaEcp55g
from tb.lib.traffic import PORT, table

HOST = b"\2\0\0\0\0\7"
PLAIN = NIC_ADDRESS + HOST + b"\x08\x00"


@pytest.fixture
def board() -> Iterator[EmulatedBoard]:
    with EmulatedBoard() as made:
        yield made


def noise(geometry: Geometry, seed: int) -> TableImage:
    rng = np.random.default_rng(seed)
    image = TableImage(geometry)
    for tcam in (image.path, image.host, image.header, image.word):
        tcam.mismatch[:] = rng.integers(0, 2, tcam.mismatch.shape, dtype=np.uint8)
    return image


def test_frames_pass_both_ways_as_the_models_say_with_control_frames_between_them(board):
    scenario = Scenario(board, random.Random(2))
    scenario.play(800)
    assert [timeless(got) for got in scenario.to_host] == scenario.expected_to_host
    assert scenario.to_wire == scenario.expected_to_wire
    assert len(scenario.to_wire) > 500
    assert set(scenario.endpoint.outcomes) == set(Outcome) - {Outcome.MISSED}
    assert scenario.counters() == scenario.expected_counters()
    idle = {name for name, count in scenario.expected_counters().items() if not count}
    assert idle == NEVER


OF_A_PHY = ("rx_bad_fcs", "rx_unreadable", "rx_overrun", "rx_stopped", "tx_dropped")
NEVER = {
    *(f"{port}_{name}" for port in ("wire", "host") for name in OF_A_PHY),
    *("runts", "oversize", "host_tx_oversize", "control_missed"),
}
"""What does not happen to frames of this traffic."""


def test_a_frame_is_padded_and_comes_out_as_it_is_while_time_passes(board):
    assert board.run(10**6)
    before = board.clocks
    assert board.run(10**6)
    assert board.clocks == before
    board.put("wire", PLAIN + b"from the wire")
    board.put("host", PLAIN + b"from the host")
    assert [board.waiting(port) for port in ("wire", "host")] == [1, 1]
    assert not board.run(10)
    assert board.take("host") == board.take("wire") == []
    finished(board)
    assert [board.waiting(port) for port in ("wire", "host")] == [0, 0]
    assert board.take("host") == [(PLAIN + b"from the wire").ljust(60, b"\0")]
    assert board.take("wire") == [(PLAIN + b"from the host").ljust(60, b"\0")]
    assert board.take("host") == board.take("wire") == []
    assert 500 < board.clocks - before < 50_000


def test_it_is_not_quiet_before_what_takes_long_is_done(board):
    longest = PLAIN + bytes(GEOMETRY.max_frame - len(PLAIN))
    for port, other in (("wire", "host"), ("host", "wire")):
        board.put(port, longest)
        finished(board)
        assert board.take(other) == [longest]
    board.put("host", frame(NIC_ADDRESS, HOST, Header(kind=Kind.OPEN, session=5)))
    finished(board)
    (opened,) = map(message, board.take("host"))
    header = Header(session=5, sequence=opened.header.sequence)
    refused = operations([read(register("id").address, 360), read(0x3FC)])
    board.put("host", frame(NIC_ADDRESS, HOST, header, refused))
    finished(board)
    (answer,) = map(message, board.take("host"))
    assert (answer.header.kind, len(answer.body)) == (Kind.REFUSED, 4 * 360)


def test_a_decided_head_reaches_the_host_with_its_shim(board):
    control = driver(BoardLink(board))
    epoch = control.load(table(GEOMETRY))
    control.listen(SERVER[1])
    for sent in (WIRE.opening(1), WIRE.frame(1, HEAD)):
        board.put("wire", sent)
    finished(board)
    syn, head = board.take("host")
    assert syn == WIRE.opening(1)
    verdict, original = split(head)
    assert original == WIRE.frame(1, HEAD)
    assert (verdict.state, verdict.epoch) == (State.DECIDED, epoch)


def private(board: EmulatedBoard) -> list[bytes]:
    """Frames that claim to be of the NIC, or of its host."""
    session = Header(kind=Kind.OPEN, session=99)
    request = Header(kind=Kind.REQUEST, session=1, sequence=1)
    writes = operations([write(register("control").address, [0])])
    plain = WIRE.frame(1, HEAD)
    shim = plain[:12] + SHIM.pack(Verdict(flags=State.DECIDED.value, epoch=1)) + plain[12:]
    control = [frame(NIC_ADDRESS, HOST, session), frame(NIC_ADDRESS, HOST, request, writes)]
    answer = frame(HOST, NIC_ADDRESS, Header(kind=Kind.DONE, session=1, sequence=1))
    bare = [shim, *control, answer]
    tags = (b"\x81\x00\x00\x07", b"\x88\xa8\x00\x07\x81\x00\x00\x07")
    return bare + [data[:12] + tag + data[12:] for data in bare for tag in tags]


def test_what_speaks_for_the_nic_from_the_wire_changes_nothing_and_is_counted(board):
    control = driver(BoardLink(board))
    control.load(table(GEOMETRY))
    control.listen(PORT)
    before = control.counters()
    for data in private(board):
        board.put("wire", data)
    finished(board)
    assert board.take("host") == board.take("wire") == []
    after = control.counters()  # in the session that there was
    control.verify()
    count = len(private(board))
    came = ("frames_in", "spoofed", "wire_rx_frames")
    assert {name: after[name] - before[name] for name in came} == dict.fromkeys(came, count)
    told = [c.name for c in BOARD_COUNTERS if c.name.startswith(("control_", "host_"))]
    own = {"control_executed", "host_rx_frames", "host_tx_frames"}
    assert all(after[name] == before[name] for name in told if name not in own)
    assert {after[name] - before[name] for name in own} == {2}
    unmoved = {c.name for c in COUNTERS} - set(came)
    assert all(after[name] == before[name] for name in unmoved)


def test_control_frames_of_the_host_never_reach_the_wire_whatever_they_are(board):
    rng = random.Random(2)
    whole = frame(NIC_ADDRESS, HOST, Header(session=5, sequence=1), operations([write(0x14, [1])]))
    sent = [whole[:14], whole[:40], frame(NIC_ADDRESS, HOST, Header(kind=Kind.OPEN, session=4))]
    for _ in range(40):
        at = rng.randrange(14, 52)
        sent.append(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
    sent += [whole[:14] + rng.randbytes(rng.randrange(0, 1600)) for _ in range(20)]
    plain = [PLAIN + bytes([n]) * 60 for n in range(len(sent))]
    for data, other in zip(sent, plain, strict=True):
        board.put("host", data)
        board.put("host", other)
    finished(board)
    assert board.take("wire") == plain


def test_a_table_of_256_rows_is_in_use_after_a_tenth_of_a_second_of_the_board(board):
    assert GEOMETRY.rows == 256
    link = BoardLink(board)
    control = driver(link)
    before = link.now()
    control.load(noise(GEOMETRY, 1))
    assert link.now() - before < 0.1
    control.verify()


def test_a_table_is_loaded_right_where_every_fifth_frame_is_lost(board):
    link = BoardLink(board, loss=0.2, seed=3)
    control = driver(link)
    control.load(noise(GEOMETRY, 2))
    assert link.lost > 20
    link.loss = 0.0
    control.verify()


def test_frames_behind_a_full_host_port_are_lost_as_a_whole_and_counted(board):
    control = driver(BoardLink(board))
    control.load(table(GEOMETRY))
    control.listen(SERVER[1])
    sent = [WIRE.opening(1)]
    for n in range(400):  # each of them is 40 octets longer on the host's side, without a pause
        sent.append(WIRE.frame(1 + n * len(HEAD), HEAD))
    for data in sent:
        board.put("wire", data)
    finished(board)
    came = [split(got)[1] for got in board.take("host")]
    counters = control.counters()
    assert 0 < len(sent) - len(came) < 200
    assert counters["wire_rx_overrun"] == len(sent) - len(came)
    left = iter(sent)
    assert all(any(got == data for data in left) for got in came)  # in order


def test_what_is_put_must_be_a_frame_and_apart_from_the_next(board):
    with pytest.raises(NicError, match="at least one byte"):
        board.put("wire", b"")
    with pytest.raises(ValueError, match="12 octets apart"):
        board.put("wire", PLAIN, gap=11)


def test_it_has_the_sizes_of_a_board_that_there_is():
    assert VersaEcp55g.geometry == GEOMETRY


def test_a_closed_board_says_so(board):
    board.close()
    board.close()
    with pytest.raises(NicError, match="closed"):
        board.run(1)


def test_the_link_is_up_at_both_ports(board):
    links = driver(BoardLink(board)).links()
    assert links == dict.fromkeys(("wire", "host"), (True, 1000, True))
    assert PERIOD == 8e-9
