"""The core's clock on the event loop: one alarm for the earliest deadline.

Before any other event reaches the core, the shell sets ``Clock.now`` by itself.
"""

import asyncio
import time

from ..core.clock import Clock

__all__ = ["Alarm"]

_LONGEST = 1.0
"""Seconds between two looks at the system's date, at the latest."""


class Alarm:
    """Calls :meth:`Clock.advance` whenever something is due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._handle: asyncio.TimerHandle | None = None
        clock.on_earlier = self._set
        self._set()

    def close(self) -> None:
        self._clock.on_earlier = lambda: None
        if self._handle is not None:
            self._handle.cancel()

    def _set(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        due = self._clock.due
        delay = _LONGEST if due is None else min(max(due - time.monotonic(), 0.0), _LONGEST)
        self._handle = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._handle = None
        clock = self._clock
        clock.set_wall(time.time())
        try:
            clock.advance(time.monotonic())
        finally:  # one call that fails must not stop the clock for all others
            if self._handle is None:
                self._set()
