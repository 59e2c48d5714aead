"""What is argued unreachable by hand, where no computation says it: all in this place, and a run
that hits any of it fails.
"""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.nic.frames import SHORTEST

from .model import Bin

__all__ = ["argued"]


def argued(geometry: Geometry, topic: str) -> dict[Bin, str]:
    """Bins of the group about *topic*, and why nothing hits them."""
    found: dict[Bin, str] = {}
    if topic == "stream" and geometry.width < SHORTEST:
        found["wire_rx", "taken every other clock"] = (
            "the packet queue is full for two clocks at least while frames come without a pause, "
            "and frames of one beat, which wait for a place each, are runts here"
        )
    return found
