"""The demo as a whole, and its judge, who must not be easy to please."""

import json
import subprocess
import sys

import pytest

from hybridmesh.demo.client import Answer
from hybridmesh.demo.judge import judge
from hybridmesh.demo.script import Ask, Outcome, Scene


def test_all_answers_are_as_expected():
    code = "import sys; from hybridmesh.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "demo", "--nic", "reference"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nAll 489 answers as expected.\n")


SCENE = Scene(
    "a scene",
    (Ask("/a", "POST", host="h", body=b"abc"),),
    (Outcome("decided", "web", ("web-1", "web-2"), attempts=2),),
)
TOLD = {
    "pod": "web-1",
    "method": "POST",
    "target": "/a?n=1",
    "host": "h",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
}
ENTRY = {
    "response_code": 200,
    "response_flags": "-",
    "route_name": "shop/shop/web",
    "upstream_request_attempt_count": 2,
    "verdict": {"state": "decided"},
}


def wrong(scene=SCENE, *, status=200, pod="web-1", failure="", told=TOLD, entry=ENTRY):
    answer = Answer(1, scene.asks[0], status, pod, json.dumps(told).encode(), failure)
    return judge(scene, [answer], {1: entry}, has_nic=True).wrong


def test_a_right_answer_passes():
    assert wrong() == ()


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"status": 503}, "status is 503, not 200"),
        ({"pod": "cart-1"}, "pod is 'cart-1', not 'web-1 or web-2'"),
        ({"failure": "timed out"}, "no answer: timed out"),
        ({"told": TOLD | {"pod": "web-2"}}, "pod in the body is 'web-2', not 'web-1'"),
        ({"told": TOLD | {"method": "GET"}}, "method is 'GET', not 'POST'"),
        ({"told": TOLD | {"target": "/a?n=2"}}, "target is '/a?n=2', not '/a?n=1'"),
        ({"told": TOLD | {"host": "g"}}, "host is 'g', not 'h'"),
        ({"told": TOLD | {"sha256": "00"}}, "body is '00'"),
        ({"told": []}, "pod in the body is None"),
        ({"entry": {}}, "logged status is None, not 200"),
        ({"entry": ENTRY | {"route_name": None}}, "route is None, not 'shop/shop/web'"),
        ({"entry": ENTRY | {"response_flags": "UO"}}, "flags is 'UO', not '-'"),
        ({"entry": ENTRY | {"upstream_request_attempt_count": 1}}, "attempts is 1, not 2"),
        ({"entry": ENTRY | {"verdict": {"state": "none"}}}, "verdict is 'none', not 'decided'"),
    ],
)
def test_any_difference_is_found_and_named(difference, words):
    (line,) = wrong(**difference)
    assert line.startswith("a scene, request 1: ")
    assert words in line


@pytest.mark.parametrize(("low", "high"), [(2, 10), (0, 0)])
def test_too_few_or_too_many_of_an_outcome_are_found(low, high):
    outcome = Outcome("decided", "web", ("web-1",), attempts=2, at_least=low, at_most=high)
    (line,) = wrong(Scene("a scene", SCENE.asks, (outcome,)))
    assert line.startswith("a scene: 1 answers with status 200 from web-1")


def test_an_answer_is_wrong_where_a_pod_answers_in_place_of_the_gateway():
    outcome = Outcome("decided", "web", (), attempts=2)
    (line,) = wrong(Scene("a scene", SCENE.asks, (outcome,)))
    assert "pod is 'web-1', not ''" in line
