"""The joiner alone."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.flow.joiner import Joiner

from ..lib.design import Design

__all__ = ["DESIGNS"]

GEOMETRIES = {f"width{width}": Geometry(width=width) for width in (1, 8, 64)}

DESIGNS = tuple(
    Design(name, lambda geometry=geometry: Joiner(geometry), geometry)
    for name, geometry in GEOMETRIES.items()
)
