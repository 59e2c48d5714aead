"""One stage for all cases of a process; and the benches' progress bar, which is not installed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .stage import Stage

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage
