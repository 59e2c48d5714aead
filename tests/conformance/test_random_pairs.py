"""The first random pairs of what ``make conformance`` asks; how a run goes on, and what it says."""

import pytest

from . import __main__ as command
from . import run as runs
from .client import Request
from .envoy import MISSING, is_installed
from .exchange import Answer
from .pairs import Asked, Disagreement, Outcome
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


# ------------------------------------------------------------------ runs
class Asking:
    """Stands in for both: asks nobody, counts, and disagrees on the pairs in *wrong*."""

    def __init__(self) -> None:
        self.tables: list[int] = []
        self.wrong: set[tuple[int, int]] = set()
        self.stop_at = -1

    async def compare(self, seed, numbers, requests, pods, nic):
        found = Outcome()
        for table in numbers:
            if table == self.stop_at:
                raise KeyboardInterrupt
            self.tables.append(table)
            found.pairs += requests
            found.statuses["200"] += requests
            mine = [pair for pair in sorted(self.wrong) if pair[0] == table]
            if mine:
                found.wrong.setdefault("status", []).extend(mine)
        return found

    async def explain(self, seed, table, request, requests, pods, nic):
        asked = Asked(Request(f"GET /{table}/{request} HTTP/1.1"), ())
        said = (
            ["status: 200, says Envoy; the gateway: 404"] if (table, request) in self.wrong else []
        )
        return Disagreement("routes: []", asked, Answer(200), Answer(404), said)


@pytest.fixture
def asking(monkeypatch, tmp_path):
    asking = Asking()
    monkeypatch.setattr(runs, "compare", asking.compare)
    monkeypatch.setattr(runs, "explain", asking.explain)
    monkeypatch.setattr(runs, "PLACE", tmp_path)
    monkeypatch.setattr(command, "PLACE", tmp_path)
    monkeypatch.setattr(command, "is_installed", lambda: True)
    monkeypatch.setattr(runs, "_digest", lambda: "now")
    return asking


def called(monkeypatch, *arguments: str) -> int:
    words = ["tests.conformance", "random", "--nic", "reference", "--pairs", "2500", *arguments]
    monkeypatch.setattr("sys.argv", words)
    return command.main()


def test_a_run_that_was_broken_off_goes_on_where_it_was(asking, monkeypatch, capsys):
    asking.stop_at = 13
    with pytest.raises(SystemExit, match="with --seed 1 it goes on"):
        called(monkeypatch)
    asking.stop_at = -1
    asking.tables.clear()
    assert called(monkeypatch) == 0
    assert asking.tables == list(range(10, 30))
    assert "agree on all 3,000 pairs" in capsys.readouterr().out.splitlines()[-1]
    asking.tables.clear()
    assert called(monkeypatch) == 0
    assert asking.tables == []
    assert called(monkeypatch, "--seed", "2") == 0
    assert asking.tables == list(range(30))


def test_a_run_begins_anew_after_a_change(asking, monkeypatch):
    called(monkeypatch)
    monkeypatch.setattr(runs, "_digest", lambda: "later")
    called(monkeypatch)
    assert asking.tables == [*range(30), *range(30)]


def test_pairs_that_are_disagreed_on_are_shown_and_make_the_run_fail(asking, monkeypatch, capsys):
    asking.wrong = {(4, 7), (4, 9), (21, 0)}
    assert called(monkeypatch) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "=== 3 times: status"
    assert "pair 4:7" in lines[1]
    assert "GET /4/7 HTTP/1.1" in lines
    assert "status: 200, says Envoy; the gateway: 404" in lines
    assert "disagree on 3 of 3,000 pairs" in lines[-1]
    assert called(monkeypatch) == 1  # still, from what was kept
    assert called(monkeypatch, "--only", "4:9") == 1
    assert called(monkeypatch, "--only", "4:8") == 0
