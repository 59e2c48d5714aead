"""One stage for all cases of a process."""

from collections.abc import Iterator

import pytest

from .stage import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage
