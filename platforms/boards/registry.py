"""The boards by name."""

from collections.abc import Mapping
from types import MappingProxyType

from hybridmesh.errors import HybridMeshError

from .colorlight_5a75b import Colorlight5a75b
from .top import BoardPlatform
from .versa_ecp5_5g import VersaEcp55g

__all__ = ["BOARDS", "find"]

BOARDS: Mapping[str, type[BoardPlatform]] = MappingProxyType(
    {board.name: board for board in (VersaEcp55g, Colorlight5a75b)}
)


def find(name: str) -> type[BoardPlatform]:
    """The board of that name; raises :exc:`HybridMeshError` where there is none."""
    try:
        return BOARDS[name]
    except KeyError:
        raise HybridMeshError(
            f"There is no board {name!r}", remedy=f"choose one of {', '.join(BOARDS)}"
        ) from None
