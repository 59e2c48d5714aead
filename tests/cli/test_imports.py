"""The rooms of docs/architecture.md: which may import which, and no circles among modules."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import hybridmesh

ROOT = Path(hybridmesh.__file__).parent

UPWARDS = (
    "cli", "evaluation", "demo", "lab", "explain", "ingress", "routecheck", "trace", "proxy",
    "tunnel", "nic", "reference", "compiler", "envoy", "config", "contract", "workshop", "errors",
)  # fmt: skip
"""From the top down: a room imports those behind it."""


def names() -> dict[str, Path]:
    """All modules, as their parts of a path from the package."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("hybridmesh", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(name: str, path: Path) -> Iterator[str]:
    """What the module *name* may import, whether it is a module or not."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            above = above[: len(above) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def graph() -> dict[str, set[str]]:
    modules = names()
    return {
        name: {
            other
            for other in imported(name, path)
            if other in modules and other != name and not name.startswith(f"{other}.")
        }
        for name, path in modules.items()
    }


def test_no_module_imports_itself_by_way_of_others() -> None:
    TopologicalSorter(graph()).prepare()  # raises CycleError, with the circle


def test_rooms_import_downwards_alone() -> None:
    rank = {room: number for number, room in enumerate(UPWARDS)}
    wrong = [
        (name, other)
        for name, others in graph().items()
        for other in others
        if "." in name and rank[name.split(".")[1]] > rank[other.split(".")[1]]
    ]
    assert not wrong
