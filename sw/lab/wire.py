"""The wire: frames go from one TAP to the other, through a NIC in one direction."""

import os
import select
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Protocol

from ..nic.frames import SHORTEST
from .tap import Tap

__all__ = ["Exchange", "Wire"]

_BURST = 64
"""Frames that are taken from one side before the other has its turn."""


class Exchange(Protocol):
    """What is asked of a NIC: see :class:`~hybridmesh.nic.driver.NicDriver`."""

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]: ...


class Wire:
    """Moves frames in a thread of its own until it is closed.

    Parameters
    ----------
    outside, host : Tap
    nic : Exchange
        Between the two; no other thread may use it meanwhile.
    impair : callable
        What the network does to frames from outside, before they come to the NIC.
    """

    def __init__(
        self,
        outside: Tap,
        host: Tap,
        nic: Exchange,
        impair: Callable[[list[bytes]], list[bytes]] = list,
    ) -> None:
        self._outside = outside
        self._host = host
        self._nic = nic
        self._impair = impair
        self._awake, self._wake = os.pipe2(os.O_CLOEXEC)
        self._failure: Exception | None = None
        self._thread = Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and raise what went wrong in the NIC, if anything did."""
        os.write(self._wake, b"x")
        self._thread.join()
        os.close(self._awake)
        os.close(self._wake)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._move()
        except Exception as error:
            self._failure = error

    def _move(self) -> None:
        outside, host = self._outside, self._host
        poll = select.poll()
        for descriptor in (outside.descriptor, host.descriptor, self._awake):
            poll.register(descriptor, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._awake in ready:
                return
            if host.descriptor in ready:
                for frame in _burst(host):
                    outside.write(frame)
            if outside.descriptor in ready and (frames := self._impair(_burst(outside))):
                for frame in self._nic.exchange(frames):
                    host.write(frame)


def _burst(tap: Tap) -> list[bytes]:
    """Some frames, none shorter than a MAC sends."""
    frames: list[bytes] = []
    while len(frames) < _BURST and (frame := tap.read()) is not None:
        frames.append(frame.ljust(SHORTEST, b"\0"))
    return frames
