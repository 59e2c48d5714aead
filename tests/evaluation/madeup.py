"""Samples that nobody took."""

from dataclasses import replace
from pathlib import Path

from hybridmesh.evaluation.samples import Sample, Samples, Setup

SETUP = Setup(
    commit="0123456789ab",
    code="fedcba9876543210",
    cpu="Some CPU",
    cores=2,
    gateway_core=0,
    other_core=1,
    memory="4 GiB",
    kernel="Linux 6.18",
    python="3.11.7",
    seconds=3,
    namespaces=True,
    versions={"envoy": "Envoy 1.40.0", "stamped": "HybridMesh 0.1.0"},
    absent={"haproxy": "HAProxy is missing; run: apt-get install haproxy"},
)

PLAIN = Sample(
    workload="prefix-100-last-browser-15B-c32",
    round=0,
    peer="stamped",
    requests=30_000,
    seconds=3.0,
    user=8.0,
    system=12.0,
    whole=50.0,
    softirq=3.0,
    gateway=0.2,
    load=0.1,
    pods=0.1,
    others=0.01,
    p50=900.0,
    p99=1500.0,
    rss=60_000_000,
    pss=50_000_000,
)


def sample(workload: str, number: int, peer: str, **values: float) -> Sample:
    return replace(PLAIN, workload=workload, round=number, peer=peer, **values)  # type: ignore[arg-type]


def kept(folder: Path, *taken: Sample, setup: Setup = SETUP) -> Samples:
    samples, _ = Samples.opened(folder, setup)
    samples.append(taken)
    return samples
