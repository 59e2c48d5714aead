"""Takes the samples: in each round every workload, and for each of these every gateway, in random
order, one at a time."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import stamp
from .accounts import machine
from .peers import PEERS, Peer
from .samples import Sample, Samples
from .stage import Role, Stage
from .workload import FULL, QUICK, Workload

__all__ = ["PLANS", "Plan", "absent", "measure", "run"]

_WARM_UP = 1
_ROLES: tuple[Role, ...] = ("gateway", "load", "pods")


@dataclass(frozen=True)
class Plan:
    """What is measured; *seconds* for each sample."""

    workloads: Sequence[Workload]
    rounds: int
    seconds: int


PLANS = {"full": Plan(FULL, rounds=5, seconds=3), "quick": Plan(QUICK, rounds=3, seconds=1)}


def absent(namespaces: bool) -> dict[str, str]:
    """By name, why a gateway is not measured at all, in a line that says what to do."""
    reasons = {name: peer.missing() for name, peer in PEERS.items()}
    if not namespaces:
        reasons["stamped"] = (
            f"{PEERS['stamped'].title}, is left out, for it takes network namespaces; run as root"
        )
    elif lack := stamp.missing():
        reasons["stamped"] = f"{PEERS['stamped'].title}, is left out: {lack}"
    return {name: reason for name, reason in reasons.items() if reason}


def run(
    stage: Stage,
    samples: Samples,
    plan: Plan,
    told: Callable[[str, int, int], None],
    lacks: Mapping[str, str],
) -> None:
    """Take those that *samples* lack; *told* is called before each block, with what it is, how many
    are done, and how many there are.

    Raises
    ------
    EvaluationError
        Where a request came to a wrong pod, or to none.
    """
    blocks = []
    for number in range(plan.rounds):
        rng = random.Random(number)
        for workload in rng.sample(plan.workloads, len(plan.workloads)):
            peers = [
                peer
                for name, peer in PEERS.items()
                if name not in lacks and not peer.refuses(workload)
            ]
            blocks.append((number, workload, rng.sample(peers, len(peers))))
    missing = [
        (number, workload, peers)
        for number, workload, peers in blocks
        if not samples.has(workload.name, number, (peer.name for peer in peers))
    ]
    done = len(blocks) - len(missing)
    for number, workload, peers in missing:
        told(f"round {number + 1} of {plan.rounds}: {workload.name}", done, len(blocks))
        with stage.pods(workload):
            samples.append([measure(stage, peer, workload, number, plan.seconds) for peer in peers])
        done += 1
    told("all samples taken", done, len(blocks))


def measure(stage: Stage, peer: Peer, workload: Workload, number: int, seconds: int) -> Sample:
    """One sample, of round *number*: the gateway is started, warmed up, measured and ended."""
    with stage.gateway(peer, workload):
        stage.load(workload, _WARM_UP)
        before = _Accounts(stage)
        load = stage.load(workload, seconds)
        after = _Accounts(stage)
        rss, pss = stage.memory()
        verdict = stage.verdict
    gateway, wrk, pods = (after.cpu[role] - before.cpu[role] for role in _ROLES)
    busy = after.busy - before.busy
    asked = after.asked - before.asked
    per_request = 1e6 / load.requests
    return Sample(
        workload=workload.name,
        round=number,
        peer=peer.name,
        requests=load.requests,
        seconds=load.seconds,
        user=gateway.user * per_request,
        system=gateway.system * per_request,
        arrival=(after.arrival - before.arrival) * per_request,
        stamp=(after.stamp - before.stamp) * per_request,
        whole=busy * per_request,
        softirq=(after.softirq - before.softirq) * per_request,
        gateway=gateway.total / load.seconds,
        load=wrk.total / load.seconds,
        pods=pods.total / load.seconds,
        others=max(0.0, busy - gateway.total - wrk.total - pods.total) / load.seconds,
        p50=load.p50,
        p99=load.p99,
        rss=rss,
        pss=pss,
        hits=(after.usable - before.usable) / asked if asked else None,
        verdict=verdict,
    )


class _Accounts:
    """All that is counted, at one time."""

    def __init__(self, stage: Stage) -> None:
        self.cpu = {role: stage.cpu(role) for role in _ROLES}
        self.busy, self.softirq = machine()
        self.asked, self.usable = stage.verdicts()
        self.arrival, self.stamp = stage.programs()
