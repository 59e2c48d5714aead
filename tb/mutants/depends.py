"""Which files of the checkout a file comes to import, and a hash over them."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

__all__ = ["Dependencies"]

_PACKAGES = {"hybridmesh.rtl": "rtl", "hybridmesh.platforms": "platforms", "hybridmesh": "sw"}
"""Where packages stand that are not named as their folder is; the longer names first."""


class Dependencies:
    """Of the files below *root*, as they are when first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._imported: dict[str, frozenset[str]] = {}
        self._hashes: dict[str, str] = {}

    def of(self, paths: Iterable[str]) -> frozenset[str]:
        """*paths* and all that they import, and so on."""
        found: set[str] = set()
        due = list(paths)
        while due:
            path = due.pop()
            if path not in found:
                found.add(path)
                due += self._imports(path) - found
        return frozenset(found)

    def digest(self, paths: Iterable[str]) -> str:
        """Hash over the text of all that *paths* come to import."""
        parts = [f"{path} {self._hash(path)}" for path in sorted(self.of(paths))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def _hash(self, path: str) -> str:
        if path not in self._hashes:
            self._hashes[path] = hashlib.sha256((self._root / path).read_bytes()).hexdigest()
        return self._hashes[path]

    def _imports(self, path: str) -> frozenset[str]:
        if path not in self._imported:
            names = _names(self._root / path, self._package(path))
            files = {file for name in names for file in self._files(name, path)}
            self._imported[path] = frozenset(files | set(self._conftests(path)))
        return self._imported[path]

    def _package(self, path: str) -> str:
        """The package that the module at *path* is in."""
        folder = str(Path(path).parent)
        for package, place in _PACKAGES.items():
            if folder == place or folder.startswith(f"{place}/"):
                return ".".join([package, *folder.split("/")[1:]])
        return folder.replace("/", ".")

    def _files(self, name: str, importer: str) -> Iterator[str]:
        """The files that are run where *importer* imports the module *name*, if they are ours."""
        for package, place in _PACKAGES.items():
            if f"{name}.".startswith(f"{package}."):
                name = name.replace(package, place, 1)
                break
        *packages, module = name.split(".")
        for place in self._search(importer):
            folder = place.joinpath(*packages)
            for end in (f"{module}.py", f"{module}/__init__.py"):
                if str(folder / end) in self._all:
                    yield str(folder / end)
                    for depth in range(len(packages)):
                        init = str(place.joinpath(*packages[: depth + 1], "__init__.py"))
                        if init in self._all:
                            yield init
                    return

    def _search(self, importer: str) -> list[Path]:
        """Where modules are looked for: helpers of tests stand beside them or further up."""
        parents = Path(importer).parents if importer.startswith("tests/") else ()
        return [Path(), *(parent for parent in parents if parent != Path())]

    def _conftests(self, path: str) -> Iterator[str]:
        for folder in Path(path).parents if path.startswith("tests/") else ():
            conftest = str(folder / "conftest.py")
            if conftest in self._all and conftest != path:
                yield conftest

    @cached_property
    def _all(self) -> frozenset[str]:
        places = ("rtl", "sw", "platforms", "tb", "tests")
        files = (file for place in places for file in (self._root / place).rglob("*.py"))
        return frozenset(str(file.relative_to(self._root)) for file in files)


def _names(path: Path, package: str) -> set[str]:
    """Full names of what the file at *path*, in *package*, imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=aliases):
                names.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                base = ".".join([*above, *([module] if module else [])])
                names.add(base)
                names.update(f"{base}.{alias.name}" for alias in aliases)
    return names
