"""The whole NIC whose tables change under full traffic."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.verilog import TOP, to_verilog

from ..lib.design import Design

__all__ = ["DESIGNS"]

# Small tables: they are loaded word by word.
GEOMETRIES = [
    Geometry(
        width=width,
        rows=32,
        path_bytes=max(16, width),
        host_bytes=max(32, width),
        header_bytes=max(16, width),
        hosts=16,
        predicates=16,
    )
    for width in (1, 8, 64)
]

DESIGNS = tuple(
    Design(
        f"width{geometry.width}", lambda geometry=geometry: to_verilog(geometry), geometry, top=TOP
    )
    for geometry in GEOMETRIES
)
