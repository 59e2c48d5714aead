"""The demo: the shop of ``examples/shop`` with sample pods, asked by an independent client.

The client, the pods and the expectations share no code with the gateway: what they find right is
right by their own lights.
"""

from .play import play
from .stage import SHOP, Stage

__all__ = ["SHOP", "Stage", "play"]
