"""Every part of the matcher as RTLIL: it must mean the same in Verilog as in the simulator."""

import re
from collections.abc import Callable

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.lib.wiring import Component

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.http.facts import HeadFacts
from hybridmesh.rtl.match.decimal import Decimal
from hybridmesh.rtl.match.delay import Delay
from hybridmesh.rtl.match.hosts import HostMatcher
from hybridmesh.rtl.match.lines import LineMatcher
from hybridmesh.rtl.match.priority import PriorityEncoder
from hybridmesh.rtl.match.rows import RowMatcher
from hybridmesh.rtl.match.tcam import Tcam
from hybridmesh.rtl.verdict import ShimBuilder

PARTS: dict[str, Callable[[Geometry], Component]] = {
    "delay": lambda geometry: Delay(geometry.rows, 2),
    "decimal": lambda geometry: Decimal(geometry.width),
    "facts": HeadFacts,
    "hosts": HostMatcher,
    "lines": LineMatcher,
    "path": lambda geometry: Tcam(geometry.path, geometry.width),
    "priority": lambda geometry: PriorityEncoder(geometry.rows),
    "rows": RowMatcher,
    "shim": ShimBuilder,
}


@pytest.mark.parametrize("width", [1, 8])
@pytest.mark.parametrize("part", PARTS)
def test_no_part_has_a_signal_of_no_bits(part: str, width: int) -> None:
    """Verilog knows no vector of no bits: written as ``[-1:0]``, it has two."""
    geometry = Geometry(width=width, rows=32, path_bytes=16, host_bytes=16, header_bytes=16)
    component = PARTS[part](geometry)
    members = component.signature.flatten(component)
    ports = [Value.cast(value) for path, _, value in members if path[-1] != "ready"]
    text = rtlil.convert(component, ports=ports)
    widths = re.findall(r"^\s*wire width (\d+)", text, re.MULTILINE)
    assert widths
    assert "0" not in widths
