"""Choose a NIC by the word that the command line uses for it."""

from typing import Literal

from ..contract.geometry import Geometry
from .driver import NicDriver
from .reference import ReferenceNic
from .simulated import SimulatedNic

__all__ = ["NicKind", "open_nic"]

NicKind = Literal["sim", "reference"]


def open_nic(kind: NicKind, geometry: Geometry) -> NicDriver:
    """The NIC called *kind*: ``sim`` is the RTL in simulation, ``reference`` the golden model."""
    return SimulatedNic(geometry) if kind == "sim" else ReferenceNic(geometry)
