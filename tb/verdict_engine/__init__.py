"""The verdict engine with small tables, which are loaded word by word."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.engine import VerdictEngine

from ..lib.design import Design

__all__ = ["DESIGNS"]

GEOMETRIES = [
    Geometry(
        width=width,
        rows=32,
        path_bytes=32,
        host_bytes=32,
        header_bytes=32,
        hosts=16,
        predicates=16,
    )
    for width in (1, 8)
]

DESIGNS = tuple(
    Design(f"width{geometry.width}", lambda geometry=geometry: VerdictEngine(geometry), geometry)
    for geometry in GEOMETRIES
)
