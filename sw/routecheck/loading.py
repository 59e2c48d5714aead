"""The two notations of routes: Istio's resources, and Envoy's RouteConfiguration."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hybridmesh.config import ConfigError, load
from hybridmesh.config.document import Node, parse
from hybridmesh.config.findings import Report
from hybridmesh.config.message import BrokenError, attempt
from hybridmesh.config.model import Mesh
from hybridmesh.errors import HybridMeshError

from .route_configuration import read_route_configuration

__all__ = ["documents", "load_routes"]

_HOSTS = {"virtual_hosts", "virtualHosts"}


def load_routes(paths: Sequence[Path]) -> Mesh:
    """The routes in *paths*: one file with a RouteConfiguration, or Istio's YAML.

    Raises
    ------
    ConfigError
        With all that is wrong with them.
    """
    if len(paths) == 1 and paths[0].is_file():
        report = Report()
        nodes = documents(paths[0], report)
        if len(nodes) == 1 and isinstance(nodes[0].value, dict) and nodes[0].value.keys() & _HOSTS:
            with suppress(BrokenError):
                mesh: Mesh = attempt(read_route_configuration, nodes[0], report)
            if report.errors:
                raise ConfigError(report.errors)
            return mesh
    return load(paths)


def documents(path: Path, report: Report) -> list[Node]:
    """What stands in a file of YAML or JSON; *report* gets what is wrong with it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise HybridMeshError(
            "The file is not text in UTF-8", place=str(path), remedy="save it as UTF-8"
        ) from None
    # JSON may be indented with tabs, YAML may not.
    text = text.replace("\t", " ") if text.lstrip().startswith("{") else text
    return list(parse(text, str(path), report))
