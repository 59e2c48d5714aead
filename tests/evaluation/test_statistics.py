"""Medians, paired ratios, targets, on samples that nobody took."""

import pytest

from hybridmesh.evaluation.statistics import Spread, paired, spread
from hybridmesh.evaluation.targets import Target, outcomes
from hybridmesh.evaluation.workload import Workload

from .madeup import kept, sample

BASE = Workload().name


def test_a_spread_is_the_least_the_median_and_the_most():
    assert Spread.of([5.0, 1.0, 9.0, 2.0]) == Spread(1.0, 3.5, 9.0, 4)
    assert Spread.of([5.0, 1.0]) is None


def test_ratios_are_of_the_same_round(tmp_path):
    # A slow minute hits both: the ratio is 2 in each round, and not so over the rounds.
    slow = (1.0, 10.0, 3.0, 5.0)
    taken = [sample(BASE, n, "envoy", user=20 * s, system=0) for n, s in enumerate(slow)]
    taken += [sample(BASE, n, "stamped", user=10 * s, system=0) for n, s in enumerate(slow)]
    taken.append(sample(BASE, 9, "envoy", user=1e6))  # a round without the other
    samples = kept(tmp_path, *taken)
    ratio = paired(samples, (BASE, "envoy"), (BASE, "stamped"), lambda s: s.cpu)
    assert ratio == Spread(2.0, 2.0, 2.0, 4)


def test_there_is_no_ratio_of_too_few_rounds_nor_by_nothing(tmp_path):
    taken = [sample(BASE, n, peer) for n in range(3) for peer in ("envoy", "stamped")]
    samples = kept(tmp_path, *taken[:-1])
    assert paired(samples, (BASE, "envoy"), (BASE, "stamped"), lambda s: s.cpu) is None
    samples.append(taken[-1:])
    assert paired(samples, (BASE, "envoy"), (BASE, "stamped"), lambda s: s.cpu) is not None
    assert paired(samples, (BASE, "envoy"), (BASE, "stamped"), lambda s: 0.0) is None


def test_cpu_is_user_and_system(tmp_path):
    samples = kept(tmp_path, *(sample(BASE, n, "off", user=2.0, system=3.0) for n in range(3)))
    assert spread(samples, BASE, "off", lambda s: s.cpu) == Spread(5.0, 5.0, 5.0, 3)


@pytest.mark.parametrize(
    ("least", "most", "upwards", "downwards"),
    [(4.4, 5.0, "met", "open"), (4.0, 4.5, "open", "open"), (3.0, 4.3, "missed", "met")],
)
def test_a_target_is_met_if_all_rounds_meet_it(least, most, upwards, downwards):
    found = Spread(least, (least + most) / 2, most, 5)
    assert Target("", 4.4, found).outcome == upwards
    assert Target("", 4.4, found, most=True).outcome == downwards
    assert Target("", 4.4, None).outcome == "not measured"


def test_a_target_that_all_rounds_exceed_is_missed():
    assert Target("", 1.1, Spread(1.2, 1.3, 1.4, 5), most=True).outcome == "missed"


def test_flat_is_the_dearest_by_the_cheapest_of_a_round(tmp_path):
    costs = {1: 10.0, 10: 10.0, 100: 12.0, 1000: 11.0, 5000: 10.5}
    samples = kept(
        tmp_path,
        *(
            sample(Workload(routes=routes).name, n, "stamped", user=cost * (n + 1), system=0)
            for routes, cost in costs.items()
            for n in range(3)
        ),
    )
    (flat,) = (target for target in outcomes(samples, "stamped") if "dearest" in target.promise)
    assert flat.found == Spread(1.2, 1.2, 1.2, 3)
    assert flat.outcome == "missed"


def test_latencies_are_compared_at_the_same_load(tmp_path):
    name = Workload(think=16).name
    taken = [sample(name, n, "haproxy", p99=3000.0, requests=30_000) for n in range(4)]
    taken += [sample(name, n, "stamped", p99=1500.0, requests=29_000) for n in range(3)]
    # One that gets fewer requests done is late for none of them.
    taken.append(sample(name, 3, "stamped", p99=100.0, requests=20_000))
    samples = kept(tmp_path, *taken)
    (late,) = (target for target in outcomes(samples, "stamped") if "p99" in target.promise)
    assert late.found == Spread(2.0, 2.0, 2.0, 3)
