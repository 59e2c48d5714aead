"""Response flags of the access log: why a request did not simply get its upstream's answer.

Names, meanings and order are Envoy's (``%RESPONSE_FLAGS%``).
"""

import enum

__all__ = ["ResponseFlag", "spell"]


class ResponseFlag(enum.IntFlag):
    """One bit per reason, in the order in which Envoy prints them."""

    UH = enum.auto()
    """No healthy upstream host: the cluster has no endpoint."""
    URX = enum.auto()
    """Upstream retry limit exceeded."""
    UT = enum.auto()
    """Upstream request timeout."""
    UF = enum.auto()
    """Upstream connection failure."""
    UC = enum.auto()
    """Upstream connection termination."""
    UO = enum.auto()
    """Upstream overflow: a circuit breaker is open."""
    NR = enum.auto()
    """No route matches."""
    DI = enum.auto()
    """A delay was injected."""
    FI = enum.auto()
    """A fault was injected: the request was aborted."""
    DC = enum.auto()
    """Downstream connection termination."""
    SI = enum.auto()
    """Stream idle timeout."""
    DPE = enum.auto()
    """Downstream protocol error."""
    UPE = enum.auto()
    """Upstream protocol error."""
    NC = enum.auto()
    """The route names a cluster that does not exist."""


def spell(flags: int) -> str:
    """*flags* as the access log has them: ``UF,URX``, or ``-`` for none."""
    return ",".join(flag.name or "" for flag in ResponseFlag(flags)) if flags else "-"
