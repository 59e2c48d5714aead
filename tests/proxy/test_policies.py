"""Retry conditions, back-off, weights: the policies by themselves."""

import random
from collections import Counter

import pytest
from playbook import Playbook, cluster, mesh, route

from hybridmesh.config.model import CircuitBreaker, RetryPolicy
from hybridmesh.proxy.core.breaker import Breaker
from hybridmesh.proxy.core.flags import ResponseFlag, spell
from hybridmesh.proxy.core.retry import Reset, RetryState
from hybridmesh.proxy.core.stats import ClusterStats


def retries(policy: RetryPolicy, seed: int = 1) -> RetryState:
    return RetryState(policy, random.Random(seed), Breaker(CircuitBreaker()), ClusterStats())


def test_clusters_get_their_share_of_the_requests() -> None:
    split = route(clusters={"stable": 90, "canary": 10, "off": 0})
    world = mesh([split], [cluster("stable"), cluster("canary"), cluster("off")])
    proxy = Playbook(world).proxy
    plan = proxy.context.plan(split)
    assert proxy.context.plan(split) is plan
    chosen = Counter(plan.choose(proxy.context.rng).cluster for _ in range(6000))
    names = {c.name: n / 6000 for c, n in chosen.items() if c}
    assert names == pytest.approx({"stable": 0.9, "canary": 0.1}, abs=0.02)


ISTIO = {"connect-failure", "refused-stream", "unavailable", "cancelled"}


@pytest.mark.parametrize(
    ("on", "wanted"),
    [
        (ISTIO, {503, "remote connection failure", "connection timeout", "grpc 14", "grpc 1"}),
        (
            {"5xx"},
            {500, 502, 503, 504, "remote connection failure", "connection timeout",
             "connection termination", "protocol error", "local reset"},
        ),
        (
            {"gateway-error"},
            {502, 503, 504, "remote connection failure", "connection timeout",
             "connection termination", "protocol error", "local reset"},
        ),
        (
            {"reset"},
            {"remote connection failure", "connection timeout", "connection termination",
             "protocol error", "local reset"},
        ),
        ({"reset-before-request"}, {"remote connection failure", "connection timeout"}),
        ({"retriable-4xx"}, {409}),
        (set(), set()),
    ],
)  # fmt: skip
def test_conditions_of_a_retry(on: set[str], wanted: set[object]) -> None:
    on_status = frozenset({503} if on == ISTIO else ())
    state = retries(RetryPolicy(on=frozenset(on), on_status=on_status))
    found: set[object] = {s for s in (200, 404, 409, 500, 502, 503, 504) if state.wants_status(s)}
    found |= {reset.value for reset in Reset if state.wants_reset(reset)}
    found |= {f"grpc {n}" for n in (0, 1, 14) if state.wants_status(200, n)}
    assert found == wanted


def test_the_back_off_doubles_up_to_its_limit_with_full_jitter() -> None:
    limits = [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]
    longest = [0.0] * len(limits)
    shortest = [1.0] * len(limits)
    for seed in range(300):
        state = retries(RetryPolicy(), seed)
        for n, limit in enumerate(limits):
            pause = state.back_off()
            assert 0 <= pause < limit
            longest[n] = max(longest[n], pause / limit)
            shortest[n] = min(shortest[n], pause / limit)
    assert min(longest) > 0.95
    assert max(shortest) < 0.05


def test_flags_are_spelled_in_envoys_order() -> None:
    assert spell(0) == "-"
    assert spell(ResponseFlag.UF | ResponseFlag.URX) == "URX,UF"
