"""Time, as the core sees it: a number that the shell sets, and one timing wheel for all deadlines.

The core never asks the system for the time.  The shell sets :attr:`Clock.now` before it delivers
an event and calls :meth:`Clock.advance` when :attr:`Clock.due` has come; tests do the same with
numbers of their own.  The wheel is the hashed one of Varghese and Lauck (1987): adding and
cancelling a deadline cost one dictionary access each, however many there are.
"""

import heapq
from collections.abc import Callable
from email.utils import formatdate

__all__ = ["RESOLUTION", "Clock"]

RESOLUTION = 0.005
"""Seconds per slot of the wheel: a deadline fires up to this much late, never early."""

_RATE = 1 / RESOLUTION

_FEW = 1024
"""Slots that need not be looked through for empty ones."""


class Clock:
    """Now, the date, and what is due later.

    Parameters
    ----------
    now : float
        Monotonic seconds.
    wall : float
        Seconds since 1970 at the same instant.

    Attributes
    ----------
    on_earlier : callable
        Called when :attr:`due` becomes earlier than it was; the shell sets its alarm anew.
    """

    __slots__ = (
        "_crowded",
        "_date",
        "_order",
        "_second",
        "_slots",
        "_wall_offset",
        "now",
        "on_earlier",
    )

    def __init__(self, now: float = 0.0, wall: float = 0.0) -> None:
        self.now = now
        self.on_earlier: Callable[[], None] = lambda: None
        self._wall_offset = wall - now
        self._slots: dict[int, dict[Callable[[], None], None]] = {}
        self._order: list[int] = []
        self._crowded = _FEW
        self._second = -1
        self._date = b""

    @property
    def wall(self) -> float:
        """Seconds since 1970."""
        return self.now + self._wall_offset

    def set_wall(self, wall: float) -> None:
        """Follow the system's clock when somebody has set it."""
        self._wall_offset = wall - self.now

    def date(self) -> bytes:
        """The ``date`` field's value (RFC 9110, 5.6.7), made once per second."""
        second = int(self.now + self._wall_offset)
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date

    @property
    def due(self) -> float | None:
        """When :meth:`advance` has something to do; None: never."""
        return self._order[0] * RESOLUTION if self._order else None

    def call_at(self, when: float, wake: Callable[[], None]) -> int:
        """Call *wake* once, at *when* or up to :data:`RESOLUTION` later; returns its slot."""
        slot = int(when * _RATE) + 1
        due = self._slots.get(slot)
        if due is not None:
            due[wake] = None
            return slot
        self._slots[slot] = {wake: None}
        heapq.heappush(self._order, slot)
        if self._order[0] == slot:
            self.on_earlier()
        return slot

    def cancel(self, slot: int, wake: Callable[[], None]) -> None:
        """Forget *wake*, which :meth:`call_at` put into *slot*; nothing if it has been called."""
        due = self._slots.get(slot)
        if due is not None:
            due.pop(wake, None)

    def advance(self, now: float) -> None:
        """Time is *now*: call whatever is due, earliest first.

        A call that raises ends the round; the calls behind it are due still.
        """
        self.now = now
        last = int(now * _RATE)
        while self._order and self._order[0] <= last:
            slot = heapq.heappop(self._order)
            due = self._slots[slot]
            try:
                while due:  # a call may cancel another one of the same slot
                    wake = next(iter(due))
                    del due[wake]
                    wake()
            finally:
                if due:
                    heapq.heappush(self._order, slot)
                else:
                    del self._slots[slot]
        if len(self._order) > self._crowded:
            self._sweep()

    def _sweep(self) -> None:
        """Forget the slots of which all has been cancelled: most deadlines are, and some are so far
        away that hundreds of thousands of slots would come together until then."""
        self._slots = {slot: due for slot, due in self._slots.items() if due}
        self._order = sorted(self._slots)
        self._crowded = 2 * len(self._order) + _FEW
