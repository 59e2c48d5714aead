"""The cables of an emulated board: nothing is lost, and the board rests while nothing comes."""

import socket
from collections import deque
from collections.abc import Iterator
from contextlib import closing

import pytest

from hybridmesh.contract.verdict import SHIM
from hybridmesh.lab.boardwire import BoardWire
from hybridmesh.lab.namespace import LabError
from hybridmesh.nic import NicError

OTHER = {"wire": "host", "host": "wire"}


class Socket:
    """An end of a cable that needs no privileges; ``far`` is the other one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._near.setblocking(False)
        self.descriptor = self._near.fileno()

    def read(self) -> bytes | None:
        try:
            return self._near.recv(4096) or None
        except BlockingIOError:
            return None

    def write(self, frame: bytes) -> None:
        self._near.setblocking(True)
        self._near.send(frame)
        self._near.setblocking(False)

    def close(self) -> None:
        self._near.close()
        self.far.close()


class Slow:
    """A board that lets one frame of each port through, whenever time passes."""

    def __init__(self) -> None:
        self._waits: dict[str, deque[bytes]] = {port: deque() for port in OTHER}
        self._out: dict[str, list[bytes]] = {port: [] for port in OTHER}
        self.most = dict.fromkeys(OTHER, 0)
        self.gaps: dict[str, set[int]] = {port: set() for port in OTHER}
        self.in_vain = 0
        self.broken = False

    def put(self, port: str, frame: bytes, gap: int) -> None:
        self._waits[port].append(frame)
        self.most[port] = max(self.most[port], len(self._waits[port]))
        self.gaps[port].add(gap)

    def waiting(self, port: str) -> int:
        return len(self._waits[port])

    def run(self, clocks: int) -> bool:
        if self.broken:
            raise NicError("The emulated board has sent what is no Ethernet frame")
        self.in_vain += not any(self._waits.values())
        for port, waits in self._waits.items():
            if waits:
                self._out[OTHER[port]].append(waits.popleft())
        return not any(self._waits.values())

    def take(self, port: str) -> list[bytes]:
        out, self._out[port] = self._out[port], []
        return out


@pytest.fixture
def ends() -> Iterator[tuple[Socket, Socket]]:
    with closing(Socket("wire0")) as wire, closing(Socket("nic0")) as host:
        yield wire, host


def test_a_burst_waits_where_it_came_from_and_comes_whole_and_in_order(ends):
    board = Slow()
    frames = {end: [end.name.encode() + bytes([n]) * 60 for n in range(150)] for end in ends}
    with closing(BoardWire(*ends, board)):
        for n in range(0, 150, 50):  # no more than fit into the sockets
            for end, sent in frames.items():
                for frame in sent[n : n + 50]:
                    end.far.send(frame)
            for end, other in zip(ends, ends[::-1], strict=True):
                assert [other.far.recv(4096) for _ in range(50)] == frames[end][n : n + 50]
    assert min(board.most.values()) > 1
    assert max(board.most.values()) <= 16


def test_the_board_runs_for_frames_alone(ends):
    board = Slow()
    wire, host = ends
    with closing(BoardWire(wire, host, board)):
        for n in range(50):
            wire.far.send(b"frame %d" % n)
            assert host.far.recv(4096) == b"frame %d" % n
    assert board.in_vain <= 2  # as it begins


def test_shims_have_their_room_between_frames_of_the_wire(ends):
    board = Slow()
    wire, host = ends
    with closing(BoardWire(wire, host, board)):
        for near, far in ((wire, host), (host, wire)):
            near.far.send(b"frame")
            far.far.recv(4096)
    assert board.gaps == {"wire": {12 + SHIM.size}, "host": {12}}


def test_the_network_is_before_the_wire_alone(ends):
    wire, host = ends
    with closing(BoardWire(wire, host, Slow(), lambda frames: [f + b"!" for f in frames])):
        for near, far, expected in ((wire, host, b"frame!"), (host, wire, b"frame")):
            near.far.send(b"frame")
            assert far.far.recv(4096) == expected


def test_a_board_that_fails_ends_it_and_is_heard_when_it_is_closed(ends):
    board = Slow()
    cables = BoardWire(*ends, board)
    board.broken = True
    ends[0].far.send(b"frame")
    cables.wait()
    with pytest.raises(NicError, match="no Ethernet frame"):
        cables.close()


def test_an_interface_that_goes_is_named(ends):
    cables = BoardWire(*ends, Slow())
    ends[1].far.close()
    cables.wait()
    with pytest.raises(LabError, match="nic0: The TAP device has gone"):
        cables.close()


def test_who_stops_it_need_not_wait(ends):
    cables = BoardWire(*ends, Slow())
    cables.stop()
    cables.wait()
    cables.close()
