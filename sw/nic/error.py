"""What goes wrong with a NIC."""

from ..errors import HybridMeshError

__all__ = ["NicError"]


class NicError(HybridMeshError):
    """A NIC cannot be built, does not answer, or does not keep its contract."""
