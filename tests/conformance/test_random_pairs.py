"""The first random pairs of what ``make conformance`` asks; how a run goes on, and what it says."""

from collections import Counter

import pytest

from . import __main__ as command
from . import run as runs
from .envoy import MISSING, is_installed
from .pairs import Outcome
from .run import Run

needs_envoy = pytest.mark.skipif(not is_installed(), reason=MISSING)


@needs_envoy
def test_the_gateway_agrees_with_envoy_on_the_first_random_pairs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs, "REQUESTS", 60)
    monkeypatch.setattr(runs, "TABLES", 5)
    run = Run(1, 300, "sim", tmp_path)
    assert list(run.go_on()) == [300]
    for pairs in run.outcome.wrong.values():
        command._show(run, *pairs[0])
    assert run.outcome.wrong == {}, capsys.readouterr().out
    assert run.outcome.unparsed > 30
