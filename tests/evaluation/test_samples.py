"""Samples on disk: gone on with, or begun anew."""

from dataclasses import replace

import pytest

from hybridmesh.evaluation import run as running
from hybridmesh.evaluation.peers import PEERS
from hybridmesh.evaluation.run import Plan, run
from hybridmesh.evaluation.samples import Samples
from hybridmesh.evaluation.site import EvaluationError
from hybridmesh.evaluation.workload import Workload

from .madeup import SETUP, kept, sample


class Nobody:
    """A stage on which nothing runs."""

    def pods(self, workload):
        from contextlib import nullcontext

        return nullcontext()


PLAN = Plan((Workload(routes=1), Workload(routes=10)), rounds=2, seconds=1)
PRESENT = {"envoy", "off"}
LACKS = dict.fromkeys(PEERS.keys() - PRESENT, "it is not here")


def taken(samples, monkeypatch, *, ends_after=99):
    """The (round, workload, peer) that are measured until the run ends or is interrupted."""
    order = []

    def measure(stage, peer, workload, number, seconds):
        if len(order) == ends_after:
            raise KeyboardInterrupt
        order.append((number, workload.name, peer.name))
        return sample(workload.name, number, peer.name)

    monkeypatch.setattr(running, "measure", measure)
    try:
        run(Nobody(), samples, PLAN, lambda *_: None, LACKS)
    except KeyboardInterrupt:
        order.append("interrupted")
    return order


def test_every_round_visits_every_gateway_with_every_workload(tmp_path, monkeypatch):
    order = taken(kept(tmp_path), monkeypatch)
    names = [workload.name for workload in PLAN.workloads]
    assert len(order) == 8
    assert {(n, w, p) for n in (0, 1) for w in names for p in PRESENT} == set(order)
    blocks = [{order[at][:2], order[at + 1][:2]} for at in range(0, 8, 2)]
    assert all(len(block) == 1 for block in blocks)  # gateways of a block are neighbours


def test_a_run_that_is_broken_off_goes_on_with_the_block_that_it_was_in(tmp_path, monkeypatch):
    first = taken(kept(tmp_path), monkeypatch, ends_after=3)
    assert first[-1] == "interrupted"
    samples, said = Samples.opened(tmp_path, SETUP)
    assert said == f"going on with 2 samples in {tmp_path}"
    second = taken(samples, monkeypatch)
    assert set(second) | set(first[:2]) == set(taken(kept(tmp_path / "whole"), monkeypatch))
    assert len(second) == 6
    assert taken(Samples.read(tmp_path), monkeypatch) == []


def test_a_line_that_is_cut_off_does_not_count(tmp_path):
    kept(tmp_path, sample("w", 0, "off"), sample("w", 1, "off"))
    path = tmp_path / "samples.jsonl"
    path.write_text(path.read_text()[:-40])
    assert [s.round for s in Samples.read(tmp_path)] == [0]


def test_other_code_or_another_machine_begins_anew_and_says_so(tmp_path):
    kept(tmp_path, sample("w", 0, "off"))
    other = replace(SETUP, cpu="Another CPU", code="0")
    samples, said = Samples.opened(tmp_path, other)
    assert len(samples) == 0
    assert said.startswith("starting anew: code, cpu changed since; the samples before are in ")
    assert len((tmp_path / "samples-1.jsonl").read_text().splitlines()) == 1
    _, said = Samples.opened(tmp_path, replace(other, seconds=1))
    assert "seconds changed" in said
    assert (tmp_path / "setup-2.json").exists()


def test_a_new_revision_of_the_same_code_goes_on(tmp_path):
    kept(tmp_path, sample("w", 0, "off"))
    samples, _ = Samples.opened(tmp_path, replace(SETUP, commit="another"))
    assert len(samples) == 1


def test_where_there_are_no_samples_this_is_said(tmp_path):
    with pytest.raises(EvaluationError, match="There are no samples; run: hybridmesh bench run"):
        Samples.read(tmp_path)
