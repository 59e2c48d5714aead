"""The host's side of an emulated board without TAPs: control frames whose time is the board's."""

import math
import random
from collections import deque

from hybridmesh.contract.inband import is_control
from hybridmesh.nic.emulated import PERIOD, EmulatedBoard
from hybridmesh.nic.inband import InbandClient
from hybridmesh.nic.inbandbus import InbandBus, InbandRegisters

__all__ = ["BoardLink", "driver", "finished"]

SLICE = 256
"""Clocks that pass before somebody looks whether an answer has come."""


def finished(board: EmulatedBoard) -> None:
    """Let time pass until nothing is under way."""
    while not board.run(100_000):
        pass


class BoardLink:
    """The interface at the host port; where the board is quiet, only the host's time goes on.

    Parameters
    ----------
    loss : float
        Share of the frames that are lost, in either direction.

    Attributes
    ----------
    sent : int
        Frames given to the board.
    last : bytes
        The last of them.
    others : list of bytes
        Frames that came meanwhile and are no control frames.
    """

    def __init__(self, board: EmulatedBoard, loss: float = 0.0, seed: int = 0) -> None:
        self.board, self.loss = board, loss
        self.sent, self.lost = 0, 0
        self.last = b""
        self.others: list[bytes] = []
        self._came: deque[bytes] = deque()
        self._idle = 0.0
        self._rng = random.Random(seed)

    def now(self) -> float:
        return self.board.clocks * PERIOD + self._idle

    def send(self, frame: bytes) -> None:
        if not self._is_lost():
            self.sent += 1
            self.last = frame
            self.board.put("host", frame)

    def receive(self, until: float) -> bytes | None:
        while not self._came:
            left = math.ceil((until - self.now()) / PERIOD)
            if left <= 0:
                return None
            quiet = self.board.run(min(left, SLICE))
            for frame in self.board.take("host"):
                if not is_control(frame):
                    self.others.append(frame)
                elif not self._is_lost():
                    self._came.append(frame)
            if quiet and not self._came:
                self._idle += max(0.0, until - self.now())
        return self._came.popleft()

    def _is_lost(self) -> bool:
        lost = self._rng.random() < self.loss
        self.lost += lost
        return lost


def driver(link: BoardLink, numbers: int = 1) -> InbandRegisters:
    """A driver of the board at *link*, whose sessions come from the seed *numbers*; its first table
    is of epoch 1."""
    rng = random.Random(numbers)
    client = InbandClient(b"\2\0\0\0\0\7", "board", lambda: rng.getrandbits(32))
    return InbandRegisters(InbandBus(link, client), after=0)
