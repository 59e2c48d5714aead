"""The machines of the grammar, each taking a whole beat of symbols a clock."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import LINE, ROLE, Machine
from hybridmesh.rtl.http.machine import PrefixMachine

from ..lib.design import Design

__all__ = ["DESIGNS", "MACHINES"]

MACHINES: dict[str, tuple[Machine, int]] = {
    "role_width1": (ROLE, 1),
    "line_width8": (LINE, 8),
    "role_width64": (ROLE, 64),
}
"""Machine and bytes per beat by design."""

DESIGNS = tuple(
    Design(
        name,
        lambda machine=machine, width=width: PrefixMachine(machine, width),
        Geometry(width=width),
    )
    for name, (machine, width) in MACHINES.items()
)
