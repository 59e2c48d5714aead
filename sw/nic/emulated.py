"""EmulatedBoard: the board's RTL with frames at both of its ports, for who has no board.

It is what :class:`~hybridmesh.rtl.board.board.Board` is, verilated, at 1000 Mb/s and with one clock
for all.  Frames wait at a port until :meth:`EmulatedBoard.run` lets time pass; no Python code runs
per clock.
"""

import ctypes
from types import TracebackType
from typing import Self

from ..contract.geometry import Geometry
from ..contract.inband import LIMIT, PATIENCE
from ..contract.registers import PORTS
from .build import BOARD, shared_library
from .control import check_frames
from .error import NicError
from .library import function, unpacked

__all__ = ["GAP", "GEOMETRY", "PERIOD", "EmulatedBoard"]

GEOMETRY = Geometry(width=1, rows=256, hosts=32, predicates=16, max_frame=1984)
"""Sizes of a board where nothing else is asked for: those of ``versa_ecp5_5g``."""

GAP = 12
"""Octets between two frames, at least (IEEE 802.3, 4.2.3.2.2)."""

PERIOD = 8e-9
"""Seconds of a clock, of 125 MHz."""

_ROOM = 1 << 16
"""Bytes of the buffer for frames that come out; each is shorter."""

_FAILURES = {
    -1: "The emulated board has sent what is no Ethernet frame",
    -2: "The emulated board has sent a frame that is too long",
}

_BOARD, _SIZE, _CLOCKS = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64


class EmulatedBoard:
    """A board in simulation, whose ports are called ``wire`` and ``host``.

    Parameters
    ----------
    geometry : Geometry
        Of width 1.  The library for it is built when it is used for the first time.

    Attributes
    ----------
    geometry : Geometry

    Raises
    ------
    NicError
        Where the library cannot be built.
    """

    def __init__(self, geometry: Geometry = GEOMETRY) -> None:
        self.geometry = geometry
        library = ctypes.CDLL(str(shared_library(geometry, simulated=BOARD)))
        chars, port = ctypes.c_char_p, ctypes.c_int
        self._put = function(library.board_put, (_BOARD, port, chars, _SIZE, _SIZE))
        self._waiting = function(library.board_waiting, (_BOARD, port))
        self._take = function(library.board_take, (_BOARD, port, chars, _SIZE))
        self._run = function(library.board_run, (_BOARD, _CLOCKS, _CLOCKS))
        self._clocks = function(library.board_clocks, (_BOARD,))
        self._free = function(library.board_free, (_BOARD,))
        library.board_new.restype = ctypes.c_void_p
        self._board: int | None = library.board_new()
        self._out = ctypes.create_string_buffer(_ROOM)
        # The longest that a frame can be under way unseen: it is stored twice as a whole, behind
        # one before it; and what a request asks for takes some clocks a word, or is refused.
        words = LIMIT // 4
        self._patience = 4 * geometry.max_frame + 16 * words + 3 * PATIENCE

    @property
    def clocks(self) -> int:
        """Clocks since the reset."""
        return self._clocks(self._open)

    def put(self, port: str, frame: bytes, gap: int = GAP) -> None:
        """Let *frame*, without FCS, wait for its turn at *port*, with *gap* octets behind it."""
        check_frames([frame])
        if gap < GAP:
            raise ValueError(f"Frames are {GAP} octets apart at least, not {gap}")
        self._done(self._put(self._open, PORTS.index(port), frame, len(frame), gap), port)

    def waiting(self, port: str) -> int:
        """Frames put at *port* that the board has not received to their end."""
        return self._waiting(self._open, PORTS.index(port))

    def run(self, clocks: int) -> bool:
        """Let at most so many *clocks* pass; whether the board is quiet then.

        It is quiet when nothing waits, and nothing has come or gone for so long that nothing is
        under way.  No time passes from then on until the next frame is put.  Other threads run
        meanwhile.

        Raises
        ------
        NicError
            Where the board has sent what is no frame, or with a wrong FCS.
        """
        return bool(self._done(self._run(self._open, clocks, self._patience), "run"))

    def take(self, port: str) -> list[bytes]:
        """The frames that the board has sent at *port* since, without FCS, as they came."""
        frames: list[bytes] = []
        while size := self._done(self._take(self._open, PORTS.index(port), self._out, _ROOM), port):
            frames += unpacked(memoryview(self._out)[:size].tobytes())
        return frames

    def close(self) -> None:
        """Let go of it; closing twice is harmless."""
        if self._board is not None:
            self._free(self._board)
            self._board = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _open(self) -> int:
        if self._board is None:
            raise NicError("The board has been closed")
        return self._board

    def _done(self, result: int, place: str) -> int:
        if result < 0:
            raise NicError(_FAILURES[result], place=place)
        return result
