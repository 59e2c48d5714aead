"""The core as machine code: it compiles, and does in the charts what the sources do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CHARTS = """
    actions balancing body_framing endpoints exchange intake outlier policies request_hash
    timing_wheel told_heads two_paths upgrade
"""


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, its core compiled in haste."""
    out = tmp_path_factory.mktemp("native")
    place = out / "built"
    subprocess.run(
        (sys.executable, "setup.py", "-q", "build", "-b", str(out), "--build-lib", str(place)),
        cwd=CHECKOUT, env=os.environ | {"MYPYC_OPT_LEVEL": "0"}, check=True, capture_output=True,
    )  # fmt: skip
    return place


def test_the_charts_are_the_same_on_the_compiled_core(native: Path) -> None:
    core = "hybridmesh.proxy.core.exchange"
    environment = os.environ | {"PYTHONPATH": str(native)}
    where = subprocess.run(
        (sys.executable, "-c", f"import {core}; print({core}.__file__)"),
        cwd=native, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert where.strip().endswith(".so")
    assert Path(where).is_relative_to(native)
    tests = [str(CHECKOUT / "tests" / "proxy" / f"test_{name}.py") for name in CHARTS.split()]
    run = subprocess.run(
        (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests),
        cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
