"""What is argued unreachable by hand, where no computation says it: all in this place, and a run
that hits any of it fails.
"""

from hybridmesh.contract.flow import HEADERS
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import MAX_FIELDS
from hybridmesh.contract.verdict import Reason
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
    if topic == "reason" and _least(geometry) > geometry.max_frame - HEADERS:
        found[Reason.FIELD_COUNT.word, "in one segment"] = (
            f"{MAX_FIELDS + 1} lines of which none comes too soon (reason crowded) are longer than "
            "a frame"
        )
    return found


def _least(geometry: Geometry) -> int:
    """Bytes that too many lines have at the least, if none comes too soon to be looked up.

    From the end of a line to the start of the one that its engine takes next are ``width`` bytes:
    the lines between, each with its CRLF, and the line's own CRLF; so much on the average.
    """
    engines = geometry.key_engines
    if engines == 1:
        return 0
    line = (geometry.width - 2 * engines) // (engines - 1)
    return (MAX_FIELDS + 1) * (line + 2) - engines
