"""The shim inserter, at widths where the shim is many beats, whole beats, and part of a beat."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.frame.shim import ShimInserter

from ..lib.design import Design

__all__ = ["DESIGNS"]

DESIGNS = tuple(
    Design(f"width{width}", lambda width=width: ShimInserter(width), Geometry(width=width))
    for width in (1, 8, 16, 64)
)
