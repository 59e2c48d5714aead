"""The whole NIC as it is exported, against the golden model behind the driver's interface."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.verilog import TOP, to_verilog

from ..lib.design import Design

__all__ = ["DESIGNS"]

# Small tables: they are loaded word by word at the start of each test.  So few flows that they must
# make room for each other.
GEOMETRIES = [
    Geometry(width=width, rows=32, hosts=16, predicates=16, flows=16) for width in (1, 8, 64)
]

DESIGNS = tuple(
    Design(
        f"width{geometry.width}", lambda geometry=geometry: to_verilog(geometry), geometry, top=TOP
    )
    for geometry in GEOMETRIES
)
