"""The endpoints' side of traffic management, as Envoy does it: who gets the next attempt.

:class:`Balancing` picks a host, :class:`Hasher` says what of a request a consistent choice depends
on, :class:`Detector` ejects hosts that fail and takes them back, :class:`Health` keeps out those
whose probes fail.  Nothing here does I/O; time comes from the core's clock.
"""

from .balancing import PANIC_THRESHOLD, Balancing
from .hashing import Hasher
from .health import Health
from .host import Host
from .outlier import Detector, http_status
from .tried import Tried

__all__ = [
    "PANIC_THRESHOLD",
    "Balancing",
    "Detector",
    "Hasher",
    "Health",
    "Host",
    "Tried",
    "http_status",
]
