"""What an installation gets: all packages of the checkout, and the files beside their code."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def folder(package: str) -> Path:
    name, inner = package, ""
    while name not in SETUPTOOLS["package-dir"]:
        name, _, last = name.rpartition(".")
        inner = f"{last}/{inner}"
    return ROOT / SETUPTOOLS["package-dir"][name] / inner


def test_every_package_is_installed():
    tops = [folder(name) for name in SETUPTOOLS["package-dir"]]
    found = {path.parent for top in tops for path in top.rglob("__init__.py")}
    assert {folder(package) for package in SETUPTOOLS["packages"]} == found


def test_every_file_of_a_package_is_installed():
    beside = {
        file
        for package in SETUPTOOLS["packages"]
        for file in folder(package).rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc")
    }
    named = {
        file
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for file in folder(package).glob(pattern)
    }
    assert beside == named
