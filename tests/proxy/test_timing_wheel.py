"""The clock: deadlines fire in time, in order, once, and not at all when cancelled."""

import random

from hybridmesh.proxy.core.clock import RESOLUTION, Clock


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
