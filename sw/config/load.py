"""The two doors of this package: :func:`load` for those who serve, :func:`lint` for those who ask.

Both walk the same way, files to nodes to resources to mesh, and differ in what they do with the
findings.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from .document import Node, parse
from .findings import ConfigError, Finding, Report
from .lint import examine
from .mesh import bind
from .model import Location, Mesh
from .resource import read_resources

__all__ = ["lint", "load"]

_SUFFIXES = (".yaml", ".yml")


def load(paths: Sequence[Path], locality: str = "") -> Mesh:
    """The mesh that the files and folders *paths* describe.

    Parameters
    ----------
    locality : str
        ``region/zone/subzone`` of the gateway itself, as far as it is known.

    Raises
    ------
    ConfigError
        With all the errors that ``lint`` would show.
    """
    mesh, report = _read(paths, locality)
    if report.errors or mesh is None:
        raise ConfigError(report.errors)
    return mesh


def lint(paths: Sequence[Path]) -> tuple[Finding, ...]:
    """All that is wrong with, or worth saying of, the files and folders *paths*."""
    mesh, report = _read(paths)
    if mesh is not None:
        examine(mesh, report)
    return report.findings


def _read(paths: Sequence[Path], locality: str = "") -> tuple[Mesh | None, Report]:
    report = Report()
    resources = read_resources(_documents(paths, report), report)
    return bind(resources, ", ".join(map(str, paths)), locality, report), report


def _documents(paths: Sequence[Path], report: Report) -> Iterator[Node]:
    seen: set[Path] = set()
    for path in paths:
        for file in _files(path, report):
            if file.absolute() not in seen:
                seen.add(file.absolute())
                yield from _parse(file, report)


def _files(path: Path, report: Report) -> list[Path]:
    """The file itself, or the YAML files in and below a folder, sorted."""
    if not os.path.isdir(path):  # Path.is_dir raises where a parent may not be entered
        return [path]
    files: list[Path] = []

    def refuse(error: OSError) -> None:
        report.error(Location(error.filename, 0), f"cannot be read: {error.strerror}")

    for folder, _, names in os.walk(path, onerror=refuse):
        files += [Path(folder, name) for name in names if name.endswith(_SUFFIXES)]
    if not files and not report.errors:
        report.error(
            Location(str(path), 0),
            "the folder has no YAML files",
            "name a folder with *.yaml or *.yml files",
        )
    return sorted(files)


def _parse(file: Path, report: Report) -> Iterator[Node]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        report.error(Location(str(file), 0), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        report.error(Location(str(file), line), "not text in UTF-8", "save the file as UTF-8")
    except ValueError as error:
        report.error(Location(repr(str(file)), 0), f"no file can be called so: {error}")
    else:
        yield from parse(text, str(file), report)
