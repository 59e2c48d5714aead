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

_MODULES = (
    "proxy/core/**/[!_]*.py",
    *(f"reference/{n}.py" for n in ("conditions", "head", "index", "matcher", "path", "resolver")),
)


def _extensions() -> list[Extension]:
    if "editable_wheel" in sys.argv:
        return []
    from mypyc.build import mypycify

    _PACKAGE.parent.mkdir(parents=True, exist_ok=True)
    if not _PACKAGE.exists():
        _PACKAGE.symlink_to(Path("sw").resolve())
    modules = sorted(str(path) for pattern in _MODULES for path in _PACKAGE.glob(pattern))
    extensions = mypycify(
        # What is imported need not be there, nor be checked: `make lint` does that.
        ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", *modules],
        opt_level=os.environ.get("MYPYC_OPT_LEVEL", "3"),
        group_name="hybridmesh_core",
        target_dir="build/mypyc",
    )
    for extension in extensions:
        extension.optional = True
    return extensions


setup(ext_modules=_extensions())
