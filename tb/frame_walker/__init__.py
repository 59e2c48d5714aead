"""The frame walker, at every beat that headers can straddle."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.frame.walker import FrameWalker

from ..lib.design import Design

__all__ = ["DESIGNS"]

GEOMETRIES = [Geometry(width=width, max_frame=9216) for width in (1, 8, 64)]

DESIGNS = tuple(
    Design(f"width{geometry.width}", lambda geometry=geometry: FrameWalker(geometry), geometry)
    for geometry in GEOMETRIES
)
