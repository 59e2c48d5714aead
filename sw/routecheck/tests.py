"""The tests as they are written: YAML or JSON, in the schema of ``router_check_tool``
(https://github.com/envoyproxy/envoy/blob/main/test/tools/router_check/validation.proto)."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from hybridmesh.config import ConfigError
from hybridmesh.config.document import Node
from hybridmesh.config.findings import Report
from hybridmesh.config.message import Also, BrokenError, FieldError, Message, Read, attempt, expect
from hybridmesh.config.message import read as read_message
from hybridmesh.errors import HybridMeshError

from .loading import documents
from .schema import HeaderMatcher, HeaderValue, filled

__all__ = ["Expected", "Input", "RouteTest", "load_tests"]


def natural(node: Node) -> int:
    number = expect(node, int)
    if number < 0:
        raise FieldError(f"{number} is below 0")
    return number


HeaderValues = tuple[HeaderValue, ...]
HeaderMatchers = tuple[HeaderMatcher, ...]


@dataclass(frozen=True)
class Input(Message, no_effect={"runtime": "routes of Istio do not depend on it"}):
    """The request.

    Attributes
    ----------
    random_value : int
        Chooses among weighted clusters.
    """

    authority: Annotated[str, Read(filled)]
    path: Annotated[str, Read(filled)]
    method: Annotated[str, Read(filled)] = "GET"
    random_value: Annotated[int, Read(natural), Also("random_value")] = 0
    ssl: bool = False
    internal: bool = False
    additional_request_headers: Annotated[HeaderValues, Also("additional_request_headers")] = ()
    additional_response_headers: Annotated[HeaderValues, Also("additional_response_headers")] = ()


@dataclass(frozen=True)
class Expected(Message):
    """What must come of it; ``""``: nothing."""

    cluster_name: Annotated[str, Also("cluster_name")] | None = None
    virtual_cluster_name: Annotated[str, Also("virtual_cluster_name")] | None = None
    virtual_host_name: Annotated[str, Also("virtual_host_name")] | None = None
    host_rewrite: Annotated[str, Also("host_rewrite")] | None = None
    path_rewrite: Annotated[str, Also("path_rewrite")] | None = None
    path_redirect: Annotated[str, Also("path_redirect")] | None = None
    request_header_fields: Annotated[HeaderValues, Also("request_header_fields")] = ()
    response_header_fields: Annotated[HeaderValues, Also("response_header_fields")] = ()
    request_header_matches: Annotated[HeaderMatchers, Also("request_header_matches")] = ()
    response_header_matches: Annotated[HeaderMatchers, Also("response_header_matches")] = ()

    def names(self) -> Mapping[str, str]:
        """What is said of clusters, hosts and paths, by the word for it."""
        said = {
            "cluster_name": self.cluster_name,
            "virtual_cluster_name": self.virtual_cluster_name,
            "virtual_host_name": self.virtual_host_name,
            "host_rewrite": self.host_rewrite,
            "path_rewrite": self.path_rewrite,
            "path_redirect": self.path_redirect,
        }
        return {word: text for word, text in said.items() if text is not None}


@dataclass(frozen=True)
class RouteTest(Message):
    """A test."""

    test_name: Annotated[str, Read(filled), Also("test_name")]
    input: Input
    validate: Expected


@dataclass(frozen=True)
class _Tests(Message):
    tests: tuple[RouteTest, ...]


def load_tests(path: Path) -> tuple[RouteTest, ...]:
    """The tests in the file *path*.

    Raises
    ------
    ConfigError
        With all that is wrong with them.
    """
    report = Report()
    found: tuple[RouteTest, ...] = ()
    for node in documents(path, report):
        with suppress(BrokenError):
            found += attempt(_read_tests, node, report).tests
    if report.errors:
        raise ConfigError(report.errors)
    if not found:
        raise HybridMeshError(
            "The file has no tests", place=str(path), remedy="write them under 'tests'"
        )
    return found


def _read_tests(node: Node, report: Report) -> _Tests:
    return read_message(_Tests, node, report)
