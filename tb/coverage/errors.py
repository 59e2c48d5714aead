"""What stops a run."""

from hybridmesh.errors import HybridMeshError

__all__ = ["BuildError", "DisagreementError"]


class BuildError(HybridMeshError):
    """A tool is missing or fails."""


class DisagreementError(HybridMeshError):
    """The RTL does not do what its model does, or what it must."""
