"""A table with which the NIC decides every head that nothing else is wrong with."""

from hybridmesh.contract.geometry import OPTION_QUERY, QUERY_BIT, ROW_PROVISIONAL, Geometry
from hybridmesh.contract.table import TableImage

__all__ = ["table"]


def table(geometry: Geometry) -> TableImage:
    """Paths that begin with ``/p`` are provisional, all others have no row.

    Query parameters and field lines are looked up, and two that begin with ``a`` are repeated.
    """
    image = TableImage(geometry)
    image.word.allow_all(0)
    image.row_flags[0] = ROW_PROVISIONAL
    image.path.allow_all(0)
    for position, byte in enumerate(b"/p"):
        image.path.allow(0, position, 1 << (byte & 15), 1 << (byte >> 4))
    image.header.allow_all(0)
    low, high = ord("a") & 15, ord("a") >> 4
    image.header.allow(0, 0, 1 << low, 1 << high | 1 << (high | QUERY_BIT >> 4))
    image.options[0] = OPTION_QUERY
    return image
