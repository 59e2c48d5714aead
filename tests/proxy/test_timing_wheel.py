"""The clock: deadlines fire in time, in order, once, and not at all when cancelled."""

import asyncio
import random
import tracemalloc
from functools import partial
from typing import Any

import pytest

from hybridmesh.proxy.core.clock import RESOLUTION, Clock
from hybridmesh.proxy.io.clock import Alarm


def test_a_deadline_is_never_early_and_hardly_late() -> None:
    rng = random.Random(1)
    clock = Clock(now=1000.0)
    late: list[float] = []
    for _ in range(300):
        when = clock.now + rng.random() * 5
        clock.call_at(when, lambda when=when: late.append(clock.now - when))  # type: ignore[misc]
    while clock.due is not None:
        clock.advance(clock.due)
    assert len(late) == 300
    assert min(late) >= 0
    assert max(late) <= RESOLUTION + 1e-9


def test_deadlines_fire_in_order_when_time_jumps() -> None:
    clock = Clock()
    fired: list[int] = []
    for when in (3, 1, 2):
        clock.call_at(when, lambda when=when: fired.append(when))  # type: ignore[misc]
    clock.advance(10.0)
    assert fired == [1, 2, 3]
    clock.advance(20.0)
    assert fired == [1, 2, 3]


def test_a_cancelled_deadline_does_not_fire_even_in_the_slot_that_is_firing() -> None:
    clock = Clock()
    fired: list[str] = []

    def second() -> None:
        fired.append("second")

    def first() -> None:
        fired.append("first")
        clock.cancel(slot, second)

    clock.call_at(1.0, first)
    slot = clock.call_at(1.0, second)
    third = clock.call_at(2.0, second)
    clock.cancel(third, second)
    clock.advance(5.0)
    assert fired == ["first"]


def test_a_deadline_set_while_firing_comes_later() -> None:
    clock = Clock()
    fired: list[float] = []

    def again() -> None:
        fired.append(clock.now)
        clock.call_at(clock.now, again)

    clock.call_at(1.0, again)
    clock.advance(1.5)
    clock.advance(1.51)
    assert fired == [1.5, 1.51]


def test_the_shell_is_told_when_something_earlier_comes_in() -> None:
    clock = Clock()
    told: list[float | None] = []
    clock.on_earlier = lambda: told.append(clock.due)
    for when in (5.0, 9.0, 2.0):
        clock.call_at(when, lambda: None)
    assert [round(due or 0, 1) for due in told] == [5.0, 2.0]


def test_the_date_is_that_of_the_wall_clock() -> None:
    clock = Clock(now=100.0, wall=784111777.0)
    assert clock.date() == b"Sun, 06 Nov 1994 08:49:37 GMT"
    clock.now = 101.0
    assert clock.date() == b"Sun, 06 Nov 1994 08:49:38 GMT"
    clock.set_wall(0.0)
    assert clock.date() == b"Thu, 01 Jan 1970 00:00:00 GMT"


def test_deadlines_that_were_cancelled_leave_nothing_behind() -> None:
    """As of connections that come and go, each with an hour's alarm."""
    clock = Clock()

    def never() -> None:
        raise AssertionError

    def an_hour() -> int:
        tracemalloc.start()
        for _ in range(3600):
            for tick in range(10):
                slot = clock.call_at(clock.now + tick / 10 + 3600, never)
                clock.cancel(slot, never)
            clock.advance(clock.now + 1)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return used

    kept = clock.call_at(7200, never)
    assert an_hour() < 500_000
    assert clock.due is not None
    assert clock.due <= 7200 + RESOLUTION
    clock.cancel(kept, never)
    clock.advance(8000)


def test_a_sweep_keeps_what_is_still_to_come() -> None:
    clock = Clock()
    fired: list[int] = []
    for n in range(5000):
        slot = clock.call_at(100 + n / 10, wake := partial(fired.append, n))
        if n % 100:
            clock.cancel(slot, wake)
    clock.advance(1.0)
    clock.advance(1000.0)
    assert fired == list(range(0, 5000, 100))


def test_a_call_that_fails_does_not_take_the_others_with_it() -> None:
    clock = Clock()
    fired: list[str] = []
    for name in ("a", "b", "c"):
        clock.call_at(1.0, partial(fired.append, name))
        clock.call_at(1.0, partial(int, f"{name}?"))
    for _ in range(3):
        with pytest.raises(ValueError, match="invalid literal"):
            clock.advance(2.0)
    clock.advance(2.0)
    assert fired == ["a", "b", "c"]


def test_the_shell_goes_on_ringing_after_a_call_that_fails() -> None:
    async def scene() -> list[str]:
        loop = asyncio.get_running_loop()
        complaints: list[Any] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))
        clock, fired = Clock(loop.time()), list[str]()
        alarm = Alarm(clock)
        clock.call_at(clock.now + 0.01, partial(int, "?"))
        clock.call_at(clock.now + 0.05, partial(fired.append, "later"))
        await asyncio.sleep(0.2)
        alarm.close()
        assert [type(error) for error in complaints] == [ValueError]
        return fired

    assert asyncio.run(scene()) == ["later"]
