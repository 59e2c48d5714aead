"""NICs and their frames: one driver interface over the simulated RTL and the golden model."""

from .driver import NicDriver
from .error import NicError
from .opening import NicKind, open_nic
from .reference import ReferenceNic
from .simulated import SimulatedNic

__all__ = ["NicDriver", "NicError", "NicKind", "ReferenceNic", "SimulatedNic", "open_nic"]
