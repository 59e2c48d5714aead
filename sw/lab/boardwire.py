"""Two cables: each port of an emulated board goes to a TAP of its own."""

import os
import select
from collections.abc import Callable
from threading import Event, Thread

from ..contract.registers import PORTS
from ..contract.verdict import SHIM
from ..nic.emulated import GAP, EmulatedBoard
from .namespace import LabError
from .tap import Cable

__all__ = ["BoardWire"]

_WAITING = 8
"""Frames that wait for the board, of each port; those behind them wait in the TAP's own queue."""

_CLOCKS = 2048
"""That pass before the TAPs have their turn: about those of a frame."""

_GAPS = {"wire": GAP + SHIM.size, "host": GAP}
"""Octets behind each frame.  With so many of them the host's port, of the same speed, keeps up
where every frame gets a shim: a burst that is longer than the board's queues does not lose any."""


class BoardWire:
    """Moves frames in a thread of its own until it is closed, in both directions.

    The board's time passes while there is something to do, and stands still else.

    Parameters
    ----------
    wire, host : Cable
        What the ports are cabled to.
    board : EmulatedBoard
        No other thread may use it meanwhile.
    impair : callable
        What the network does to frames that come from ``wire``, before they come to the board.
    """

    def __init__(
        self,
        wire: Cable,
        host: Cable,
        board: EmulatedBoard,
        impair: Callable[[list[bytes]], list[bytes]] = list,
    ) -> None:
        self._taps = dict(zip(PORTS, (wire, host), strict=True))
        self._board = board
        self._impair = impair
        self._awake, self._wake = os.pipe2(os.O_CLOEXEC)
        self._failure: Exception | None = None
        self._ended = Event()
        self._thread = Thread(target=self._run, name="board", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let it end; also from a signal's handler."""
        os.write(self._wake, b"x")

    def wait(self) -> None:
        """Return when it has ended: somebody stopped it, or something went wrong."""
        self._ended.wait()  # join() believes that a thread has ended whose waiter was interrupted

    def close(self) -> None:
        """Stop, and raise what went wrong with board or TAPs, if anything did."""
        self.stop()
        self.wait()
        os.close(self._awake)
        os.close(self._wake)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._move()
        except Exception as error:
            self._failure = error
        finally:
            self._ended.set()

    def _move(self) -> None:
        board = self._board
        poll = select.poll()
        for tap in self._taps.values():
            poll.register(tap.descriptor, select.POLLIN)
        poll.register(self._awake, select.POLLIN)
        quiet = board.run(0)
        while True:
            ready = dict(poll.poll(None if quiet else 0))
            if self._awake in ready:
                return
            for port, tap in self._taps.items():
                if tap.descriptor in ready:
                    if ready[tap.descriptor] & ~select.POLLIN:
                        raise LabError("The TAP device has gone", place=tap.name)
                    self._give(port, tap)
            quiet = board.run(_CLOCKS)
            for port, tap in self._taps.items():
                for frame in board.take(port):
                    tap.write(frame)

    def _give(self, port: str, tap: Cable) -> None:
        """Let some of *tap*'s frames wait at *port*."""
        frames: list[bytes] = []
        room = _WAITING - self._board.waiting(port)
        while len(frames) < room and (frame := tap.read()) is not None:
            frames.append(frame)
        for frame in self._impair(frames) if port == "wire" else frames:
            self._board.put(port, frame, _GAPS[port])
