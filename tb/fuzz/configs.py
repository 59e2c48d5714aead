"""Configuration to its reader and to the compiler: a mesh, or errors that say where and what."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from hybridmesh.compiler import compile_table
from hybridmesh.config import ConfigError, Mesh, lint, load
from hybridmesh.contract.geometry import Geometry
from hybridmesh.errors import HybridMeshError

from .target import Seen, Target

__all__ = ["CONFIGS"]

_GEOMETRY = Geometry(rows=32, hosts=16, predicates=16)


@cache
def _file() -> Path:
    return Path(mkdtemp(prefix="fuzz-"), "mesh.yaml")


def _check(data: bytes, seen: Seen) -> Iterator[str]:
    path = _file()
    path.write_bytes(data)
    findings = [str(finding) for finding in lint([path])]
    yield from (text for text in findings if not text.startswith(str(path)) or "\n" in text)
    mesh: Mesh | None = None
    try:
        mesh = load([path])
    except ConfigError as error:
        if missing := {str(finding) for finding in error.problems} - set(findings):
            yield f"lint does not say {missing}"
    else:
        if errors := [text for text in findings if ": error: " in text]:
            yield f"loaded, with {errors}"
    if mesh is not None:
        try:
            compiled = compile_table(mesh.table, _GEOMETRY)
        except HybridMeshError as error:
            seen(("compiler", error.problem))
        else:
            seen(("rows", len(compiled.rows), len(mesh.clusters)))


CONFIGS = Target(
    claim="a configuration is a mesh, or errors each of which says where and what",
    check=_check,
    words=(
        *(b"apiVersion: networking.istio.io/v1\n", b"kind: Gateway\n", b"kind: VirtualService\n"),
        *(b"metadata: {name: a}\n", b"spec:\n", b"  http:\n", b"  - match:\n", b"\n---\n", b"    "),
        *(b"uri: {prefix: /}", b"regex: ", b"exact: ", b"route: ", b"destination: ", b"host: a"),
        *(b"headers: {a: ", b"withoutHeaders: ", b"queryParams: ", b"timeout: 1s", b"weight: 1"),
        *(
            b"retries: {attempts: 1}",
            b"&a ",
            b"*a",
            b"<<: ",
            b"!!int ",
            b"null",
            b"[]",
            b"{}",
            b"~",
        ),
        *(
            b"1e999",
            b"-1",
            b"0x",
            b".nan",
            b'"\\u0000"',
            b"\xc2\x85",
            b"(",
            b"[",
            b"*.",
            b"'",
            b"|\n",
        ),
    ),
    longest=1600,
)
