"""A gateway to put YAML snippets into, and what comes out of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from textwrap import dedent, indent

import pytest

from hybridmesh.config import ConfigError, Finding, Mesh, lint, load

GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ["*.example.com", other.org]
"""

PODS = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pods, namespace: shop}
spec:
  hosts: [a.shop.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints:
  - {address: 10.0.0.1, labels: {version: v1}}
  - {address: 10.0.0.2, labels: {version: v2}, weight: 3, ports: {http: 9000}}
"""

SUBSETS = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: rule, namespace: shop}
spec:
  host: a
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
"""


def service(http: str, name: str = "vs", hosts: str = "[www.example.com]") -> str:
    """A VirtualService on the gateway with the entries *http*."""
    return (
        f"apiVersion: networking.istio.io/v1\n"
        f"kind: VirtualService\n"
        f"metadata: {{name: {name}, namespace: shop}}\n"
        f"spec:\n"
        f"  hosts: {hosts}\n"
        f"  gateways: [gw]\n"
        f"  http:\n" + indent(dedent(http).strip("\n"), "  ") + "\n"
    )


TO_A = "route: [{destination: {host: a}}]"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*documents: str, name: str = "mesh.yaml") -> Path:
        path = tmp_path / name
        path.write_text("---\n".join(documents))
        return path

    return write


@pytest.fixture
def read(write: Callable[..., Path]) -> Callable[..., Mesh]:
    """The mesh of some documents."""
    return lambda *documents: load([write(*documents)])


@pytest.fixture
def findings(write: Callable[..., Path]) -> Callable[..., list[Finding]]:
    """What lint says of some documents."""
    return lambda *documents: list(lint([write(*documents)]))


@pytest.fixture
def problem(write: Callable[..., Path]) -> Callable[..., str]:
    """The only error of some documents, with only the file's name in front."""

    def problem(*documents: str) -> str:
        path = write(*documents)
        with pytest.raises(ConfigError) as caught:
            load([path])
        assert len(caught.value.problems) == 1, caught.value.problems
        return str(caught.value).replace(f"{path.parent}/", "")

    return problem


@pytest.fixture
def benchmark_seconds() -> Callable[[float], AbstractContextManager[None]]:
    """Allows a block some seconds of this process's own time, whatever else the machine does."""

    @contextmanager
    def limit(seconds: float) -> Iterator[None]:
        start = time.process_time()
        yield
        assert time.process_time() - start < seconds

    return limit
