"""The verdict engine with small tables, which are loaded word by word."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.engine import VerdictEngine

from ..lib.design import Design

__all__ = ["DESIGNS", "INTACT_AT", "engine"]

INTACT_AT = 1
"""Clocks after a frame's last beat at which it is known whether its checksums are right."""

GEOMETRIES = [
    Geometry(
        width=width,
        rows=32,
        path_bytes=max(width, 32),
        host_bytes=64,
        header_bytes=max(width, 32),
        hosts=16,
        predicates=16,
    )
    for width in (1, 8, 64)
]


def engine(geometry: Geometry) -> VerdictEngine:
    """The engine that the bench runs on."""
    return VerdictEngine(geometry, INTACT_AT)


DESIGNS = tuple(
    Design(f"width{geometry.width}", lambda geometry=geometry: engine(geometry), geometry)
    for geometry in GEOMETRIES
)
