"""The page that says of each field of Istio what becomes of it is that of the code."""

from pathlib import Path

import pytest

from hybridmesh.config.export import reference_page
from hybridmesh.config.message import Message, field_hints, key_of
from hybridmesh.config.not_yet import NOT_YET

from .conftest import GATEWAY, PODS, TO_A, service

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "istio.md"


def test_the_page_is_that_of_the_message_classes():
    assert reference_page() == PAGE.read_text(), (
        "run python -m hybridmesh.config.export docs/reference"
    )


ROWS = [
    "| `redirect` | done | [HTTPRedirect](#httpredirect) |",
    "| `mirrorPercent` | done | also `mirror_percent` |",
    "| `statPrefix` | no effect | names a counter of Envoy's |",
    "| `tcp` | refused | this gateway speaks HTTP |",
    "| `prefix` | differs | must not be empty, not even for `uri` |",
    "| `AuthorizationPolicy` (security.istio.io) | refused |",
]


@pytest.mark.parametrize("row", ROWS)
def test_each_state_is_shown(row):
    assert row in reference_page().splitlines()


def test_what_is_refused_for_now_is_shown_as_refused(monkeypatch):
    for module in ("export", "message"):
        monkeypatch.setattr(
            f"hybridmesh.config.{module}.NOT_YET",
            {"HTTPRoute.timeout": "too early", "HTTPRedirect.scheme=https": "too safe"},
        )
    rows = reference_page().splitlines()
    assert "| `timeout` | refused | not yet: too early |" in rows
    assert "| `scheme` | in part | `http`; refused: `https` (not yet: too safe) |" in rows


def test_what_is_refused_for_now_is_refused_with_its_reason(monkeypatch, problem):
    monkeypatch.setattr(
        "hybridmesh.config.message.NOT_YET",
        {"HTTPRoute.timeout": "too early", "HTTPRedirect.scheme=https": "too safe"},
    )
    assert problem(GATEWAY, PODS, service(f"- {TO_A}\n  timeout: 1s")).endswith(
        "spec.http[0].timeout: Istio's field 'timeout' is not supported yet: too early; "
        "remove it, or keep this gateway on Envoy"
    )
    assert (
        "scheme: Istio's field 'scheme' with the value 'https' is not supported yet: too saf"
        in (problem(GATEWAY, service("- redirect: {scheme: https}")))
    )


def test_what_is_refused_for_now_is_a_field_of_a_message():
    def below(cls):
        return {cls, *(inner for sub in cls.__subclasses__() for inner in below(sub))}

    known = {
        f"{cls.ISTIO_NAME}.{key_of(attribute)}"
        for cls in below(Message)
        if cls is not Message
        for attribute in field_hints(cls)
    }
    assert {name.partition("=")[0] for name in NOT_YET} <= known
