"""What the RTL does with heads, recorded from the simulated NIC with the routes of the shop."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hybridmesh.compiler import compile_table
from hybridmesh.config import load
from hybridmesh.contract.geometry import Geometry
from hybridmesh.explain import head_frames
from hybridmesh.nic import SimulatedNic
from hybridmesh.trace import Trace

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop"
GEOMETRY = Geometry()
HEAD = b"GET /api/reviews/7?page=2 HTTP/1.1\r\nHost: shop.example.com\r\nx-user-group: beta\r\n\r\n"


@pytest.fixture(scope="session")
def nic():
    """The one NIC with waves in VCD that all tests here share."""
    with SimulatedNic(GEOMETRY, "vcd") as nic:
        nic.load(compile_table(load([SHOP]).table, GEOMETRY).image)
        nic.listen(80)
        yield nic


@pytest.fixture(scope="session")
def record(nic, tmp_path_factory) -> Callable[[bytes], Path]:
    """The waves of a head."""

    def record(head: bytes) -> Path:
        waves = tmp_path_factory.mktemp("waves") / "head.vcd"
        opening, *frames = head_frames(head)
        nic.exchange([opening])
        with nic.recording(waves):
            nic.exchange(frames)
        return waves

    return record


@pytest.fixture(scope="session")
def trace_of(record) -> Callable[[bytes], Trace]:
    return lambda head: Trace.read(record(head), GEOMETRY)


@pytest.fixture(scope="session")
def trace(trace_of) -> Trace:
    return trace_of(HEAD)
