"""The matcher of field lines and query parameters, several of which can share a beat."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.match.keys import KeyMatcher

from ..lib.design import Design

__all__ = ["DESIGNS"]

GEOMETRIES = [
    Geometry(width=width, header_bytes=max(width, 16), predicates=16) for width in (1, 8, 64)
]

DESIGNS = tuple(
    Design(f"width{geometry.width}", lambda geometry=geometry: KeyMatcher(geometry), geometry)
    for geometry in GEOMETRIES
)
