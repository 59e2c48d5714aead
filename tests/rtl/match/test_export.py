"""Every part of the matcher as RTLIL: it must mean the same in Verilog as in the simulator."""

import re
from collections.abc import Callable

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.lib.wiring import Component

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.match.decimal import Decimal
from hybridmesh.rtl.match.delay import Delay
from hybridmesh.rtl.match.field import FieldAligner
from hybridmesh.rtl.match.hosts import HostMatcher
from hybridmesh.rtl.match.keys import KeyMatcher
from hybridmesh.rtl.match.lowest import LowestEntry
from hybridmesh.rtl.match.options import Options
from hybridmesh.rtl.match.priority import PriorityEncoder
from hybridmesh.rtl.match.reverse import Reverser
from hybridmesh.rtl.match.rows import RowMatcher
from hybridmesh.rtl.match.tail import Tail
from hybridmesh.rtl.match.tcam import Tcam
from hybridmesh.rtl.match.turns import CrowdingCheck, Turns
from hybridmesh.rtl.verdict import ShimBuilder

PARTS: dict[str, Callable[[Geometry], Component]] = {
    "aligner": lambda geometry: FieldAligner(geometry.width, geometry.path_bytes),
    "crowding": lambda geometry: CrowdingCheck(geometry.width),
    "decimal": lambda geometry: Decimal(geometry.width),
    "delay": lambda geometry: Delay(geometry.rows, 2),
    "hosts": HostMatcher,
    "keys": KeyMatcher,
    "lowest": lambda geometry: LowestEntry(geometry.host_class),
    "options": lambda geometry: Options(geometry.options),
    "path": lambda geometry: Tcam(geometry.path, geometry.width),
    "priority": lambda geometry: PriorityEncoder(geometry.rows),
    "reverse": lambda geometry: Reverser(geometry.width, 64, max(geometry.width, 8)),
    "rows": RowMatcher,
    "shim": ShimBuilder,
    "tail": lambda geometry: Tail(geometry.width, 9, 5),
    "turns": lambda geometry: Turns(geometry.width, geometry.key_engines),
}


LARGE = ("hosts", "keys", "path")
"""Parts that take long at width 64; at 16, too, a key of 16 bytes is one word."""

CASES = [(part, width) for part in PARTS for width in (1, 8, 16 if part in LARGE else 64)]


@pytest.mark.parametrize(("part", "width"), CASES)
def test_no_part_has_a_signal_of_no_bits(part: str, width: int) -> None:
    """Verilog knows no vector of no bits: written as ``[-1:0]``, it has two."""
    size = max(width, 16)
    sizes = {"path_bytes": size, "host_bytes": size, "header_bytes": size}
    component = PARTS[part](Geometry(width=width, rows=32, hosts=16, predicates=16, **sizes))
    members = component.signature.flatten(component)
    ports = [Value.cast(value) for path, _, value in members if path[-1] != "ready"]
    text = rtlil.convert(component, ports=ports)
    widths = re.findall(r"^\s*wire width (\d+)", text, re.MULTILINE)
    assert widths or part == "turns"
    assert "0" not in widths
