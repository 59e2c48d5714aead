"""Which endpoint is picked: for consistent hashing the one that Envoy picks, key by key.

``vectors/record.py`` asks Envoy.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from xxhash import xxh64_intdigest

from hybridmesh.config.model import Balancer, Endpoint, LoadBalancing, RetryPolicy, Warmup
from hybridmesh.proxy.core.balancing import Balancing, Host, Tried
from hybridmesh.proxy.core.balancing.load import load
from hybridmesh.proxy.core.clock import Clock

RECORDED = json.loads((Path(__file__).parent / "vectors" / "balancing.json").read_text())

RING, MAGLEV = Balancer.RING_HASH, Balancer.MAGLEV
LEAST, ROUND, RANDOM = Balancer.LEAST_REQUEST, Balancer.ROUND_ROBIN, Balancer.RANDOM


def pods(*weights: int, **more: Any) -> list[Host]:
    return [Host(Endpoint(f"10.0.0.{n}", 80, w, **more)) for n, w in enumerate(weights, start=1)]


def balancing(
    kind: Balancer, hosts: Sequence[Host], clock: Clock | None = None, *, panic: int = 50,
    seed: int = 1, **policy: Any,
) -> Balancing[Host]:  # fmt: skip
    rng = random.Random(seed)
    return Balancing(hosts, LoadBalancing(kind, **policy), clock or Clock(), rng, panic)


def shares(chooser: Balancing[Host], hosts: Sequence[Host], picks: int = 6000) -> list[float]:
    counts = Counter(chooser.pick() for _ in range(picks))
    return [counts[host] / picks for host in hosts]


def key(number: int) -> int:
    return xxh64_intdigest(b"key-%d" % number)


def number(host: Host | None) -> str:
    """A host of the recordings, by its number."""
    return "0" if host is None else host.endpoint.address.rpartition(".")[2]


def recorded(case: dict[str, Any]) -> Balancing[Host]:
    hosts = []
    for n, weight, locality, priority, locality_weight, healthy in case["hosts"]:
        address = f"127.0.1.{n}"
        host = Host(Endpoint(address, 28000 + n, weight, locality, priority, locality_weight))
        host.healthy = healthy
        hosts.append(host)
    return balancing(
        Balancer[case["kind"]], hosts, panic=case["panic"], by_locality=case["by_locality"],
        minimum_ring_size=case["ring"], table_size=case["table"],
    )  # fmt: skip


# ------------------------------------------------------------------ as Envoy


@pytest.mark.parametrize("case", RECORDED["choices"], ids=lambda case: case["kind"])
def test_every_key_goes_where_envoy_sends_it(case: dict[str, Any]) -> None:
    chooser = recorded(case)
    assert "".join(number(chooser.pick(key(k))) for k in range(len(case["got"]))) == case["got"]


@pytest.mark.parametrize("case", RECORDED["retries"], ids=lambda case: case["kind"])
def test_retries_go_from_host_to_host_as_those_of_envoy(case: dict[str, Any]) -> None:
    policy = RetryPolicy(other_hosts=case["other_hosts"], other_localities=case["other_localities"])
    chooser = recorded(case)
    for k, expected in enumerate(case["got"]):
        tried: Tried = Tried(policy)
        host = chooser.pick(key(k))
        went = [number(host)]
        while len(went) < len(expected):
            assert host is not None
            tried.add(host)
            host = chooser.pick_again(tried, key(k))
            went.append(number(host))
        assert "".join(went) == expected


# ------------------------------------------------------------------ shares


@pytest.mark.parametrize(
    ("kind", "weights", "expected"),
    [
        (ROUND, [1, 1, 1], [1 / 3, 1 / 3, 1 / 3]),
        (ROUND, [3, 1], [0.75, 0.25]),
        (RANDOM, [1, 1, 1, 1], [0.25, 0.25, 0.25, 0.25]),
        (RANDOM, [9, 1], [0.5, 0.5]),  # Envoy's RANDOM knows no weights
        (LEAST, [1, 1], [0.5, 0.5]),
        (LEAST, [4, 1], [0.8, 0.2]),
        (RING, [1, 1], [0.5, 0.5]),  # without a hash: any point of the ring
        (MAGLEV, [4, 1], [0.8, 0.2]),
    ],
)
def test_every_pod_gets_its_share(
    kind: Balancer, weights: list[int], expected: list[float]
) -> None:
    hosts = pods(*weights)
    assert shares(balancing(kind, hosts), hosts) == pytest.approx(expected, abs=0.03)


def test_round_robin_goes_round() -> None:
    chooser = balancing(ROUND, pods(1, 1, 1))
    first = [chooser.pick() for _ in range(3)]
    assert len(set(first)) == 3
    assert [chooser.pick() for _ in range(6)] == first * 2


def test_gateways_begin_with_different_pods() -> None:
    for weights in ([1] * 4, [5, 5, 5, 4]):
        hosts = pods(*weights)
        first = Counter(balancing(ROUND, hosts, seed=n).pick() for n in range(200))
        assert min(first[host] for host in hosts) > 20


def test_of_two_choices_the_less_busy_pod_wins() -> None:
    hosts = pods(1, 1)
    hosts[0].active = 5  # both choices fall on it one time in four
    assert shares(balancing(LEAST, hosts), hosts) == pytest.approx([0.25, 0.75], abs=0.02)


def test_a_busy_pod_counts_for_less_of_its_weight() -> None:
    hosts = pods(2, 1)
    hosts[0].active = 3  # 2/(3+1) and 1/(0+1)
    assert shares(balancing(LEAST, hosts), hosts) == pytest.approx([1 / 3, 2 / 3], abs=0.02)


def test_without_a_pod_nobody_is_picked() -> None:
    for kind in Balancer:
        assert balancing(kind, []).pick(1) is None


# ------------------------------------------------------------------ warm-up


@pytest.mark.parametrize(
    ("age", "aggression", "share"),
    [(0, 1, 0.1), (5, 1, 0.1), (25, 1, 0.25), (75, 1, 0.75), (100, 1, 1), (25, 2, 0.5),
     (50, 0.5, 0.25)],
)  # fmt: skip
@pytest.mark.parametrize("kind", [ROUND, LEAST])
def test_a_new_pod_warms_up(kind: Balancer, age: float, aggression: float, share: float) -> None:
    clock = Clock(1000)
    hosts = pods(1, 1)
    hosts[0].added = clock.now - 500
    hosts[1].added = clock.now - age
    chooser = balancing(kind, hosts, clock, warmup=Warmup(100, aggression))
    found = shares(chooser, hosts)
    assert found[1] / found[0] == pytest.approx(share, rel=0.1)


def test_a_pod_gains_weight_while_time_goes_by() -> None:
    clock = Clock(1000)
    hosts = pods(1, 1)
    hosts[0].added = 0
    hosts[1].added = clock.now
    chooser = balancing(ROUND, hosts, clock, warmup=Warmup(100))
    assert shares(chooser, hosts)[1] == pytest.approx(1 / 11, abs=0.01)
    clock.advance(1050)
    assert shares(chooser, hosts)[1] == pytest.approx(1 / 3, abs=0.01)
    clock.advance(1100)
    assert shares(chooser, hosts)[1] == pytest.approx(1 / 2, abs=0.01)


# ------------------------------------------------------------------ localities and priorities


def test_localities_share_by_their_weights_and_health() -> None:
    near = pods(1, 1, locality="a", locality_weight=3)
    far = pods(1, 1, 1, locality="b", locality_weight=1)
    hosts = near + far
    chooser = balancing(LEAST, hosts, by_locality=True)
    expected = [3 / 8, 3 / 8, 1 / 12, 1 / 12, 1 / 12]
    assert shares(chooser, hosts) == pytest.approx(expected, abs=0.02)
    near[0].healthy = False  # half of it is able to take 70 % of its share
    chooser.refresh()
    assert shares(chooser, hosts)[:2] == pytest.approx([0, 2.1 / 3.1], abs=0.02)


def test_the_next_priority_takes_what_the_first_cannot() -> None:
    hosts = pods(1, 1) + pods(1, 1, priority=1)
    chooser = balancing(ROUND, hosts)
    assert shares(chooser, hosts) == [0.5, 0.5, 0, 0]
    hosts[0].healthy = False
    chooser.refresh()
    assert shares(chooser, hosts) == pytest.approx([0, 0.7, 0.15, 0.15], abs=0.02)
    hosts[1].healthy = False
    chooser.refresh()
    assert shares(chooser, hosts) == [0, 0, 0.5, 0.5]


def test_a_priority_without_endpoints_is_passed_over() -> None:
    hosts = pods(1, priority=2)
    assert shares(balancing(LEAST, hosts), hosts, 10) == [1]


@pytest.mark.parametrize("kind", Balancer)
def test_in_panic_all_pods_are_used_and_without_it_none(kind: Balancer) -> None:
    hosts = pods(1, 1, 1)
    for host in hosts:
        host.healthy = False
    chooser = balancing(kind, hosts, panic=50)
    assert min(shares(chooser, hosts, 300)) > 0.2
    assert chooser.panics == 300
    chooser = balancing(kind, hosts, panic=0)
    assert chooser.pick(1) is None
    assert chooser.panics == 0


@pytest.mark.parametrize(
    ("counts", "threshold", "shares", "panic"),
    # Envoy's documentation of priority levels, and of panic.
    [
        ([(100, 100), (100, 100)], 50, [100, 0], [False, False]),
        ([(72, 100), (72, 100)], 50, [100, 0], [False, False]),
        ([(71, 100), (71, 100)], 50, [99, 1], [False, False]),
        ([(50, 100), (60, 100)], 50, [70, 30], [False, False]),
        ([(25, 100), (100, 100)], 50, [35, 65], [False, False]),
        ([(0, 100), (100, 100)], 50, [0, 100], [False, False]),
        ([(25, 100), (25, 100)], 50, [50, 50], [True, True]),
        ([(5, 100), (65, 100)], 50, [8, 92], [True, False]),  # the rest of rounding
        ([(0, 10), (0, 10)], 0, [100, 0], [False, False]),
        ([(0, 5), (0, 20), (0, 25)], 50, [10, 40, 50], [True, True, True]),
        ([(0, 0)], 50, [100], [True]),
    ],
)
def test_load_of_priorities(
    counts: list[tuple[int, int]], threshold: int, shares: list[int], panic: list[bool]
) -> None:
    assert load(counts, threshold) == (shares, panic)


# ------------------------------------------------------------------ changes


def test_an_ejected_pod_gets_nothing_until_it_is_back() -> None:
    for kind in Balancer:
        hosts = pods(1, 1, 1)
        chooser = balancing(kind, hosts)
        assert chooser.pick() in hosts
        hosts[1].healthy = False
        chooser.refresh()
        assert shares(chooser, hosts, 300)[1] == 0
        assert (chooser.healthy, chooser.total) == (2, 3)
        hosts[1].healthy = True
        chooser.refresh()
        assert shares(chooser, hosts, 300)[1] > 0.2


def test_pods_come_and_go() -> None:
    old, new = pods(1, 1), pods(1, 1, 1)
    chooser = balancing(RANDOM, old)
    assert chooser.pick() in old
    chooser.update(new)
    assert chooser.pick() in new
    assert chooser.total == 3
    chooser.update([])
    assert chooser.pick() is None


def test_what_is_counted_outlives_the_pods() -> None:
    chooser = balancing(RANDOM, [])
    chooser.update(pods(1, priority=1))
    assert chooser.pick() is not None
    chooser.update([])
    for _ in range(3):
        assert chooser.pick() is None
    chooser.update(pods(1))
    assert chooser.panics == 3


def test_an_unhealthy_pod_that_joins_takes_from_the_share_of_its_locality() -> None:
    hosts = pods(1, locality="a") + pods(1, locality="b")
    chooser = balancing(LEAST, hosts, by_locality=True)
    assert shares(chooser, hosts) == [0.5, 0.5]
    sick = pods(1, 1, locality="a")
    for host in sick:
        host.healthy = False
    chooser.update(hosts + sick)  # a third of the locality is able to take 140 / 3 % of its share
    assert shares(chooser, hosts)[0] == pytest.approx(1.4 / 3 / (1 + 1.4 / 3), abs=0.01)


def test_rotation_goes_on_where_another_priority_changes() -> None:
    hosts = pods(1, 1, 1, 1, 1) + pods(1, priority=1)
    chooser = balancing(ROUND, hosts)
    first = [chooser.pick() for _ in range(2)]
    hosts[5].healthy = False
    chooser.refresh()
    assert set(first + [chooser.pick() for _ in range(3)]) == set(hosts[:5])


@pytest.mark.parametrize("kind", [LEAST, ROUND, RANDOM])
def test_a_retry_takes_a_pod_that_was_not_tried_if_there_is_one(kind: Balancer) -> None:
    hosts = pods(1, 1, 1)
    tried = Tried(RetryPolicy())
    for host in hosts[:2]:
        tried.add(host)
    choosers = [balancing(kind, hosts, seed=seed) for seed in range(100)]
    assert {chooser.pick_again(tried) for chooser in choosers} == {hosts[2]}
    tried.add(hosts[2])
    assert choosers[0].pick_again(tried) in hosts


def test_a_retry_may_go_to_the_same_pod_where_the_policy_lets_it() -> None:
    hosts = pods(1, 1)
    tried = Tried(RetryPolicy(other_hosts=False))
    tried.add(hosts[0])
    chooser = balancing(RANDOM, hosts)
    assert {chooser.pick_again(tried) for _ in range(100)} == set(hosts)


# ------------------------------------------------------------------ large tables


def spread(chooser: Balancing[Host]) -> list[str]:
    return [number(chooser.pick(key(k))) for k in range(2000)]


def renewed(table: int = 65537) -> tuple[Balancing[Host], list[Host], Clock]:
    """A table for five pods, of which the first and the last have just left."""
    hosts = pods(1, 1, 2, 1, 1)
    clock = Clock()
    policy = LoadBalancing(Balancer.MAGLEV, table_size=table)
    chooser = Balancing(hosts, policy, clock, random.Random(1))
    spread(chooser)
    chooser.update(hosts[1:-1])
    return chooser, hosts, clock


def pass_time(clock: Clock, steps: int) -> None:
    for _ in range(steps):
        clock.advance(clock.now + 0.02)


def fresh(hosts: Sequence[Host]) -> list[str]:
    policy = LoadBalancing(Balancer.MAGLEV, table_size=65537)
    return spread(Balancing(hosts, policy, Clock(), random.Random(1)))


def test_a_large_table_is_filled_step_by_step_while_the_other_serves() -> None:
    chooser, hosts, clock = renewed()
    before, after = fresh(hosts), fresh(hosts[1:-1])
    gone = {number(hosts[0]), number(hosts[-1])}
    for step in range(16):
        meanwhile = spread(chooser)
        assert meanwhile != after, step
        assert not gone & set(meanwhile)
        assert all(
            now == then for now, then in zip(meanwhile, before, strict=True) if then not in gone
        )
        moved = {now for now, then in zip(meanwhile, before, strict=True) if then in gone}
        assert len(moved) == 3  # all share what was of those that are gone
        pass_time(clock, 1)
    assert spread(chooser) == after
    assert clock.due is None


def test_a_large_table_is_filled_for_the_last_of_several_changes() -> None:
    chooser, hosts, clock = renewed()
    spread(chooser)
    pass_time(clock, 5)
    chooser.update(hosts[:2])
    assert set(spread(chooser)) == {number(host) for host in hosts[:2]}
    pass_time(clock, 5)
    chooser.update(hosts[2:])
    assert set(spread(chooser)) == {number(host) for host in hosts[2:]}
    pass_time(clock, 40)
    assert spread(chooser) == fresh(hosts[2:])
    assert clock.due is None


def test_a_small_table_is_filled_at_once() -> None:
    chooser, _, clock = renewed(table=4093)
    spread(chooser)
    assert clock.due is None


def test_a_table_is_filled_anew_when_all_pods_have_been_gone() -> None:
    chooser, hosts, clock = renewed()
    chooser.update([])
    assert chooser.pick(key(1)) is None
    pass_time(clock, 40)
    chooser.update(hosts)
    spread(chooser)
    pass_time(clock, 40)
    assert spread(chooser) == fresh(hosts)


@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [2, 5], [7, 1, 3, 3], list(range(3, 40))])
def test_a_ring_has_its_points_as_if_they_were_made_one_by_one(weights: list[int]) -> None:
    hosts = pods(*weights)
    total = sum(weights)
    scale = math.ceil(min(weights) / total * 100) / (min(weights) / total)
    points: list[tuple[int, Host]] = []
    target = 0.0
    for host, weight in zip(hosts, weights, strict=True):
        target += scale * weight / total
        number = 0
        while len(points) < target:
            points.append((xxh64_intdigest(f"{host.endpoint}_{number}".encode()), host))
            number += 1
    points.sort(key=lambda point: point[0])
    chooser = balancing(Balancer.RING_HASH, hosts, minimum_ring_size=100)
    for hash, host in points:
        assert chooser.pick(hash) is host
        following = next((h for p, h in points if p > hash), points[0][1])
        assert chooser.pick(hash + 1) is following


@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [2, 5], [7, 1, 3, 3], list(range(3, 40))])
@pytest.mark.parametrize("size", [41, 1009])
def test_a_table_is_as_if_its_slots_were_taken_one_by_one(weights: list[int], size: int) -> None:
    hosts = sorted(pods(*weights), key=lambda host: str(host.endpoint))
    keys = [str(host.endpoint).encode() for host in hosts]
    heaviest = max(weights) / sum(weights)
    shares = [host.endpoint.weight / sum(weights) for host in hosts]
    targets = [0.0] * len(hosts)
    tries = [0] * len(hosts)
    table: dict[int, Host] = {}
    turn = 0
    while len(table) < size:
        turn += 1
        for n, host in enumerate(hosts):
            if turn * shares[n] < targets[n] or len(table) == size:
                continue
            targets[n] += heaviest
            first, skip = xxh64_intdigest(keys[n]), xxh64_intdigest(keys[n], 1) % (size - 1) + 1
            while (slot := (first + tries[n] * skip) % size) in table:
                tries[n] += 1
            table[slot] = host
    chooser = balancing(Balancer.MAGLEV, hosts, table_size=size)
    assert [chooser.pick(slot) for slot in range(size)] == [table[slot] for slot in range(size)]
