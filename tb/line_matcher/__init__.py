"""The matcher of field lines, two of which can share a beat of eight bytes."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.match.lines import LineMatcher

from ..lib.design import Design

__all__ = ["DESIGNS"]

GEOMETRIES = [Geometry(width=width, rows=32, header_bytes=16, predicates=16) for width in (1, 8)]

DESIGNS = tuple(
    Design(f"width{geometry.width}", lambda geometry=geometry: LineMatcher(geometry), geometry)
    for geometry in GEOMETRIES
)
