"""Every bench on every one of its designs, in the short form; HYBRIDMESH_TB_LONG=1: in the long."""

import os

import pytest

from tb.lib.design import benches, designs
from tb.lib.runner import LONG, simulate

CASES = [(bench, name) for bench in benches() for name in designs(bench)]


@pytest.mark.parametrize(("bench", "name"), CASES, ids=["-".join(case) for case in CASES])
def test_bench(bench, name):
    simulate(bench, designs(bench)[name], long=os.environ.get(LONG) == "1")
