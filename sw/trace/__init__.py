"""What the RTL did with one request, clock by clock: as a picture, and for wave viewers."""

from .beats import Trace
from .picture import draw
from .views import write_gtkwave_view, write_surfer_view

__all__ = ["Trace", "draw", "write_gtkwave_view", "write_surfer_view"]
