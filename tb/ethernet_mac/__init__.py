"""The Ethernet MAC at the 8-bit boundary: as boards have it, and with queues that are soon full."""

from hybridmesh.rtl.ethernet.mac import EthernetMac

from ..lib.design import Design

__all__ = ["BACKLOG", "DESIGNS", "LONGEST"]

LONGEST = {"jumbo": 9040, "small": 300}
BACKLOG = {"jumbo": 1000, "small": 60}
"""By design, in bytes."""

DESIGNS = tuple(
    Design(name, lambda name=name: EthernetMac(LONGEST[name], BACKLOG[name])) for name in LONGEST
)
