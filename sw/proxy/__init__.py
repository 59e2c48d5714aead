"""The node stack: a proxy that manages HTTP/1 traffic from the NIC's verdicts.

``core`` decides and does no I/O; ``io`` has the sockets; :class:`Gateway` is both together.
"""

from .core.access_log import AccessLog, verdict_fields
from .gateway import Gateway, GatewayError, run, serve
from .source import NoVerdicts, VerdictSource, VerdictStream

__all__ = [
    "AccessLog",
    "Gateway",
    "GatewayError",
    "NoVerdicts",
    "VerdictSource",
    "VerdictStream",
    "run",
    "serve",
    "verdict_fields",
]
