"""What the tunnel cannot do, and what the user can do about it."""

from ..errors import HybridMeshError

__all__ = ["TunnelError"]


class TunnelError(HybridMeshError):
    """The kernel's part of the tunnel cannot be built, loaded or attached."""
