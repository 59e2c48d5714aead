"""Response flags of the access log: why a request did not simply get its upstream's answer.

Names, meanings and order are Envoy's (``%RESPONSE_FLAGS%``).
"""

import enum

__all__ = ["ResponseFlag", "spell"]


class ResponseFlag(enum.IntFlag):
    """One bit per reason, in the order in which Envoy prints them."""

    UH = 1 << 0
    """No healthy upstream host: the cluster has no endpoint."""
    UT = 1 << 1
    """Upstream request timeout."""
    UF = 1 << 2
    """Upstream connection failure."""
    UC = 1 << 3
    """Upstream connection termination."""
    UO = 1 << 4
    """Upstream overflow: a circuit breaker is open."""
    NR = 1 << 5
    """No route matches."""
    DC = 1 << 6
    """Downstream connection termination."""
    URX = 1 << 7
    """Upstream retry limit exceeded."""
    SI = 1 << 8
    """Stream idle timeout."""
    DPE = 1 << 9
    """Downstream protocol error."""
    UPE = 1 << 10
    """Upstream protocol error."""
    NC = 1 << 11
    """The route names a cluster that does not exist."""


def spell(flags: int) -> str:
    """*flags* as the access log has them: ``UF,URX``, or ``-`` for none."""
    return ",".join(flag.name or "" for flag in ResponseFlag(flags)) if flags else "-"
