"""The head lexer, byte by byte, eight and 64 bytes a clock."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.http.lexer import Lexer

from ..lib.design import Design

__all__ = ["DESIGNS"]

GEOMETRIES = [Geometry(width=width) for width in (1, 8, 64)]

DESIGNS = tuple(
    Design(f"width{geometry.width}", lambda geometry=geometry: Lexer(geometry), geometry)
    for geometry in GEOMETRIES
)
