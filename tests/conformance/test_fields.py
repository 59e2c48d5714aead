"""Every field that is done is in a case, or it is said why it is in none."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from hybridmesh.config.export import inner_type, is_message, messages
from hybridmesh.config.message import Also, Message, field_hints, key_of, unwrapped
from hybridmesh.config.resource import KINDS

from .cases import cases, text_of
from .keys import Keys
from .pods import Pods

PROBE = "Envoy is told what came of a probe: tests/proxy/test_health.py"
ELSEWHERE = "where it is written makes no difference: tests/config/test_mesh_config.py"

WITHOUT_CASE: Mapping[tuple[str, str], str] = {
    ("WorkloadGroup", "probe"): PROBE,
    **dict.fromkeys(
        [
            ("ReadinessProbe", field)
            for field in (
                "httpGet", "tcpSocket", "initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                "successThreshold", "failureThreshold",
            )
        ]
        + [
            ("HTTPHealthCheckConfig", field)
            for field in ("port", "path", "host", "scheme", "httpHeaders")
        ]
        + [("HTTPHeader", "name"), ("HTTPHeader", "value")]
        + [("TCPHealthCheckConfig", "port"), ("TCPHealthCheckConfig", "host")],
        PROBE,
    ),
    ("ConfigMap", "data"): ELSEWHERE,
    ("data", "mesh"): ELSEWHERE,
}  # fmt: skip


class NoPods(Pods):
    """Nobody is asked for anything."""

    async def port(self, name: str) -> int:
        return 1


Field = tuple[str, str]
"""Istio's names of a message and of a field in it."""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> set[Field]:
    """The fields that cases have."""
    keys = Keys(tmp_path_factory.mktemp("keys"))
    found: set[Field] = set()
    for case in cases():
        for document in yaml.safe_load_all(asyncio.run(text_of(case, NoPods(), keys))):
            cls = KINDS[document["kind"]]
            found.update(given(cls, document.get("spec", document)))
    return found


def given(cls: type[Message], data: Mapping[str, Any]) -> Iterator[Field]:
    """The fields that *data*, a message of the class *cls*, has."""
    for attribute, hint in field_hints(cls).items():
        for key in names(attribute, hint):
            if data.get(key) is None:
                continue
            yield cls.ISTIO_NAME, key
            inner, suffix = inner_type(hint)
            if is_message(inner):
                values = {"": lambda v: [v], "[]": list, ".*": lambda v: list(v.values())}[suffix]
                for value in values(data[key]):
                    yield from given(inner, value or {})


def names(attribute: str, hint: Any) -> list[str]:
    return [key_of(attribute), *(m.key for m in unwrapped(hint)[1] if isinstance(m, Also))]


def done() -> Iterator[Field]:
    """All fields that are read."""
    seen: set[type[Message]] = set()
    for root in KINDS.values():
        for _, cls in messages("", root, seen):
            for attribute, hint in field_hints(cls).items():
                for key in names(attribute, hint):
                    yield cls.ISTIO_NAME, key


def test_every_field_that_is_done_has_a_case(tried: set[Field]) -> None:
    assert [field for field in done() if field not in tried | WITHOUT_CASE.keys()] == []


def test_what_is_said_to_have_no_case_has_none(tried: set[Field]) -> None:
    assert WITHOUT_CASE.keys() - set(done()) == set()
    assert WITHOUT_CASE.keys() & tried == set()
