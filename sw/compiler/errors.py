"""The compiler's one error: a route that cannot be understood at all, such as a broken regex.

Whatever merely does not fit the NIC is no error, the CPU keeps it.
"""

from ..errors import HybridMeshError

__all__ = ["CompileError"]


class CompileError(HybridMeshError):
    """A route table that has no meaning."""
