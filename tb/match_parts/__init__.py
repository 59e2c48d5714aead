"""The matcher's smaller parts, whose inputs are plain ports: hosts, rows, Content-Length."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.match.decimal import Decimal
from hybridmesh.rtl.match.hosts import HostMatcher
from hybridmesh.rtl.match.rows import RowMatcher

from ..lib.design import Design

__all__ = ["DESIGNS"]


def _geometry(width: int) -> Geometry:
    return Geometry(width=width, rows=64, host_bytes=64, hosts=16, predicates=16)


DESIGNS = (
    *(Design(f"hosts{w}", lambda w=w: HostMatcher(_geometry(w)), _geometry(w)) for w in (1, 8, 64)),
    *(Design(f"rows{w}", lambda w=w: RowMatcher(_geometry(w)), _geometry(w)) for w in (8, 64)),
    *(Design(f"decimal{w}", lambda w=w: Decimal(w), _geometry(w)) for w in (1, 8, 64)),
)
