"""Outlier detection: who is ejected when, and for how long, as in Envoy."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybridmesh.config.model import Endpoint, OutlierDetection
from hybridmesh.proxy.core.balancing import Detector, Host, http_status
from hybridmesh.proxy.core.balancing.outlier import Monitor
from hybridmesh.proxy.core.clock import Clock

RECORDED = json.loads((Path(__file__).parent / "vectors" / "outlier.json").read_text())["runs"]


class World:
    """A cluster of hosts whose requests fail as the test wants it."""

    def __init__(self, hosts: int = 2, start: float = 0.0, **policy: Any) -> None:
        self.clock = Clock(start)
        self.changes = 0
        self.hosts = [Host(Endpoint(f"10.0.0.{n}", 80)) for n in range(hosts)]
        settings = {"consecutive_5xx": 2, "max_percent": 100, **policy}
        self.detector = Detector(OutlierDetection(**settings), self.clock, self._changed)
        self.detector.update(self.hosts)

    def _changed(self) -> None:
        self.changes += 1

    def monitor(self, number: int = 0) -> Monitor:
        monitor = self.hosts[number].monitor
        assert isinstance(monitor, Monitor)
        return monitor

    def fail(self, number: int = 0) -> None:
        """Enough errors for an ejection."""
        for _ in range(2):
            self.monitor(number).responded(500)
        assert not self.hosts[number].eligible

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds * 4)):
            self.clock.advance(round(self.clock.now + 0.25, 2))

    def ejected_for(self, number: int = 0) -> int:
        """Seconds until the host is back."""
        began = self.clock.now
        while not self.hosts[number].eligible:
            self.wait(0.25)
        return int(self.clock.now - began)


# ------------------------------------------------------------------ who


def tell(monitor: Monitor, what: str) -> None:
    if what == "refused":
        monitor.reset()
        return
    monitor.connected()
    if what == "half":
        monitor.responded(200)
        monitor.reset()
    elif what == "reset":
        monitor.reset()
    elif what == "timed_out":
        monitor.timed_out()
    elif what.startswith("grpc"):
        monitor.responded(http_status(int(what.split()[1])))
    else:
        monitor.responded(int(what))


@pytest.mark.parametrize("run", RECORDED, ids=lambda run: str(run["policy"]))
def test_the_hosts_that_envoy_ejects_are_ejected(run: dict[str, Any]) -> None:
    world = World(4, **run["policy"])
    names = dict(zip("123R", world.hosts, strict=True))
    for event in run["events"]:
        name, what, ejected = event.split(":")
        monitor = names[name].monitor
        assert isinstance(monitor, Monitor)
        tell(monitor, what)
        assert [n for n in names if not names[n].eligible] == list(ejected), event
    assert {name: n for name, n in world.detector.counters.items() if n} == run["counters"]


def test_errors_count_only_in_a_row() -> None:
    world = World(consecutive_5xx=3)
    for status in (500, 500, 200, 500, 500, 404, 500, 500, 302):
        world.monitor().responded(status)
    assert world.hosts[0].eligible
    for _ in range(3):
        world.monitor().responded(599)
    assert not world.hosts[0].eligible
    assert world.changes == 1


def test_only_so_many_are_ejected_and_at_a_tenth_of_three_none_is() -> None:
    world = World(3, max_percent=67)
    world.fail(0)
    world.fail(1)
    for _ in range(2):
        world.monitor(2).responded(500)
    assert world.hosts[2].eligible
    assert world.detector.counters["ejections_overflow"] == 1
    world = World(3, max_percent=10)
    for _ in range(10):
        world.monitor().responded(500)
    assert world.hosts[0].eligible
    assert world.detector.counters["ejections_overflow"] == 5


# ------------------------------------------------------------------ how long


def test_a_host_is_back_at_the_first_look_after_its_time() -> None:
    world = World(base_ejection=30, interval=10)
    world.wait(4)
    world.fail()
    assert world.ejected_for() == 36  # looks are at 10, 20, 30, 40
    assert world.changes == 2
    assert world.detector.counters["ejections_active"] == 0


def test_looks_come_at_times_counted_from_the_start_of_the_detection() -> None:
    world = World(start=3, base_ejection=30, interval=10)
    world.fail()
    assert world.ejected_for() == 30


def test_each_ejection_lasts_longer_up_to_the_longest() -> None:
    world = World(base_ejection=30, interval=10, max_ejection=75)
    lasted = []
    for _ in range(5):
        world.fail()
        lasted.append(world.ejected_for())
    assert lasted == [30, 60, 80, 80, 80]  # 75, and on to the next look


def test_ejections_beyond_the_longest_are_not_counted() -> None:
    world = World(base_ejection=30, interval=10, max_ejection=75)
    for _ in range(8):
        world.fail()
        world.ejected_for()
    world.wait(41)  # four looks, and all is made up for
    world.fail()
    assert world.ejected_for() == 39  # begun after a look: 30 and on to the next


def test_the_longest_is_never_shorter_than_the_first() -> None:
    world = World(base_ejection=400, interval=10, max_ejection=300)
    world.fail()
    assert world.ejected_for() == 400


def test_an_interval_in_good_health_makes_up_for_one_ejection() -> None:
    world = World(base_ejection=30, interval=10, max_ejection=300)
    for expected in (30, 60, 90):
        world.fail()
        assert world.ejected_for() == expected
    world.wait(21)  # two looks
    world.fail()
    assert world.ejected_for() == 69  # begun after a look: 60 and on to the next
    world.wait(300)
    world.fail()
    assert world.ejected_for() == 30


def test_a_host_that_is_back_is_counted_anew() -> None:
    world = World(base_ejection=30, interval=10)
    world.fail()
    world.monitor().responded(502)
    world.ejected_for()
    world.monitor().responded(502)
    assert world.hosts[0].eligible
    world.monitor().responded(502)
    assert not world.hosts[0].eligible


def test_nothing_is_due_while_all_is_well() -> None:
    world = World(base_ejection=30, interval=10)
    assert world.clock.due is None
    world.fail()
    assert world.clock.due is not None
    world.ejected_for()
    world.wait(20)
    assert world.clock.due is None


# ------------------------------------------------------------------ hosts come and go


def test_hosts_that_stay_keep_what_is_known_of_them() -> None:
    world = World(3, consecutive_5xx=2)
    world.fail(0)
    world.monitor(1).responded(500)
    gone = world.monitor(2)
    added = Host(Endpoint("10.0.0.9", 80))
    world.detector.update([*world.hosts[:2], added])
    assert not world.hosts[0].eligible
    assert world.detector.counters["ejections_active"] == 1
    world.monitor(1).responded(500)
    assert not world.hosts[1].eligible
    assert added.monitor is not None
    for _ in range(2):  # still under way when it was taken out
        gone.responded(500)
    assert world.hosts[2].eligible
    world.detector.update([added])
    assert world.detector.counters["ejections_active"] == 0
