"""What runs for every request, as machine code by mypyc; all else about the package is in
pyproject.toml.

An installation from a checkout in place (``pip install -e``) goes without: there the sources are
what runs.  So does one without a C compiler, at twice the CPU time per request.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

_PACKAGE = Path("build", "typing", "hybridmesh")
"""Where the package stands under its own name."""

_ROOMS = ("proxy/core", "reference")


def _extensions() -> list[Extension]:
    if "editable_wheel" in sys.argv:
        return []
    from mypyc.build import mypycify

    _PACKAGE.parent.mkdir(parents=True, exist_ok=True)
    if not _PACKAGE.exists():
        _PACKAGE.symlink_to(Path("sw").resolve())
    modules = sorted(path for room in _ROOMS for path in (_PACKAGE / room).rglob("*.py"))
    extensions = mypycify(
        [str(path) for path in modules if path.name != "__init__.py"],
        opt_level=os.environ.get("MYPYC_OPT_LEVEL", "3"),
        group_name="hybridmesh_core",
        target_dir="build/mypyc",
    )
    for extension in extensions:
        extension.optional = True
    return extensions


setup(ext_modules=_extensions())
