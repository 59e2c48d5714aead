"""All that there is to fuzz, by name."""

from .chunks import CHUNKS
from .configs import CONFIGS
from .frames import FRAMES
from .heads import HEADS
from .responses import RESPONSES
from .streams import STREAMS
from .target import Target

__all__ = ["TARGETS"]

TARGETS: dict[str, Target] = {
    "heads": HEADS,
    "frames": FRAMES,
    "chunks": CHUNKS,
    "streams": STREAMS,
    "responses": RESPONSES,
    "configs": CONFIGS,
}
