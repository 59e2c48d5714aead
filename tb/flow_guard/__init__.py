"""The flow guard alone, with few connections, and with as many as need block RAM."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.flow.guard import FlowGuard

from ..lib.design import Design

__all__ = ["DESIGNS"]

SIZES = ((1, 16), (8, 16), (8, 1024), (64, 16))

GEOMETRIES = {f"width{width}_{flows}": Geometry(width=width, flows=flows) for width, flows in SIZES}

DESIGNS = tuple(
    Design(name, lambda geometry=geometry: FlowGuard(geometry), geometry)
    for name, geometry in GEOMETRIES.items()
)
