"""The gateway answers every case as Envoy did, with a NIC and without; and Envoy still does."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from hybridmesh.config import ConfigError

from .cases import Asked, Case, answers, cases
from .differences import complaints
from .envoy import MISSING, is_installed
from .exchange import Answer, alike
from .report import told
from .stage import Stage

needs_envoy = pytest.mark.skipif(not is_installed(), reason=MISSING)

CASES = list(cases())
RECORDED = {file: answers(file) for file in {case.file for case in CASES}}


def params(chosen: Sequence[Case], *, pending: bool) -> list[object]:
    """The cases as parameters; with *pending*, those that are due are expected to fail."""
    return [
        pytest.param(
            case,
            id=f"{case.file}: {case.name}",
            marks=[pytest.mark.xfail(reason=case.pending, strict=True)]
            if pending and case.pending
            else [],
        )
        for case in chosen
    ]


@pytest.mark.parametrize("choice", ["off", "sim"])
@pytest.mark.parametrize("case", params([c for c in CASES if not c.live], pending=True))
def test_the_gateway_answers_as_envoy_did(stage: Stage, case: Case, choice):
    recorded = RECORDED[case.file].get(case.name)
    assert recorded, "no answer is recorded: run python -m tests.conformance record"
    judge(case, recorded, stage.ask_gateway(case, choice))


@needs_envoy
@pytest.mark.parametrize("choice", ["off", "sim"])
@pytest.mark.parametrize("case", params([c for c in CASES if c.live], pending=True))
def test_the_gateway_answers_as_envoy_does(stage: Stage, case: Case, choice):
    judge(case, stage.ask_envoy(case), stage.ask_gateway(case, choice))


@needs_envoy
@pytest.mark.parametrize("case", params([c for c in CASES if not c.live], pending=False))
def test_envoy_answers_as_it_did(stage: Stage, case: Case):
    try:
        said = stage.ask_envoy(case)
    except ConfigError as error:
        if not case.pending:
            raise
        pytest.skip(f"the gateway cannot read the case: {error}")
    assert [answer.to_json() for answer in said] == [
        answer.to_json() for answer in RECORDED[case.file].get(case.name, ())
    ]


def judge(case: Case, envoy: Sequence[Answer], ours: Sequence[Answer]) -> None:
    """Fail with all that is wrong with *ours*."""
    failures = []
    if case.shares:
        shares = [
            Counter(arrival.pod for answer in said for arrival in answer.arrivals)
            for said in (envoy, ours)
        ]
        assert shares[0] == shares[1], "Envoy, the gateway"
        envoy, ours = (
            [replace(answer, arrivals=alike(answer.arrivals)) for answer in said]
            for said in (envoy, ours)
        )
    for asked, theirs, mine in zip(case.asked, envoy, ours, strict=True):
        found = complaints(asked.request, theirs, mine)
        if asked.differs:
            found = against(asked, mine) if found else ["there is no difference any more"]
        if found:
            failures.append(told(asked.request, theirs, mine, found))
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


def against(asked: Asked, ours: Answer) -> list[str]:
    """What of *ours* is not as the case says of a deliberate difference."""
    said = dict(asked.ours)
    lacks = said.pop("lacks", ())
    found = [
        f"{name} is not {value!r}" for name, value in said.items() if getattr(ours, name) != value
    ]
    return found + [f"{name} is there" for name in lacks if ours.values(name)]
