"""What goes wrong with a NIC."""

from ..errors import HybridMeshError

__all__ = ["NicError", "NicLostError"]


class NicError(HybridMeshError):
    """A NIC cannot be built, does not answer, or does not keep its contract."""


class NicLostError(NicError):
    """A NIC does not answer any more, or has been reset: what it was told, it may not know."""
